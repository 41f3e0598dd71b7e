import re
from pathlib import Path

import pytest

from inspector.tui.screens.open import OpenDialog, contents, recent_files
from tests.tui.hostile import HOSTILE, raw_characters
from tests.tui.stage import STACKED, stage
from tests.tui.story import story


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MCP_AUTH_INSPECTOR_HOME", str(tmp_path / "home"))
    inside = tmp_path / "recordings"
    (inside / "older").mkdir(parents=True)
    (inside / ".hidden").mkdir()
    for name in ("b.har", "A.mcpauth", "c.FLOW", "notes.txt", ".hidden.har"):
        (inside / name).write_text('{"log": {"entries": []}}')
    monkeypatch.chdir(inside)
    return inside


def test_a_folder_shows_what_can_be_opened_and_where_one_can_go(folder: Path) -> None:
    assert [entry.label for entry in contents(folder)] == ["../", "A.mcpauth", "b.har", "c.FLOW", "older/"]


def test_recent_files_are_those_opened_and_then_those_recorded(folder: Path) -> None:
    sessions = folder.parent / "home" / "sessions"
    sessions.mkdir(parents=True)
    for name in ("2026-01-01-000000-aa.mcpauth", "2026-02-01-000000-bb.mcpauth"):
        (sessions / name).write_text("")
    found = recent_files([folder / "b.har", folder / "gone.har"])
    assert [entry.label for entry in found] == [
        str(folder / "b.har"),
        "2026-02-01-000000-bb.mcpauth",
        "2026-01-01-000000-aa.mcpauth",
    ]


async def test_a_file_is_chosen_with_the_arrows(folder: Path) -> None:
    async with stage(story(), STACKED) as here:
        await here.press("o")
        await here.until(lambda: "b.har" in here.text)
        assert "notes.txt" not in here.text
        await here.press("down", "down", "enter")
        await here.until(lambda: here.app.session.name == "b.har")
        await here.press("o")
        await here.until(lambda: "Recent" in here.text)
        assert here.app.preferences.recent == [str(folder / "b.har")]
        await here.press("escape")
        assert "b.har" in here.status


async def test_folders_are_gone_into_and_out_of(folder: Path) -> None:
    async with stage(story(), STACKED) as here:
        await here.press("o")
        await here.until(lambda: "older/" in here.text)
        await here.press("end", "enter")
        await here.until(lambda: "recordings/older" in here.text)
        assert "No file here ends in .mcpauth" in here.text
        await here.press("home", "enter")
        await here.until(lambda: "b.har" in here.text)


async def test_a_path_is_typed_and_a_wrong_one_is_said_in_place(folder: Path) -> None:
    async with stage(story(), STACKED) as here:
        await here.press("o")
        await here.until(lambda: "b.har" in here.text)
        await here.press("shift+tab", *"nothing.har", "enter")
        await here.until(lambda: "nothing.har does not exist" in re.sub(r"[│\s]+", " ", here.text))
        await here.press(*["backspace"] * 11, *"older", "enter")
        await here.until(lambda: "No file here ends in" in here.text)
        await here.press(*"../c.FLOW", "enter")
        await here.until(lambda: here.app.session.name == "c.FLOW")


async def test_the_mouse_opens_a_file(folder: Path) -> None:
    async with stage(story(), STACKED) as here:
        await here.click(" File ")
        await here.click("Open...")
        await here.until(lambda: "b.har" in here.text)
        await here.click("b.har")
        await here.until(lambda: here.app.session.name == "b.har")


async def test_names_of_files_cannot_harm_the_screen(folder: Path) -> None:
    for text in HOSTILE:
        name = "".join(letter for letter in text if letter not in "/\0")[:60]
        (
            folder / f"{name}.har".encode("utf-8", "surrogateescape" if name.isprintable() else "replace").decode()
        ).touch()
    async with stage(story(), (120, 48)) as here:
        await here.press("o")
        await here.until(lambda: "b.har" in here.text)
        assert isinstance(here.app.screen, OpenDialog)
        assert raw_characters(here.text.replace("\n", "")) == set()
