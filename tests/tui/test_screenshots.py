"""Pictures of the running application for the README, compared with what is checked in.

UPDATE_SCREENSHOTS=1 writes them anew; look at them before you commit them. Only what stands on the screen is compared:
shades may differ from one version of Textual to the next.
"""

import os
import re
from html import unescape
from pathlib import Path

import pytest

from tests.tui.every_screen import EVERY_SCREEN, looking_at, plain, same_everywhere
from tests.tui.stage import BESIDE, SPREAD, STACKED, stage
from tests.tui.story import story

FOLDER = Path(__file__).parents[2] / "screenshots"
PICTURES = {
    "demo-80x24": (STACKED, "verdict"),
    "demo-160x48": (SPREAD, "verdict"),
    "first-run": (STACKED, "first-run"),
    "live": (BESIDE, "live"),
    "token": (BESIDE, "token"),
    "walk": (BESIDE, "walk"),
    "compare": (BESIDE, "compare"),
    "export": (BESIDE, "export"),
}
"""By name, how large the window is, and which screen of `tests.tui.every_screen` it shows."""


@pytest.mark.parametrize("name", PICTURES)
async def test_the_pictures_show_what_the_program_shows(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    same_everywhere(monkeypatch, tmp_path)
    size, look = PICTURES[name]
    async with looking_at(EVERY_SCREEN[look], plain(), size) as here:
        picture = stable(here.app.export_screenshot(title="mcp-auth-inspector"))
    path = FOLDER / f"{name}.svg"
    if os.environ.get("UPDATE_SCREENSHOTS"):
        path.write_text(picture, encoding="utf-8")
    assert words(picture) == words(path.read_text(encoding="utf-8")), "UPDATE_SCREENSHOTS=1 makes the pictures anew"


def test_no_picture_is_left_of_a_screen_that_is_gone() -> None:
    assert {path.stem for path in FOLDER.glob("*.svg")} == set(PICTURES)


async def test_the_same_screen_gives_the_same_picture() -> None:
    pictures = set()
    for _ in range(2):
        async with stage(story(), STACKED) as here:
            pictures.add(stable(here.app.export_screenshot()))
    assert len(pictures) == 1


def stable(svg: str) -> str:
    """The picture without ids made up for it, and without fonts from elsewhere: it shows itself, offline too."""
    svg = re.sub(r"terminal-\d+", "terminal", svg)
    svg = re.sub(r"\s*@font-face \{[^}]*\}", "", svg)
    return svg.replace("Fira Code,", "'Fira Code','DejaVu Sans Mono',").rstrip() + "\n"


def words(svg: str) -> list[tuple[str, str]]:
    """Every text with the place where it stands."""
    found = re.findall(r'<text [^>]*?x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>', svg)
    return [(f"{x},{y}", unescape(text).strip()) for x, y, text in found if unescape(text).strip()]
