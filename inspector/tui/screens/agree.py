"""Ask before something leaves for a server."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Button, Static

from inspector.tui.display import visible
from inspector.tui.screens.dialog import CANCEL, Choice, Dialog


class Agree(Dialog[bool]):
    """Asks before something leaves for a server; gives True for yes."""

    heading = "Send this?"
    keys = "esc no"
    choices = (Choice("Send", "agree", "Send it to the server named above", primary=True), CANCEL)

    def __init__(self, lines: Sequence[str]) -> None:
        """`lines` are safe for a terminal."""
        super().__init__()
        self._lines = lines

    def body(self) -> ComposeResult:
        """What would be sent."""
        yield Static(Content("\n").join(visible(line) for line in self._lines))

    def on_mount(self) -> None:
        """Begin at no: a second press of enter must not send anything."""
        self.query_one("#choice-close", Button).focus()

    def action_agree(self) -> None:
        """Close with yes."""
        self.dismiss(True)
