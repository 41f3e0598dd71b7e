"""Edges between panes: dragged by mouse, moved by key, in every layout."""

import pytest
from textual import events
from textual.widget import Widget

from tests.tui.stage import BESIDE, SPREAD, STACKED, Stage, stage
from tests.tui.story import story


async def drag(here: Stage, start: tuple[int, int], end: tuple[int, int]) -> None:
    """Press the left button at one place, move, and let go at another."""
    screen = here.main

    def event(kind: type[events.MouseEvent], at: tuple[int, int]) -> events.MouseEvent:
        return kind(screen, at[0], at[1], 0, 0, 1, False, False, False, at[0], at[1])

    screen._forward_event(event(events.MouseMove, start))
    await here.settle()
    screen._forward_event(event(events.MouseDown, start))
    await here.settle()
    screen._forward_event(event(events.MouseMove, end))
    await here.settle()
    screen._forward_event(event(events.MouseUp, end))
    await here.settle()


def pane(here: Stage, name: str) -> Widget:
    return here.main.query_one(f"#{name}")


async def test_the_edge_between_lists_and_detail_is_dragged_sideways() -> None:
    async with stage(story(), BESIDE) as here:
        edge = pane(here, "lists").region.right
        await drag(here, (edge, 20), (70, 20))
        assert pane(here, "lists").region.right in (70, 71)
        assert pane(here, "detail").region.x == pane(here, "lists").region.right
        assert here.app.preferences.splits["beside"] == 59
        assert here.main.selections == {}


async def test_stacked_panes_are_dragged_up_and_down() -> None:
    async with stage(story(), STACKED) as here:
        edge = pane(here, "lists").region.bottom
        await drag(here, (30, edge - 1), (30, edge + 4))
        assert abs(pane(here, "lists").region.bottom - (edge + 5)) <= 1
        assert "stacked" in here.app.preferences.splits


async def test_timeline_and_problems_share_their_column_by_dragging() -> None:
    async with stage(story(), BESIDE) as here:
        edge = pane(here, "timeline").region.bottom
        await drag(here, (10, edge), (10, 15))
        assert abs(pane(here, "timeline").region.bottom - 16) <= 1
        assert pane(here, "problems").region.bottom == pane(here, "detail").region.bottom


async def test_why_and_what_is_below_it_share_the_right_side() -> None:
    async with stage(story(), SPREAD) as here:
        edge = pane(here, "why").region.bottom
        await drag(here, (120, edge), (120, edge + 8))
        assert abs(pane(here, "why").region.bottom - (edge + 9)) <= 1
        assert pane(here, "request").region.y == pane(here, "why").region.bottom


async def test_dragging_over_text_moves_no_edge() -> None:
    async with stage(story(), BESIDE) as here:
        before = pane(here, "lists").region
        await drag(here, (20, 10), (80, 12))
        assert pane(here, "lists").region == before
        assert here.app.preferences.splits == {}


@pytest.mark.parametrize("focus", ["timeline", "problems", "why"])
@pytest.mark.parametrize("size", [STACKED, BESIDE, SPREAD])
async def test_plus_gives_the_focused_pane_room_and_minus_takes_it(size: tuple[int, int], focus: str) -> None:
    async with stage(story(), size) as here:
        if not pane(here, focus).region:
            return
        pane(here, focus).focus()
        before = pane(here, focus).region.area
        await here.press("plus")
        grown = pane(here, focus).region.area
        assert grown > before
        await here.press("minus", "minus")
        assert pane(here, focus).region.area < grown
        for _ in range(40):
            await here.press("plus")
        assert all(pane(here, name).region.width > 5 for name in ("timeline", "detail"))


async def test_an_edge_stays_when_the_window_changes_and_each_layout_has_its_own() -> None:
    async with stage(story(), BESIDE) as here:
        await drag(here, (pane(here, "lists").region.right, 20), (70, 20))
        await here.pilot.resize_terminal(*STACKED)
        await here.settle()
        assert pane(here, "lists").region.width == 80
        await here.pilot.resize_terminal(40, 12)
        await here.settle()
        assert pane(here, "lists").region.width == 40
        assert pane(here, "timeline").region.height >= 8
        await here.pilot.resize_terminal(*BESIDE)
        await here.settle()
        assert pane(here, "lists").region.right in (70, 71)
