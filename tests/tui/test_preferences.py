from pathlib import Path

import pytest

from inspector.tui.app import InspectorApp
from inspector.tui.feed import FinishedFeed
from inspector.tui.masking import Masker
from inspector.tui.preferences import Preferences, load
from tests.tui.stage import BESIDE, KEY, Stage
from tests.tui.story import story


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MCP_AUTH_INSPECTOR_HOME", str(tmp_path))
    return tmp_path


def test_without_files_the_usual_applies(home: Path) -> None:
    assert load() == Preferences(folder=home)
    assert list(home.iterdir()) == []


def test_what_is_chosen_is_there_at_the_next_start(home: Path) -> None:
    first = load()
    first.theme, first.timeline, first.zoom = "textual-light", "list", "why"
    first.splits["beside"] = 30
    first.opened(home / "a.har")
    first.opened(home / "b.har")
    first.opened(home / "a.har")
    again = load()
    assert again == first
    assert again.recent == [str(home / "a.har"), str(home / "b.har")]


@pytest.mark.parametrize("content", ["theme = ", "\x00\x01", "theme = 3\nsplits = 4\nrecent = {}\nzoom = []", ""])
def test_a_broken_file_is_ignored_with_one_sentence_at_most(home: Path, content: str) -> None:
    (home / "preferences.toml").write_text(content)
    found = load()
    assert Preferences(folder=home, troubles=found.troubles) == found
    assert len(found.troubles) <= 1
    assert all("preferences.toml is ignored" in trouble for trouble in found.troubles)


def test_a_file_that_is_no_text_or_a_folder_is_ignored_too(home: Path) -> None:
    (home / "preferences.toml").mkdir()
    (home / "keys.toml").write_bytes(b"\xff\xfe\xff")
    assert len(load().troubles) == 2


def test_edges_stay_where_both_sides_are_usable(home: Path) -> None:
    (home / "preferences.toml").write_text('[splits]\nbeside = 1\nspread = 400\nwhy = true\nstacked = "x"\n')
    found = load()
    assert found.split("beside", 50) == 15
    assert found.split("spread", 50) == 85
    assert found.split("why", 50) == found.split("stacked", 50) == 50


def test_where_nothing_can_be_written_choices_last_until_the_end(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    preferences = Preferences(folder=tmp_path / "file" / "below")
    preferences.theme = "textual-light"
    preferences.save()
    assert preferences.folder is None
    assert preferences.theme == "textual-light"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('"go.nowhere" = "n"', "no such action"),
        ('"go.next-problem" = 3', "in quotes"),
        ('"go.next-problem" = ""', "in quotes"),
        ('"go.next-problem" = "q"', "q is the key of app.leave"),
        ('"go.next-problem" = "ctrl+s"', "choose a key without ctrl"),
    ],
)
def test_a_key_that_would_do_harm_is_refused_in_one_sentence(home: Path, line: str, words: str) -> None:
    (home / "keys.toml").write_text(line)
    found = load()
    assert found.keys == {}
    assert words in "".join(found.troubles)


async def started(here: Stage) -> None:
    await here.until(lambda: bool(here.app.sessions) and here.app.recording.ended and bool(here.main.view))


def app_on_the_story(preferences: Preferences) -> InspectorApp:
    return InspectorApp(FinishedFeed(story(), source="x"), masker=Masker(KEY), preferences=preferences)


async def test_own_keys_take_the_place_of_the_usual_ones_everywhere(home: Path) -> None:
    (home / "keys.toml").write_text('"go.next-problem" = "f6,f5"\n"help.keys" = "f2"\n')
    app = app_on_the_story(load())
    async with app.run_test(size=BESIDE) as pilot:
        here = Stage(app, pilot)
        await started(here)
        assert "f6 Problem" in here.rows[-1]
        await here.press("p")
        assert not here.main.selection.finding
        await here.press("f6")
        first = here.main.selection.finding
        assert first
        await here.press("f5")
        assert here.main.selection.finding not in (None, first)
        assert "Go to the next problem" in await here.press("f2")
        assert "f6 f5" in here.text
        await here.press("escape", "f10", "right", "right")
        assert "Problem               f6" in here.text


async def test_theme_timeline_edges_and_zoom_are_there_again(home: Path) -> None:
    app = app_on_the_story(load())
    async with app.run_test(size=BESIDE) as pilot:
        here = Stage(app, pilot)
        await started(here)
        await here.press("l", "plus", "plus", "3", "z")
        app.theme = "high-contrast"
        await here.settle()
    app = app_on_the_story(load())
    async with app.run_test(size=BESIDE) as pilot:
        here = Stage(app, pilot)
        await started(here)
        assert app.theme == "high-contrast"
        assert not here.main._timeline.as_diagram
        await here.until(lambda: here.main.maximized is not None)
        assert "302 Found" in here.text
        assert "Timeline" not in here.text
        await here.press("z")
        assert here.main.query_one("#lists").region.width == round(120 * 0.50)


async def test_a_theme_that_is_gone_and_a_broken_file_do_no_harm(home: Path) -> None:
    (home / "preferences.toml").write_text('theme = "no-such-theme"\nzoom = "no-such-pane"')
    (home / "keys.toml").write_text("[")
    app = app_on_the_story(load())
    async with app.run_test(size=BESIDE) as pilot:
        here = Stage(app, pilot)
        await started(here)
        assert app.theme == Preferences().theme
        assert "keys.toml is ignored" in next(iter(app._notifications)).message
