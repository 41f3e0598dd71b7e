"""Every screen and dialog at every size, as text that was read by a person."""

import os
import pkgutil
from importlib import import_module
from pathlib import Path

import pytest
from rich.cells import cell_len

from inspector.tui import screens
from inspector.tui.screens.dialog import Dialog
from tests.tui.every_screen import EVERY_SCREEN, looking_at, plain, same_everywhere
from tests.tui.stage import SIZES

TEXTS = Path(__file__).parent / "goldens"


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    same_everywhere(monkeypatch, tmp_path)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", EVERY_SCREEN)
async def test_every_screen_looks_as_it_was_last_read(name: str, size: tuple[int, int]) -> None:
    """UPDATE_TEXTS=1 writes what it looks like anew; read it before you commit it."""
    look = EVERY_SCREEN[name]
    async with looking_at(look, plain(), size) as here:
        assert type(here.app.screen) is look.shows
        assert {cell_len(row) for row in here.rows} == {size[0]}
        shown = "".join(f"{row.rstrip()}\n" for row in here.rows)
    path = TEXTS / f"{name}-{size[0]}x{size[1]}.txt"
    if os.environ.get("UPDATE_TEXTS"):
        TEXTS.mkdir(exist_ok=True)
        path.write_text(shown, encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8"), "UPDATE_TEXTS=1 writes the text anew"


def test_no_text_is_left_of_a_screen_that_is_gone() -> None:
    known = {f"{name}-{width}x{height}.txt" for name in EVERY_SCREEN for width, height in SIZES}
    assert {path.name for path in TEXTS.iterdir()} == known


def test_every_dialog_is_among_them() -> None:
    for module in pkgutil.iter_modules(screens.__path__):
        import_module(f"{screens.__name__}.{module.name}")
    shown: set[type[object]] = {look.shows for look in EVERY_SCREEN.values()}
    missing = {each.__name__ for each in _dialogs(Dialog) - shown if not each.__name__.startswith("_")}
    assert not missing, "a dialog needs an entry in tests/tui/every_screen.py"


def _dialogs(base: type[object]) -> set[type[object]]:
    below = {each for each in base.__subclasses__() if each.__module__.startswith("inspector.")}
    return below.union(*map(_dialogs, below))
