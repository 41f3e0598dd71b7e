"""The drawing: arrows, marks and columns, in any width and without colours."""

import pytest
from rich.cells import cell_len

from inspector.tui.looks import ASCII_FORMS
from inspector.tui.widgets.sequence import Arrow, Plan, draw_head, draw_lanes, plan
from inspector.tui.widgets.sequence_lanes import Lanes

THREE = Lanes()
FOUR = Lanes(
    ("Client", "MCP server", "AuthKit", "Browser"),
    ("Client", "MCP", "AuthKit", "Browser"),
    ("Client", "MCP", "Auth", "Browser"),
)


NARROW = Plan(58, 2, FOUR.short_names, (3, 8, 14, 22), 24, has_time=False, has_duration=False)


def drawn(arrow: Arrow, *, here: bool = False) -> str:
    return draw_lanes(NARROW, arrow, here=here).plain


@pytest.mark.parametrize("lanes", [THREE, FOUR])
@pytest.mark.parametrize("number", [1, 2, 6])
def test_every_width_has_columns_that_fit_or_no_diagram(lanes: Lanes, number: int) -> None:
    for width in range(200):
        if (planned := plan(lanes, number, width)) is None:
            assert width < 50
            continue
        assert planned.path >= 8
        assert planned.lanes[-1] < planned.text <= width
        assert planned.lanes[0] > number
        assert cell_len(draw_lanes(planned).plain) == planned.text - planned.lanes[0]
        assert cell_len(draw_head(planned).plain) <= width


def test_the_widths_of_the_panes_have_what_they_promise() -> None:
    def shown(lanes: Lanes, width: int) -> tuple[bool, bool]:
        planned = plan(lanes, 2, width)
        assert planned
        return planned.has_time, planned.has_duration

    assert shown(FOUR, 76) == shown(THREE, 76) == shown(THREE, 58) == (True, True)
    assert shown(FOUR, 56) == (True, False)
    assert plan(FOUR, 2, 44) is not None
    assert plan(FOUR, 2, 30) is None


def test_names_stand_over_their_lanes_and_apart() -> None:
    for lanes in (THREE, FOUR):
        for width in (44, 56, 76, 120):
            planned = plan(lanes, 2, width)
            assert planned
            head = draw_head(planned).plain
            for name, lane in zip(planned.names, planned.lanes, strict=True):
                start = head.index(name)
                assert start <= lane < start + len(name)
                assert head[start + len(name) :][:1] in ("", " ")


def test_an_arrow_goes_from_who_asks_to_who_is_asked_over_the_lanes_between() -> None:
    assert drawn(Arrow(0, 1)) == "├───►│     │       │ "
    assert drawn(Arrow(0, 2)) == "├────┼────►│       │ "
    assert drawn(Arrow(3, 2)) == "│    │     │◄──────┤ "
    assert drawn(Arrow(3, 0)) == "│◄───┼─────┼───────┤ "


def test_what_is_wrong_stands_on_the_arrow() -> None:
    assert drawn(Arrow(0, 2, mark="✗2")) == "├────┼─✗2─►│       │ "
    assert drawn(Arrow(3, 2, mark="!1")) == "│    │     │◄─!1───┤ "
    assert drawn(Arrow(0, 1, mark="✗12")) == "├✗12►│     │       │ "
    assert drawn(Arrow(0, 1, mark="✗1")) == "├─✗1►│     │       │ "


def test_legs_that_were_not_seen_broke_or_wait_look_so_without_colour() -> None:
    assert drawn(Arrow(0, 2, unseen=True)) == "├┄┄┄┄│┄┄┄┄►│       │ "
    assert drawn(Arrow(0, 2, broken=True)) == "├────┼────✗│       │ "
    assert drawn(Arrow(0, 2, waiting=True)) == "├────┼────…│       │ "


def test_a_flag_stands_at_the_tail_and_gives_way_to_a_mark() -> None:
    assert drawn(Arrow(0, 2, flag="~", mark="✗1")) == "├~───┼─✗1─►│       │ "
    assert drawn(Arrow(3, 2, flag="R")) == "│    │     │◄─────R┤ "
    assert drawn(Arrow(0, 1, flag="~", mark="✗12")) == "├✗12►│     │       │ "


def test_the_arrow_at_the_cursor_is_heavy() -> None:
    assert drawn(Arrow(0, 2), here=True) == "┝━━━━┿━━━━►│       │ "


def test_every_arrow_has_a_form_in_ascii() -> None:
    for arrow in (
        Arrow(0, 2, mark="✗2", flag="~"),
        Arrow(3, 0),
        Arrow(0, 1, unseen=True),
        Arrow(0, 2, broken=True),
        Arrow(0, 2, waiting=True),
    ):
        for here in (False, True):
            text = drawn(arrow, here=here)
            in_ascii = text.translate(ASCII_FORMS)
            assert in_ascii.isascii()
            assert len(in_ascii) == len(text)
    assert drawn(Arrow(0, 2, mark="✗2")).translate(ASCII_FORMS) == "|----+-x2->|       | "


def test_lanes_stand_still_while_nothing_is_sent() -> None:
    assert draw_lanes(NARROW).plain == "│    │     │       │ "
    assert draw_lanes(NARROW, paused=True).plain == "┊    ┊     ┊       ┊ "
