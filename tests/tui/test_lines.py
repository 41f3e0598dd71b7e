import pytest
from rich.cells import cell_len
from textual.content import Content

from inspector.rules.model import Confidence, Finding, Party, Severity
from inspector.tui.lines import Line, field, heading, lay_out

FINDING = Finding(
    "resource-missing-token",
    "Token request without resource",
    Severity.ERROR,
    Confidence.CERTAIN,
    Party.CLIENT,
    "MUST",
    "The token request has no resource.",
    "",
    "",
    (),
)


def rows(lines: list[Line], width: int) -> list[str]:
    return [row.content.plain for row in lay_out(lines, width)]


def test_values_never_run_under_their_keys() -> None:
    laid = rows([field("key", "a value of several words"), field("longer key", "b")], 30)
    assert laid == ["key         a value of several", "            words", "longer key  b"]


def test_a_gap_starts_a_new_key_column() -> None:
    assert rows([field("a long key", "1"), heading("Next"), field("k", "2")], 40) == [
        "a long key  1",
        "Next",
        "k  2",
    ]


def test_a_finding_is_marked_beside_the_value_where_it_fits_and_below_where_not() -> None:
    line = field("resource", "-", findings=[FINDING])
    assert rows([line], 60) == ["resource  -  ✗ resource-missing-token"]
    assert rows([line], 36) == ["resource  -", "          ✗ resource-missing-token"]


def test_wrapped_rows_keep_the_indent_of_their_line() -> None:
    assert rows([Line(Content("    one two three"))], 12) == ["    one two", "    three"]


@pytest.mark.parametrize("width", [24, 40, 110])
def test_no_row_is_wider_than_the_pane(width: int) -> None:
    lines = [
        field("k" * 100, "v" * 300),
        field("漢字" * 30, "漢字" * 100, findings=[FINDING]),
        Line(Content(" " * 90 + "x" * 90)),
    ]
    assert max(cell_len(row) for row in rows(lines, width)) <= width


def test_every_row_knows_its_line() -> None:
    line = Line(Content("one two three four"))
    assert {id(row.line) for row in lay_out([line], 5)} == {id(line)}
