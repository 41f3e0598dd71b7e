"""Ask for one line of text, and say at once what is wrong with it."""

from collections.abc import Callable

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input, Static

from inspector.tui.looks import MUTED
from inspector.tui.screens.dialog import CANCEL, Choice, Dialog


class Ask(Dialog[str]):
    """Gives the text that was entered, which may be empty."""

    keys = "enter ok  esc cancel"
    choices = (Choice("OK", "accept", "Take this text", primary=True), CANCEL)

    def __init__(
        self, heading: str, *, hint: str, text: str = "", complaint: Callable[[str], str] = lambda text: ""
    ) -> None:
        """`hint` says in our words what can be entered; `complaint` says what is wrong with a text, or nothing."""
        super().__init__()
        self.heading = heading
        self._hint = hint
        self._text = text
        self._complaint = complaint

    def body(self) -> ComposeResult:
        """The hint and the line."""
        yield Static(Content.styled(self._hint, MUTED), id="ask-hint")
        yield Input(self._text, id="ask", compact=True)

    def on_mount(self) -> None:
        """Have the keys go to the line."""
        self.query_one(Input).focus()

    @on(Input.Changed)
    def _look(self) -> None:
        self.remark(self._complaint(self.query_one(Input).value), error=True)

    @on(Input.Submitted)
    def action_accept(self) -> None:
        """Close with the text, if nothing is wrong with it."""
        text = self.query_one(Input).value
        if not self._complaint(text):
            self.dismiss(text)
