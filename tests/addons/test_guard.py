import logging

import pytest

from addons.guard import harmless


class Hooks:
    @harmless
    def works(self, value: str) -> None:
        pass

    @harmless
    def fails(self, value: str) -> None:
        raise ValueError(f"bad value {value}")


def test_the_result_says_whether_it_went_well() -> None:
    assert Hooks().works("x") is True
    assert Hooks().fails("x") is False


def test_the_log_has_the_kind_and_the_place_but_not_the_text(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        Hooks().fails("secret")
    assert "fails failed with ValueError at " in caplog.text
    assert "test_guard.py:" in caplog.text
    assert "secret" not in caplog.text
