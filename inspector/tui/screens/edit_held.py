"""Edit a held message: its raw path or status, its headers and its body; every other byte stays."""

from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Static, TextArea

from inspector.display import visible
from inspector.tui.screens.dialog import CANCEL, Choice, Dialog

if TYPE_CHECKING:
    from inspector.capture.steering import HeldMessage

_STYLES: list[str | PurePath] = ["dialog.tcss", "step.tcss"]


class EditHeld(Dialog["HeldMessage"]):
    """Gives the message as it was changed."""

    CSS_PATH = _STYLES
    TALL = True
    keys = "tab next  esc cancel"
    choices = (Choice("Send", "send", "Let it go as it stands here", primary=True), CANCEL)

    def __init__(self, message: "HeldMessage", *, answering: bool) -> None:
        """`answering` begins an answer of our own in place of changing the request."""
        super().__init__()
        json = (("Content-Type", "application/json"),)
        self._message = replace(message, path="", status=200, headers=json, body=b"{}") if answering else message
        self._answering = answering
        self.heading = "Answer in the server's place" if answering else "Edit the held message"

    def body(self) -> ComposeResult:
        """Three parts of the message. What cannot be text is left as it is."""
        with Vertical():
            yield Static("Path with query" if self._message.path else "Status", classes="edit-label")
            yield Input(self._start, id="edit-start", compact=True)
            yield Static("Headers, one a line", classes="edit-label")
            yield TextArea(self._headers, id="edit-headers")
            yield Static("Body" if self._body is not None else "Body: no text, stays as it is", classes="edit-label")
            yield TextArea(self._body or "", id="edit-body", read_only=self._body is None)

    @property
    def _start(self) -> str:
        return visible(self._message.path or str(self._message.status))

    @property
    def _headers(self) -> str:
        return "\n".join(visible(f"{name}: {value}") for name, value in self._message.headers)

    @property
    def _body(self) -> str | None:
        try:
            return "\n".join(visible(line) for line in self._message.body.decode().split("\n"))
        except UnicodeDecodeError:
            return None

    def on_mount(self) -> None:
        """Begin at the part that is changed most often."""
        self.query_one("#edit-body" if self._message.body else "#edit-start").focus()
        self.remark("" if self._answering else "Secrets stand here as they are.")

    def action_send(self) -> None:
        """Close with the message, or say what is wrong with it. A part nobody touched stays as it is, to the byte."""
        message = self._message
        start = self.query_one("#edit-start", Input).value.strip()
        if start != self._start and not message.path and not (start.isdecimal() and 200 <= int(start) <= 599):
            self.remark("A status is a number from 200 to 599.", error=True)
            return
        if start != self._start:
            message = replace(message, path=start) if message.path else replace(message, status=int(start))
        text = self.query_one("#edit-headers", TextArea).text
        if text != self._headers:
            headers = _parsed(text)
            if isinstance(headers, str):
                self.remark(f"A header is `Name: value`; this is none: {headers}", error=True)
                return
            message = replace(message, headers=headers)
        body = self.query_one("#edit-body", TextArea).text
        if self._body is not None and body != self._body:
            message = replace(message, body=body.encode())
        self.dismiss(message)


def _parsed(text: str) -> tuple[tuple[str, str], ...] | str:
    """The headers, or the line that is none."""
    headers = []
    for line in text.split("\n"):
        name, colon, value = line.partition(":")
        if line.strip() and not (colon and name.strip()):
            return line
        if line.strip():
            headers.append((name.strip(), value.strip()))
    return tuple(headers)
