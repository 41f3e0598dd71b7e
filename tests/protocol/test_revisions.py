"""Levels of a requirement per revision."""

import pytest

from inspector.protocol.revisions import DEFAULT_REVISION, REVISIONS, Levels


def test_one_level_for_each_revision_oldest_first() -> None:
    levels = Levels.parse("- | rfc-MUST|SHOULD |  MUST NOT")
    assert [levels.at(revision) for revision in REVISIONS] == ["-", "rfc-MUST", "SHOULD", "MUST NOT"]


@pytest.mark.parametrize("text", ["", "MUST", "MUST | MUST | MUST", "a | b | c | d | e"])
def test_another_number_of_levels_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="one is needed for each of 2025-03-26"):
        Levels.parse(text)


@pytest.mark.parametrize(
    ("revision", "level"),
    [("2024-11-05", "a"), ("", "a"), ("2025-09-01", "b"), ("2026-01-26", "c"), ("2030-01-01", "d"), ("draft", "d")],
)
def test_an_unknown_revision_reads_as_the_known_one_before_it(revision: str, level: str) -> None:
    assert Levels.parse("a | b | c | d").at(revision) == level


def test_the_default_is_a_known_revision() -> None:
    assert DEFAULT_REVISION in REVISIONS
    assert list(REVISIONS) == sorted(REVISIONS)
