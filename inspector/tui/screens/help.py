"""Every key with what it does, made from the bindings themselves."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen

from inspector.tui.lines import Line, field, heading, note
from inspector.tui.looks import CROSS, NEUTRAL, PENDING, TICK, UNSEEN
from inspector.tui.widgets.document import DocumentPane

_GROUPS = {
    "go": "Go to",
    "view": "Show",
    "move": "In a list or pane",
    "verdict": "On the verdict line",
    "edit": "Take along",
    "help": "Help",
    "app": "Leave",
}
_GLYPHS = {
    TICK: "answered, and no problem found",
    CROSS: "an error, or a broken connection",
    "!": "a warning",
    "i": "worth knowing",
    NEUTRAL: "refused by the server, and no rule objects",
    PENDING: "no answer yet",
    UNSEEN: "took place out of the inspector's sight",
}
_KEY_NAMES = {
    "question_mark": "?",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "escape": "esc",
    "pagedown": "pgdn",
    "pageup": "pgup",
}


class HelpScreen(ModalScreen[None]):
    """The keys, by what they are for."""

    CSS_PATH = "dialog.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "dismiss", "Close", tooltip="Back to the run", id="keys.close"),
    ]

    def __init__(self, bindings: Sequence[Binding]) -> None:
        super().__init__()
        self._keys = bindings

    def compose(self) -> ComposeResult:
        """One pane of text."""
        yield DocumentPane(id="document")

    def on_mount(self) -> None:
        """Fill it."""
        pane = self.query_one(DocumentPane)
        pane.border_title = Content("Keys")
        pane.border_subtitle = Content("esc close")
        pane.show(list(help_lines(self._keys)))


def help_lines(bindings: Iterable[Binding]) -> Iterable[Line]:
    """The keys by the first word of their ids, then the glyphs."""
    by_group: dict[str, list[Binding]] = {group: [] for group in _GROUPS}
    for binding in bindings:
        by_group[(binding.id or "").partition(".")[0]].append(binding)
    for group, title in _GROUPS.items():
        yield heading(title)
        for binding in by_group[group]:
            yield field(keys_of(binding), binding.tooltip or binding.description)
        if group == "app":
            yield field("ctrl+p", "Every command by name, themes too")
            yield field("tab", "Next pane; shift+tab the one before")
        yield Line()
    yield heading("Glyphs")
    for glyph, meaning in _GLYPHS.items():
        yield field(glyph, meaning)
    yield Line()
    yield note("Mouse: click a row, a tab or a link; the wheel scrolls.")


def keys_of(binding: Binding) -> str:
    """The keys of a binding as they are written on a keyboard."""
    return " ".join(_KEY_NAMES.get(key.strip(), key.strip()) for key in binding.key.split(","))
