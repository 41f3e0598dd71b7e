"""What every dialog looks like: a frame with a title, a body, a line for remarks, and buttons."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from inspector.tui.display import visible
from inspector.tui.looks import ERROR, MUTED


@dataclass(frozen=True, slots=True)
class Choice:
    """A button: its words, the method `action_...` of the dialog it calls, and what that does in one line."""

    label: str
    action: str
    tooltip: str
    primary: bool = False


CLOSE = Choice("Close", "close", "Back to where you were")
CANCEL = Choice("Cancel", "close", "Leave everything as it is")


class Dialog[Result](ModalScreen[Result | None]):
    """A dialog over the main screen. Escape closes it with None; `self.dismiss(result)` closes it with a result.

    A subclass sets `heading`, `choices` and `keys`, and yields its widgets from `body`. By default the frame is as
    high as its body; `TALL = True` gives it most of the screen, for lists and long texts.
    """

    CSS_PATH: ClassVar[str | PurePath | list[str | PurePath] | None] = "dialog.tcss"
    TALL: ClassVar[bool] = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close", tooltip="Back to where you were", id="dialog.close"),
    ]

    heading: str = ""
    """The title; our own words, or captured text that went through `inspector.display.visible`."""
    choices: Sequence[Choice] = (CLOSE,)
    keys: str = "esc close"
    """The keys that matter, shown in the lower edge."""

    def body(self) -> ComposeResult:
        """The widgets of this dialog."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """Frame, body, remark and buttons."""
        with Vertical(id="dialog", classes="-tall" if self.TALL else "") as frame:
            frame.border_title = Content(self.heading)
            frame.border_subtitle = Content(self.keys)
            with Container(id="dialog-body"):
                yield from self.body()
            yield Static(id="dialog-remark")
            with Horizontal(id="dialog-buttons"):
                for choice in self.choices:
                    yield _button(choice)

    def remark(self, text: str, *, error: bool = False) -> None:
        """Say something above the buttons: what is wrong with what was entered, or what comes next."""
        line = self.query_one("#dialog-remark", Static)
        line.update(visible(text, ERROR if error else MUTED))
        line.set_class(bool(text), "-shown")

    def allow(self, action: str, allowed: bool) -> None:
        """Let a button be pressed, or not."""
        self.query_one(f"#choice-{action}", Button).disabled = not allowed

    def action_close(self) -> None:
        """Close without a result."""
        self.dismiss(None)

    @on(Button.Pressed)
    async def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        await self.run_action((event.button.id or "").removeprefix("choice-"))

    def on_key(self, event: events.Key) -> None:
        """Arrow keys go from button to button."""
        if event.key in ("left", "right") and isinstance(self.focused, Button):
            event.stop()
            buttons = [button for button in self.query(Button) if not button.disabled]
            self.set_focus(buttons[(buttons.index(self.focused) + (1 if event.key == "right" else -1)) % len(buttons)])


def _button(choice: Choice) -> Button:
    return Button(
        Content(choice.label),
        id=f"choice-{choice.action}",
        variant="primary" if choice.primary else "default",
        compact=True,
        tooltip=choice.tooltip,
    )
