"""The menu bar, pull-down menus and context menus, by key and by mouse."""

import pytest

from inspector.tui.action import Menu
from inspector.tui.actions import ACTIONS, in_menu, menus
from inspector.tui.screens.menu import Entries, MenuScreen
from tests.tui.stage import BESIDE, SIZES, STACKED, Stage, stage
from tests.tui.story import story


def marked(here: Stage) -> str:
    return here.app.screen.query_one(Entries).action.id


@pytest.mark.parametrize("size", [*SIZES, (60, 20), (40, 12)])
async def test_every_menu_fits_and_shows_its_entries_with_their_keys(size: tuple[int, int]) -> None:
    async with stage(story(), size) as here:
        await here.press("f10")
        for menu in menus():
            box = here.app.screen.query_one(Entries).region
            rows = [row[box.x : box.right] for row in here.rows[box.y : box.bottom]]
            for action, row in zip(in_menu(menu), rows[1:], strict=False):
                key = (*action.names({}), "")[0]
                assert row.strip(" │╰─╯").split() == [*action.title.split(), *key.split()] or box.height > size[1] - 2
            await here.press("right")
        await here.press("escape")
        assert not isinstance(here.app.screen, MenuScreen)


async def test_arrows_go_through_entries_and_menus_around_their_ends() -> None:
    async with stage(story(), STACKED) as here:
        await here.press("f10")
        entries = in_menu(Menu.FILE)
        assert marked(here) == entries[0].id
        await here.press("up")
        assert marked(here) == entries[-1].id
        await here.press("down", "down")
        assert marked(here) == entries[1].id
        await here.press("left")
        assert marked(here) in {action.id for action in in_menu(menus()[-1])}


async def test_enter_does_what_is_marked_and_a_letter_does_it_at_once() -> None:
    async with stage(story(), STACKED) as here:
        await here.press("f10", "right", "right", "down", "enter")
        assert "✗ aud-is-client-id" in here.text or here.main.selection.finding
        await here.press("f10", "left")
        assert "Show every key" in here.text
        assert "╭─ Keys" in await here.press("h")


async def test_what_cannot_be_done_stays_with_its_reason() -> None:
    async with stage(story(), STACKED) as here:
        await here.press("f10", "down", "down")
        assert marked(here) == "file.next"
        assert "Next session: No other session is open; o opens one." in here.rows[-1]
        await here.press("enter")
        assert isinstance(here.app.screen, MenuScreen)


async def test_a_key_that_cannot_be_done_says_why_in_the_status_line() -> None:
    async with stage(story(), STACKED) as here:
        await here.press("full_stop")
        assert "No other session is open; o opens one." in here.status
        await here.press("y")
        assert "demo.mitm" in here.status


async def test_the_mouse_opens_chooses_and_closes() -> None:
    async with stage(story(), STACKED) as here:
        await here.click(" View ")
        assert "Diagram or list" in here.text
        await here.click(" File ")
        assert "Diagram or list" not in here.text
        await here.pilot.hover(offset=(5, 3))
        await here.settle()
        assert marked(here) == in_menu(Menu.FILE)[1].id
        await here.pilot.click(offset=(60, 20))
        await here.settle()
        assert not isinstance(here.app.screen, MenuScreen)
        await here.click(" Help ")
        await here.click("Commands...")
        await here.settle()
        assert not isinstance(here.app.screen, MenuScreen)


async def test_a_right_click_opens_what_can_be_done_with_the_row() -> None:
    async with stage(story(), BESIDE) as here:
        row = next(number for number, text in enumerate(here.rows) if "/oauth2/token" in text)
        await here.pilot.click(offset=(here.rows[row].index("/oauth2/token"), row), button=3)
        await here.settle()
        assert isinstance(here.app.screen, MenuScreen)
        assert "Copy" in here.text
        await here.press("r")
        await here.settle()
        assert here.main.selection.step == 6
        assert here.main._detail.tab == "request"


@pytest.mark.parametrize("pane", ["timeline", "problems", "verdict", "why"])
async def test_the_context_menu_opens_by_key_wherever_the_focus_is(pane: str) -> None:
    async with stage(story(), BESIDE) as here:
        here.main.query_one(f"#{pane}").focus()
        await here.press("m")
        assert isinstance(here.app.screen, MenuScreen)
        assert {action.id for action in here.app.screen.query_one(Entries).actions} >= {"edit.copy"}
        assert "edit.copy" in {action.id for action in ACTIONS}


async def test_menus_open_over_live_traffic_and_without_any() -> None:
    from tests.tui.stage import DrivenFeed

    feed = DrivenFeed()
    async with stage(feed, STACKED) as here:
        await here.press("f10", "right", "right")
        await feed.queue.put(story())
        await here.until(lambda: "Timeline" in here.text)
        await here.pilot.resize_terminal(60, 20)
        await here.press("escape")
        assert here.app.is_running
