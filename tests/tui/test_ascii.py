import pytest
from textual.theme import BUILTIN_THEMES

from inspector.tui.app import InspectorApp
from inspector.tui.clipboard import to_system_clipboard
from inspector.tui.feed import FinishedFeed
from inspector.tui.masking import Masker
from inspector.tui.themes import HIGH_CONTRAST
from tests.tui.stage import KEY, SIZES, Stage
from tests.tui.story import story


@pytest.mark.parametrize("size", SIZES)
async def test_nothing_but_ascii_reaches_the_terminal(size: tuple[int, int]) -> None:
    app = InspectorApp(FinishedFeed(story(), source="x"), masker=Masker(KEY), ascii_only=True)
    async with app.run_test(size=size) as pilot:
        here = Stage(app, pilot)
        await here.until(lambda: bool(app.sessions) and app.recording.ended and bool(here.main.view))
        for keys in (("p",), ("f10", "right"), ("escape", "question_mark"), ("escape", "o"), ("escape", "l"), ("z",)):
            text = await here.press(*keys)
            assert text.isascii(), [letter for letter in text if not letter.isascii()]
            assert {len(row) for row in here.rows} == {size[0]}
        assert "+- " in text
        assert "x Fault: client" in here.verdict


async def test_copying_goes_to_the_terminal_and_to_the_system() -> None:
    copied: list[str] = []
    app = InspectorApp(FinishedFeed(story(), source="x"), masker=Masker(KEY), system_clipboard=copied.append)
    async with app.run_test() as pilot:
        here = Stage(app, pilot)
        await here.until(lambda: bool(app.sessions) and app.recording.ended and bool(here.main.view))
        await here.press("y")
        assert copied == [app.clipboard]
        assert copied[0].startswith("GET https://")


def test_a_system_without_a_clipboard_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    import pyperclip

    def fail(text: str) -> None:
        raise pyperclip.PyperclipException("no xclip here")

    monkeypatch.setattr(pyperclip, "copy", fail)
    to_system_clipboard("text").join(timeout=10)


async def test_our_theme_stands_beside_those_of_textual() -> None:
    assert HIGH_CONTRAST.name not in BUILTIN_THEMES
    app = InspectorApp(FinishedFeed(story(), source="x"), masker=Masker(KEY))
    async with app.run_test() as pilot:
        here = Stage(app, pilot)
        await here.until(lambda: bool(app.sessions) and app.recording.ended)
        for call, name in (("contrast", "high-contrast"), ("light", "textual-light"), ("dark", "textual-dark")):
            await here.main.action_do(f"theme.{call}")
            await here.settle()
            assert app.theme == name == app.preferences.theme
