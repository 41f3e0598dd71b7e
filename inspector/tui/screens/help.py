"""Every key with what it does, made from the registry of actions."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from inspector.tui.action import Action
from inspector.tui.actions import ACTIONS, LIST_ACTIONS, VERDICT_ACTIONS, in_menu, menus
from inspector.tui.lines import Line, field, heading, note
from inspector.tui.looks import CROSS, NEUTRAL, PENDING, TICK, UNSEEN
from inspector.tui.screens.dialog import Dialog
from inspector.tui.widgets.document import DocumentPane

_GLYPHS = {
    TICK: "answered, and no problem found",
    CROSS: "an error, or a broken connection",
    "!": "a warning",
    "i": "worth knowing",
    NEUTRAL: "refused by the server, and no rule objects",
    PENDING: "no answer yet",
    UNSEEN: "took place out of the inspector's sight",
}


class HelpScreen(Dialog[None]):
    """The keys, menu by menu."""

    TALL = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,question_mark,f1", "close", "Close", tooltip="Back to the run", id="keys.close"),
    ]
    heading = "Keys"

    def __init__(self, keys: Mapping[str, str]) -> None:
        """`keys` are those the reader gave to actions, by id."""
        super().__init__()
        self._own = keys

    def body(self) -> ComposeResult:
        """One pane of text."""
        yield DocumentPane(id="document")

    def on_mount(self) -> None:
        """Fill it."""
        self.query_one(DocumentPane).show(list(help_lines(self._own)))


def help_lines(own: Mapping[str, str]) -> Iterator[Line]:
    """Every action by its menu, then those without one, then the glyphs."""
    for menu in menus():
        yield from _section(str(menu), in_menu(menu), own)
    yield from _section("Everywhere", [action for action in ACTIONS if action.menu is None], own)
    yield from _section("In a list or pane", LIST_ACTIONS, own)
    yield from _section("On the verdict line", VERDICT_ACTIONS, own)
    yield heading("Always")
    yield field("ctrl+p", "Every command by name, themes too")
    yield field("tab", "Next pane; shift+tab the one before")
    yield field("ctrl+c", "Copy the text selected by dragging")
    yield Line()
    yield heading("Glyphs")
    for glyph, meaning in _GLYPHS.items():
        yield field(glyph, meaning)
    yield Line()
    yield note("Mouse: click a row, a tab or a link; right click for what can be done there; the wheel scrolls; drag")
    yield note("an edge between two panes to move it; drag over text to select it.")


def _section(title: str, actions: Sequence[Action], own: Mapping[str, str]) -> Iterator[Line]:
    yield heading(title)
    for action in actions:
        yield field(" ".join(action.names(own)) or "menu only", action.tooltip)
    yield Line()
