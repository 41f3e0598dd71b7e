"""Pictures of the running application for the README, compared with what is checked in.

UPDATE_SCREENSHOTS=1 writes them anew; look at them before you commit them. Only what stands on the screen is compared:
shades may differ from one version of Textual to the next.
"""

import os
import re
from html import unescape
from pathlib import Path

import pytest

from tests.tui.stage import SPREAD, STACKED, stage
from tests.tui.story import story

FOLDER = Path(__file__).parents[2] / "screenshots"
PICTURES = {
    "demo-80x24": (STACKED, ()),
    "demo-160x48": (SPREAD, ()),
}


@pytest.mark.parametrize("name", PICTURES)
async def test_the_pictures_show_what_the_program_shows(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    size, keys = PICTURES[name]
    async with stage(story(), size) as here:
        await here.press(*keys)
        picture = stable(here.app.export_screenshot(title="mcp-auth-inspector"))
    path = FOLDER / f"{name}.svg"
    if os.environ.get("UPDATE_SCREENSHOTS"):
        path.write_text(picture, encoding="utf-8")
    assert words(picture) == words(path.read_text(encoding="utf-8")), "UPDATE_SCREENSHOTS=1 makes the pictures anew"


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
