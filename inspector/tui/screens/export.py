"""Write a report: choose its format, see it as it will be written, mask or unmask single values, and name the file."""

import asyncio
import io
import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from inspector.errors import InspectorError
from inspector.report.formats import FORMATS, Format
from inspector.tui.display import visible
from inspector.tui.lines import Line, note
from inspector.tui.looks import CROSS, MUTED, TICK, WARNING
from inspector.tui.screens.dialog import CANCEL, Choice, Dialog
from inspector.tui.widgets.document import DocumentPane

if TYPE_CHECKING:
    from inspector.report.redaction import Masked, Redactor
    from inspector.session.importing import Recording

_MOST_PREVIEWED = 200_000
"""Characters of a report that are shown before it is written; the file gets all of them."""

_KEY_BYTES = 32
_STYLES: list[str | PurePath] = ["dialog.tcss", "export.tcss"]
_WIDTHS = [(0, "-stacked"), (100, "-beside")]


class ExportDialog(Dialog[Path]):
    """Gives the file that was written."""

    CSS_PATH = _STYLES
    TALL = True
    HORIZONTAL_BREAKPOINTS = _WIDTHS
    heading = "Export a report"
    keys = "space mask or show  y copy  tab next  esc cancel"
    choices = (
        Choice("Write", "write", "Write the file named above", primary=True),
        Choice("Copy", "copy_report", "Copy the report to the clipboard"),
        CANCEL,
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mask", "Mask", tooltip="Mask the value at the cursor, or show it", id="export.mask"),
        Binding("y", "copy_report", "Copy", tooltip="Copy the report as it is shown", id="export.copy"),
    ]

    def __init__(self, open_recording: Callable[[], "Recording"], run: int | None, folder: Path | None = None) -> None:
        """`open_recording` reads what is exported once more; `run` is the only sign-in to export, None for all."""
        super().__init__()
        self._open_recording = open_recording
        self._run = run
        self._folder = folder or Path.cwd()
        self._key = secrets.token_bytes(_KEY_BYTES)
        self._redactor: Redactor | None = None
        self._listed: list[Masked] = []
        self._report = ""
        self._wanted = 0

    def body(self) -> ComposeResult:
        """Formats and masked values on the left, the report on the right, the file's name below."""
        with Vertical():
            with Horizontal(id="export-columns"):
                with Vertical(id="export-choices"):
                    yield Static("Format", classes="export-label")
                    yield OptionList(*(Option(each.name, id=each.name) for each in FORMATS), id="formats", markup=False)
                    yield Static("Hidden values", id="hidden-label", classes="export-label")
                    yield OptionList(id="masked", markup=False)
                yield DocumentPane(id="report")
            yield Input(str(self._folder / _file_name(FORMATS[0])), id="file", compact=True)

    def on_mount(self) -> None:
        """Begin once everything stands: what is nested this deep is mounted later."""
        self.call_after_refresh(self._begin)

    async def _begin(self) -> None:
        """Look for secrets, and show the first format."""
        self.query_one("#report", DocumentPane).show([note("Looking for secrets...")])
        self.query_one("#formats", OptionList).focus()
        await self._make()

    @property
    def _format(self) -> Format:
        return FORMATS[self.query_one("#formats", OptionList).highlighted or 0]

    async def _make(self) -> None:
        """Make the report anew, and show it; of several at once only the last is shown."""
        self._wanted += 1
        number, chosen = self._wanted, self._format
        try:
            report = await asyncio.to_thread(self._written, chosen)
        except InspectorError as error:
            self.remark(str(error), error=True)
            return
        if number != self._wanted or not self.is_attached:
            return
        self._report = report
        lines = [Line(visible(line)) for line in report[:_MOST_PREVIEWED].split("\n")]
        if len(report) > _MOST_PREVIEWED:
            lines.append(note(f"… {len(report):,} characters in all; the file gets every one of them."))
        self.query_one("#report", DocumentPane).show(lines)
        self._list_masked()

    def _written(self, chosen: Format) -> str:
        """The whole report; the recording is read anew, as a live one may have grown."""
        from inspector.report.material import Material
        from inspector.report.redaction import find_secrets

        recording = self._open_recording()
        try:
            if self._redactor is None:
                self._redactor = find_secrets(recording.exchanges(), self._key)
            out = io.StringIO()
            chosen.write(Material(recording, self._redactor, run=self._run), out)
            return out.getvalue()
        finally:
            recording.close()

    def _list_masked(self) -> None:
        assert self._redactor is not None
        self._listed = self._redactor.preview()
        masked = self.query_one("#masked", OptionList)
        at = masked.highlighted
        masked.clear_options()
        masked.add_options(Option(_entry(each)) for each in self._listed)
        masked.highlighted = at
        hidden = sum(each.masked for each in self._listed)
        self.query_one("#hidden-label", Static).update(f"Hidden values: {hidden} of {len(self._listed)}")

    @on(OptionList.OptionHighlighted, "#formats")
    async def _format_chosen(self) -> None:
        self.remark(self._format.title)
        file = self.query_one("#file", Input)
        current = Path(file.value)
        if current.name.startswith(_STEM):
            file.value = str(current.with_name(_file_name(self._format)))
        if self._redactor is not None:
            await self._make()

    @on(OptionList.OptionSelected, "#masked")
    async def action_mask(self) -> None:
        """Mask the value at the cursor, or show it."""
        masked = self.query_one("#masked", OptionList)
        if self._redactor is None or masked.highlighted is None or not masked.has_focus:
            return
        chosen = self._listed[masked.highlighted]
        (self._redactor.show if chosen.masked else self._redactor.hide)(chosen.fingerprint)
        if chosen.masked:
            self.remark("This value will stand in the report as it is. Show only what opens nothing any more.")
        else:
            self.remark("")
        await self._make()

    @on(Input.Submitted, "#file")
    async def action_write(self) -> None:
        """Write the file."""
        named = self.query_one("#file", Input).value
        try:
            path = await asyncio.to_thread(_write, named, self._report)
        except FileExistsError:
            self.remark(f"{named} exists already; give another name.", error=True)
        except OSError as error:
            self.remark(f"{named} cannot be written ({error.strerror}); give another name.", error=True)
        else:
            self.dismiss(path)

    def action_copy_report(self) -> None:
        """Copy the report as it is shown."""
        self.app.copy_to_clipboard(self._report)
        self.remark(f"Copied {len(self._report):,} characters.")


_STEM = "mcp-auth-"


def _file_name(chosen: Format) -> str:
    """A name by the time; nothing captured gets into a file name."""
    return f"{_STEM}{datetime.now():%Y-%m-%d-%H%M}-{chosen.name}{chosen.suffix}"


def _write(named: str, text: str) -> Path:
    path = Path(named).expanduser()
    with path.open("x", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
    return path


def _entry(masked: "Masked") -> Content:
    glyph, style = (TICK, MUTED) if masked.masked else (CROSS, WARNING)
    state = "" if masked.masked else " shown"
    return Content.assemble((f"{glyph} ", style), visible(masked.kind), (f" #{masked.fingerprint}{state}", style))
