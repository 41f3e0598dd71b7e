import pytest

from inspector.doctor.check import Health
from inspector.doctor.machine import machine_checks

TERMINAL = {"TERM": "xterm-256color"}


def check(name: str, environment: dict[str, str]) -> tuple[Health, str, str]:
    found = next(each for each in machine_checks(environment) if each.name == name)
    return found.health, found.says, found.cure


def test_mitmproxy_of_this_installation_is_one_that_was_tried() -> None:
    assert check("mitmproxy", TERMINAL)[0] is Health.GOOD


def test_loopback_can_be_used_here() -> None:
    assert check("ports on loopback", TERMINAL)[0] in (Health.GOOD, Health.NOTE)


@pytest.mark.parametrize("bypass", ["localhost,127.0.0.1", "*", "example.com, localhost"])
def test_a_bypass_of_loopback_is_named_with_its_cure(bypass: str) -> None:
    health, says, cure = check("proxy variables", {"NO_PROXY": bypass})
    assert health is Health.NOTE
    assert "NO_PROXY" in says
    assert "NO_PROXY=" in cure


def test_a_proxy_that_is_set_already_is_named_without_its_value() -> None:
    health, says, cure = check("proxy variables", {"HTTPS_PROXY": "http://user:secret@proxy.example:3128"})
    assert health is Health.NOTE
    assert "HTTPS_PROXY" in says
    assert "secret" not in says + cure
    assert "--upstream-proxy" in cure


def test_no_proxy_variable_is_well() -> None:
    assert check("proxy variables", {})[0] is Health.GOOD


def test_a_terminal_that_shows_nothing_is_told_another_way() -> None:
    assert "`check`" in check("terminal", {"TERM": "dumb"})[2]


def test_every_line_has_a_cure_where_something_is_bad() -> None:
    assert all(each.cure for each in machine_checks({}) if each.health is Health.BAD)
