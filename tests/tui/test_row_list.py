"""What every list does with mouse and text selection; the timeline stands for all of them."""

import asyncio
from collections.abc import Iterator

import pytest
from textual import events
from textual.geometry import Offset
from textual.selection import Selection
from textual.widgets import Tooltip

from inspector.tui.widgets.row_list import RowList
from tests.tui.alone import Alone, alone
from tests.tui.story import CODE, story

SIZE = (78, 24)


def kinds(here: Alone) -> list[str]:
    return [type(event).__name__ for event in here.heard]


async def test_a_click_selects_and_a_double_click_opens() -> None:
    async with alone(story(), SIZE) as here:
        row = here.row_with("/oauth2/token")
        await here.pilot.click(offset=(30, row))
        assert here.timeline.step_id == 6
        assert [event.by_key for event in here.heard if isinstance(event, RowList.Opened)] == [False]
        await here.pilot.click(offset=(30, row), times=2)
        assert [event.by_key for event in here.heard if isinstance(event, RowList.Opened)][-1]


async def test_a_click_on_a_heading_or_on_the_names_of_the_lanes_does_nothing() -> None:
    async with alone(story(), SIZE) as here:
        before = here.timeline.step_id
        for words in ("Client", "2 Register", "user logged in"):
            await here.pilot.click(offset=(30, here.row_with(words)))
        assert here.timeline.step_id == before
        assert here.heard == []


async def test_the_right_button_asks_for_a_menu_at_its_place() -> None:
    async with alone(story(), SIZE) as here:
        row = here.row_with("/oauth2/token")
        await here.pilot.click(offset=(30, row), button=3)
        assert here.timeline.step_id == 6
        asked = here.heard[-1]
        assert isinstance(asked, RowList.MenuRequested)
        assert asked.at == Offset(30, row)
        assert "Opened" not in kinds(here)


async def test_dragging_selects_text_and_leaves_the_cursor() -> None:
    async with alone(story(), SIZE) as here:
        before = here.timeline.step_id
        top, bottom = here.row_with("/oauth2/register"), here.row_with("/oauth2/token")
        column = here.rows[top].index("POST")
        await here.pilot.mouse_down(offset=(column, top))
        await here.pilot.hover(offset=(column + 20, bottom))
        await here.pilot.mouse_up(offset=(column + 20, bottom))
        await here.pilot.pause()
        selected = here.app.screen.get_selected_text()
        assert selected is not None
        lines = selected.splitlines()
        assert lines[0].startswith("POST /oauth2/register")
        assert "GET  /oauth2/authorize" in selected
        assert lines[-1].endswith("POST /oauth2/token")
        assert len(lines) == bottom - top + 1
        assert here.timeline.step_id == before
        assert kinds(here) == []


async def test_what_is_dragged_over_is_marked_also_after_scrolling() -> None:
    async with alone(story(), (78, 8)) as here:
        here.timeline.scroll_to(y=6, animate=False)
        await here.pilot.pause()
        here.app.screen.selections = {here.timeline: Selection(Offset(0, 8), Offset(10, 8))}
        await here.pilot.pause()
        marked = here.app.screen.get_visual_style("screen--selection").background
        strip = here.strips[1 + 8 - round(here.timeline.scroll_offset.y)]
        colours = {segment.style.bgcolor.name for segment in strip if segment.style and segment.style.bgcolor}
        assert marked is not None
        assert len(colours) > 1


async def test_the_wheel_scrolls_and_the_names_of_the_lanes_stay() -> None:
    async with alone(story(), (78, 8)) as here:
        here.timeline.action_edge(0)
        await here.pilot.pause()
        assert "1 Discover" in here.rows[1]
        here.timeline.post_message(events.MouseScrollDown(here.timeline, 5, 5, 0, 1, 0, False, False, False))
        await here.pilot.pause()
        assert "1 Discover" not in here.rows[1]
        assert "AuthKit" in here.rows[0]
        assert here.timeline.step_id == 1


@pytest.mark.parametrize("height", [3, 4, 8, 24])
async def test_the_cursor_is_in_sight_wherever_it_goes(height: int) -> None:
    async with alone(story(), (78, height)) as here:
        for key in ("end", "home", "down", "down", "down", "pagedown", "pageup", "G", "up", "g"):
            await here.pilot.press(key)
            assert here.timeline.cursor_in_sight, key
            assert sum("▌" in row for row in here.rows) == 1, key
        assert "1 Discover" in here.rows[1]


def tips(here: Alone) -> Iterator[str]:
    for index in range(here.timeline.row_count):
        if tip := here.timeline.tip(index):
            yield tip.plain


async def test_resting_on_a_row_shows_the_whole_url_without_its_secrets() -> None:
    async with alone(story(), SIZE) as here:
        heading = here.row_with("2 Register")
        await here.pilot.hover(offset=(30, here.row_with("/oauth2/authorize")))
        tooltip = here.app.screen.query_one(Tooltip)
        async with asyncio.timeout(10):
            while not tooltip.display:
                await here.pilot.pause(0.02)
        assert "https://imaginative-palm-54.authkit.app/oauth2/authorize?response_type=code" in str(tooltip.visual)
        assert all(CODE not in tip for tip in tips(here))
        await here.pilot.hover(offset=(30, heading))
        assert here.timeline.tooltip is None
