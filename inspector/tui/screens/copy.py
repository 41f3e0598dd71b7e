"""Copy an exchange or a finding in a form of the reader's choice: as a command, as it was on the wire, and more."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from inspector.tui.display import visible
from inspector.tui.lines import Line, note
from inspector.tui.looks import MUTED, STRONG
from inspector.tui.screens.dialog import CANCEL, Choice, Dialog
from inspector.tui.widgets.document import DocumentPane

if TYPE_CHECKING:
    from inspector.report.forms import Form

_MOST_PREVIEWED = 20_000


class CopyDialog(Dialog["Form"]):
    """Gives the form that is to be copied."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["dialog.tcss", "copy.tcss"]
    TALL = True
    heading = "Copy as"
    keys = "enter copy  esc cancel"
    choices = (Choice("Copy", "copy", "Copy it in this form, secrets masked", primary=True), CANCEL)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("Y,y", "copy", "Copy", tooltip="Copy it in this form, secrets masked", id="copy.copy"),
    ]

    def __init__(self, make: "Callable[[], Sequence[Form]]") -> None:
        """`make` gives the forms; it is called away from the screen's thread."""
        super().__init__()
        self._make = make
        self._forms: Sequence[Form] = ()

    def body(self) -> ComposeResult:
        """The forms, and the text in the one at the cursor."""
        with Vertical():
            yield OptionList(id="forms", markup=False)
            yield DocumentPane(id="form")

    def on_mount(self) -> None:
        """Begin once everything stands."""
        self.call_after_refresh(self._begin)

    async def _begin(self) -> None:
        self.query_one("#form", DocumentPane).show([note("Looking for secrets...")])
        self._forms = await asyncio.to_thread(self._make)
        forms = self.query_one("#forms", OptionList)
        forms.add_options(
            Option(Content.assemble((f"{form.name:<10}", STRONG), (form.what, MUTED))) for form in self._forms
        )
        forms.highlighted = 0
        forms.focus()

    @property
    def _form(self) -> "Form | None":
        at = self.query_one("#forms", OptionList).highlighted
        return self._forms[at] if at is not None and at < len(self._forms) else None

    @on(OptionList.OptionHighlighted)
    def _show(self) -> None:
        if form := self._form:
            lines = [Line(visible(line)) for line in form.text[:_MOST_PREVIEWED].rstrip("\n").split("\n")]
            self.query_one("#form", DocumentPane).show(lines)

    @on(OptionList.OptionSelected)
    def action_copy(self) -> None:
        """Close with the form."""
        if form := self._form:
            self.dismiss(form)
