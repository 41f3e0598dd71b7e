"""Hostile captured text on every screen and dialog, in every theme, without colour and in ASCII alone."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.tui.every_screen import EVERY_SCREEN, Told, looking_at, same_everywhere
from tests.tui.hostile import raw_characters
from tests.tui.stage import BESIDE, SIZES, SPREAD, STACKED, DrivenFeed, stage
from tests.tui.test_hostile_text import EVERYTHING, poisoned


@dataclass(frozen=True, slots=True)
class Looks:
    """How the program is started."""

    theme: str = ""
    no_color: bool = False
    ascii_only: bool = False
    size: tuple[int, int] = BESIDE


LOOKS: Mapping[str, Looks] = {
    "dark": Looks("textual-dark", size=SPREAD),
    "light": Looks("textual-light", size=STACKED),
    "contrast": Looks("high-contrast"),
    "no-color": Looks(no_color=True, size=STACKED),
    "ascii": Looks(ascii_only=True, size=SPREAD),
    "ansi": Looks("ansi-dark"),
}
EACH_ONCE = list(zip(EVERY_SCREEN, cycle(LOOKS), strict=False))
"""Every screen in one of the looks; every pair of them is tried at night."""


@pytest.mark.parametrize(("name", "look"), EACH_ONCE)
async def test_no_screen_is_taken_over(name: str, look: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    await no_screen_is_taken_over(name, LOOKS[look], monkeypatch, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", EVERY_SCREEN)
async def test_no_screen_is_taken_over_in_any_look(
    name: str, look: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await no_screen_is_taken_over(name, LOOKS[look], monkeypatch, tmp_path)


async def no_screen_is_taken_over(name: str, looks: Looks, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Bring the screen up, page through it, and look for what a terminal would obey."""
    same_everywhere(monkeypatch, folder)
    if looks.no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    told = Told(poisoned(EVERYTHING), lambda words: f"{words} {EVERYTHING}", looks.ascii_only, looks.theme)
    async with looking_at(EVERY_SCREEN[name], told, looks.size) as here:
        for key in ("", "pagedown", "end", "tab", "pagedown"):
            if key:
                await here.press(key)
            assert raw_characters("".join(here.rows)) == set(), key
            assert not looks.ascii_only or here.text.isascii()
            assert {cell_len(row) for row in here.rows} == {looks.size[0]}
        assert here.app.is_running
        for row, text in enumerate(here.rows):
            for column in range(0, len(text), 3):
                style = here.app.screen.get_style_at(column, row)
                assert style.link is None
                assert "app.quit" not in str(style.meta.get("@click"))


async def test_a_window_of_any_size_takes_live_traffic() -> None:
    feed = DrivenFeed()
    async with stage(feed, (60, 20)) as here:
        exchanges = poisoned(EVERYTHING)
        for exchange, size in zip(exchanges, cycle(((60, 20), (20, 5), *SIZES, (1, 1))), strict=False):
            await feed.queue.put([exchange])
            await here.pilot.resize_terminal(*size)
            await asyncio.sleep(0)
            await here.press("down")
            assert raw_characters("".join(here.rows)) == set()
        await here.pilot.resize_terminal(60, 20)
        await here.until(lambda: here.app.recording.exchange_count == len(exchanges))
        assert here.app.is_running
