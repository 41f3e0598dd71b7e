"""Replays: send one request again, or perform the client again as it was and with one change."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import ContentSwitcher, Input, OptionList, Static, TextArea
from textual.widgets.option_list import Option
from textual.worker import Worker

from inspector.display import visible as plain
from inspector.errors import InspectorError
from inspector.protocol import urls
from inspector.timeline.message import Message
from inspector.tui.lines import Line, note
from inspector.tui.looks import MUTED, TICK
from inspector.tui.panes.replay import choice_lines, performed_lines, progress_line, sent_lines
from inspector.tui.screens.agree import Agree
from inspector.tui.screens.dialog import CLOSE, Choice, Dialog
from inspector.tui.view import RunView
from inspector.tui.widgets.document import DocumentPane

if TYPE_CHECKING:
    from collections.abc import Callable

    from inspector.replay.edits import Request
    from inspector.replay.fixes import Fix
    from inspector.replay.mirror import Mirror
    from inspector.replay.perform import Progress
    from inspector.replay.profile import Profile
    from inspector.replay.single import Departure, SentAgain
    from inspector.session.importing import Recording
    from inspector.verdict.proof import Proof

    type OpenRecording = Callable[[], Recording]

_STYLES: list[str | PurePath] = ["dialog.tcss", "replay.tcss"]
_MOST_EDITED = 100_000
"""Bytes of a body that can be edited on the screen; a longer one is sent as it is."""

_REFERENCE, _ORIGINAL = "reference", "original"


@dataclass(frozen=True, slots=True)
class Replayed:
    """Where replays were written, and what they prove about the run they were made of."""

    path: Path
    is_new: bool
    proof: "Proof | None" = None


class _Replay(Dialog[Replayed]):
    """What both dialogs share: the session they write to, and the result they close with."""

    CSS_PATH = _STYLES
    TALL = True

    def __init__(self, open_recording: "OpenRecording", view: RunView, *, may_write: bool = True) -> None:
        """`open_recording` gives the recording; where it may not be written, replays go to a new session."""
        super().__init__()
        self._open_recording = open_recording
        self._may_write = may_write
        self._run = view
        self._result: Replayed | None = None
        self._working: Worker[None] | None = None

    async def _place(self) -> Replayed:
        """Where to write; made ready away from the screen's thread, as a long recording may have to be copied."""
        if self._result is None:
            self._result = await asyncio.to_thread(self._prepared)
        return self._result

    def _prepared(self) -> Replayed:
        from inspector.replay.keeping import place_for

        recording = self._open_recording()
        try:
            place = place_for(recording, may_write=self._may_write)
        finally:
            recording.close()
        return Replayed(place.path, place.is_new)

    def _show(self, lines: Sequence[Line]) -> None:
        self.query_one("#replay-text", DocumentPane).show(lines)

    def action_close(self) -> None:
        """Stop what is being done, and close with what was done."""
        if self._working is not None:
            self._working.cancel()
        self.dismiss(self._result)


class SendAgainDialog(_Replay):
    """Edits one recorded request, sends it, and shows its answer beside the recorded one."""

    heading = "Send again"
    keys = "tab next  enter in a line send  esc close"
    choices = (
        Choice("Send", "send", "Send the request as it stands here", primary=True),
        Choice("Edit", "edit", "Back to the request"),
        CLOSE,
    )

    def __init__(
        self, open_recording: "OpenRecording", view: RunView, message: Message, *, may_write: bool = True
    ) -> None:
        """`message` is what is sent again."""
        from inspector.replay.edits import request_of

        super().__init__(open_recording, view, may_write=may_write)
        self._message = message
        self._request = request_of(message.exchange)

    def body(self) -> ComposeResult:
        """The request in its parts, and the result in their place. What cannot be text stays as it is."""
        with ContentSwitcher(initial="resend-edit"):
            with Vertical(id="resend-edit"):
                with Horizontal(classes="resend-line"):
                    yield Static("Send to", classes="replay-label")
                    yield Input(_REFERENCE, id="resend-to", compact=True)
                with Horizontal(classes="resend-line"):
                    yield Static("Method", classes="replay-label")
                    yield Input(plain(self._request.method), id="resend-method", compact=True)
                with Horizontal(classes="resend-line"):
                    yield Static("Path", classes="replay-label")
                    yield Input(plain(self._request.target), id="resend-target", compact=True)
                yield Static("Headers, one a line", classes="replay-label")
                yield TextArea(self._headers, id="resend-headers")
                yield Static(self._body_label, classes="replay-label")
                yield TextArea(self._body or "", id="resend-body", read_only=self._body is None)
            yield DocumentPane(id="replay-text")

    def on_mount(self) -> None:
        """Begin once everything stands."""
        self.call_after_refresh(self.action_edit)

    def action_edit(self) -> None:
        """Show the request."""
        self.query_one(ContentSwitcher).current = "resend-edit"
        self.query_one("#resend-to", Input).focus()
        self.allow("edit", False)
        self.remark("Send to: reference, original, or a URL. Secrets stand here as they are.")

    @property
    def _headers(self) -> str:
        return "\n".join(plain(f"{name}: {value}") for name, value in self._request.headers)

    @property
    def _body(self) -> str | None:
        """The body as it can be edited; None where it cannot."""
        if self._request.cut:
            return ""
        if len(self._request.body) > _MOST_EDITED:
            return None
        try:
            return "\n".join(map(plain, self._request.body.decode().split("\n")))
        except UnicodeDecodeError:
            return None

    @property
    def _body_label(self) -> str:
        if self._request.cut:
            return "Body: not recorded whole, so write a new one"
        return "Body" if self._body is not None else "Body: no text, or too long to edit; stays as it is"

    @on(Input.Submitted)
    def action_send(self) -> None:
        """Send the request as it stands here."""
        try:
            request = self._edited()
        except InspectorError as error:
            self.remark(str(error), error=True)
            return
        to = self.query_one("#resend-to", Input).value.strip()
        self._working = self.run_worker(self._send(request, to), name="send again", exclusive=True)

    def _edited(self) -> "Request":
        """The request with what was changed; a part nobody touched stays as it is, to the byte."""
        from inspector.replay.edits import Edit, edited, headers_in

        request = self._request
        method, target = (self.query_one(f"#resend-{part}", Input).value for part in ("method", "target"))
        if method != plain(request.method):
            request = replace(request, method=method)
        if target != plain(request.target):
            request = request.with_target(target)
        text = self.query_one("#resend-headers", TextArea).text
        if text != self._headers:
            request = replace(request, headers=headers_in(text))
        body = self.query_one("#resend-body", TextArea).text
        changed = self._body is not None and body != self._body
        return edited(request, [Edit("body", "", body)] if changed else [])

    async def _send(self, request: "Request", to: str) -> None:
        self.remark("Sending...")
        await asyncio.to_thread(import_module, "inspector.replay.single")
        try:
            sent = await self._sent(request, to)
        except InspectorError as error:
            self.remark(str(error), error=True)
            return
        if sent is None:
            self.remark("Nothing was sent.")
            return
        self._show(sent_lines(sent, self._run.veil()))
        self.query_one(ContentSwitcher).current = "replay-text"
        self.query_one("#replay-text").focus()
        self.allow("edit", True)
        self.remark("It is in the session, marked as a replay.")

    async def _sent(self, request: "Request", to: str) -> "SentAgain | None":
        """Send it, after asking where it leaves for a server; None when the reader does not want that."""
        from inspector.replay.single import departure, send_again, send_to_reference
        from inspector.session.writer import SessionWriter

        run, message = self._run.judged.run, self._message
        leaving: Departure | None = None
        if to != _REFERENCE:
            leaving = departure(run, request, urls.origin(request.url) if to == _ORIGINAL else to)
            needs_leave = to == _ORIGINAL or leaving.secrets
            if needs_leave and not await self.app.push_screen_wait(Agree(tuple(leaving.lines()))):
                return None
        label = f"replay of step {run.step_of(message)} of run {run.id}"
        with SessionWriter.append_to((await self._place()).path) as writer:
            if leaving is None:
                return await send_to_reference(run, message, request, record=writer.record, label=label)
            return await send_again(message.exchange, leaving, record=writer.record, label=label)


class PerformDialog(_Replay):
    """Performs the client of a run again at the reference servers, as it was or with one change."""

    heading = "Perform again"
    keys = "enter start  tab next  y copy a line  esc close"
    choices = (
        Choice("Start", "start", "Perform it at the reference servers", primary=True),
        Choice("Stop", "stop", "Stop performing; what was sent so far stays in the session"),
        CLOSE,
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "Copy", tooltip="Copy the line at the cursor of the result", id="replay.copy"),
    ]

    def __init__(
        self, open_recording: "OpenRecording", view: RunView, *, what_if: bool = False, may_write: bool = True
    ) -> None:
        """`what_if` begins at the change that fits the verdict, else at the client as it was."""
        super().__init__(open_recording, view, may_write=may_write)
        self._what_if = what_if
        self._fixes: list[Fix | None] = [None]
        self._profile: Profile | None = None
        self._mirror: Mirror | None = None

    def body(self) -> ComposeResult:
        """The changes on the left; on the right what would be done, how far it is, and what came of it."""
        with Horizontal():
            with Vertical(id="replay-choices"):
                yield Static("Change  (✓ fits a finding)", classes="replay-label")
                yield OptionList(id="changes", markup=False)
            yield DocumentPane(id="replay-text")

    def on_mount(self) -> None:
        """Begin once everything stands."""
        self.allow("stop", False)
        self.call_after_refresh(self._begin)

    async def _begin(self) -> None:
        """Read the client from the run, and offer the changes, first those that the findings suggest."""
        self._show([note("Reading the client from the recording...")])
        await asyncio.to_thread(self._read)
        from inspector.replay.fixes import FIXES, fixes_for

        fitting = fixes_for(self._run.judged)
        self._fixes = [None, *fitting, *(fix for fix in FIXES if fix not in fitting)]
        changes = self.query_one("#changes", OptionList)
        changes.add_options(Option(_entry(fix, fits=fix in fitting)) for fix in self._fixes)
        changes.highlighted = 1 if self._what_if and fitting else 0
        changes.focus()

    def _read(self) -> None:
        from inspector.replay.from_run import completed, profile_of
        from inspector.replay.mirror import mirror_of

        self._profile = completed(profile_of(self._run.judged.run))
        self._mirror = mirror_of(self._run.judged.run)

    @property
    def _fix(self) -> "Fix | None":
        return self._fixes[self.query_one("#changes", OptionList).highlighted or 0]

    @on(OptionList.OptionHighlighted, "#changes")
    def _describe(self) -> None:
        if self._profile and self._mirror and not self._is_working:
            steps = len(self._profile.recorded)
            self._show(choice_lines(self._profile, self._mirror, self._fix, steps, self._run.veil()))

    @property
    def _is_working(self) -> bool:
        return self._working is not None and not self._working.is_finished

    @on(OptionList.OptionSelected, "#changes")
    def action_start(self) -> None:
        """Perform the client."""
        if self._profile is None or self._is_working:
            return
        self.allow("start", False)
        self.allow("stop", True)
        self.remark("Performing...")
        self._working = self.run_worker(self._perform(self._fix), name="perform again", exclusive=True)

    async def action_stop(self) -> None:
        """Stop performing."""
        if self._working is not None and self._is_working:
            self._working.cancel()

    async def _perform(self, fix: "Fix | None") -> None:
        try:
            lines = await self._performed(fix)
        except InspectorError as error:
            self.remark(str(error), error=True)
        except asyncio.CancelledError:
            if self.is_attached:
                self.remark("Stopped; what was sent so far is in the session.")
                self._free()
            raise
        else:
            self._show(lines)
            self.query_one("#replay-text").focus()
            self.remark("It is in the session, as a run of its own." if fix is None else "Both are in the session.")
        self._free()

    def _free(self) -> None:
        self.allow("start", True)
        self.allow("stop", False)

    async def _performed(self, fix: "Fix | None") -> list[Line]:
        await asyncio.to_thread(import_module, "inspector.replay.reenact")
        from inspector.replay.reenact import reenact, what_if
        from inspector.session.writer import SessionWriter

        assert self._profile is not None
        assert self._mirror is not None
        veil, told = self._run.veil(), list[Line]()

        def tell(progress: "Progress") -> None:
            told.append(progress_line(progress, veil))
            pane = self.query_one("#replay-text", DocumentPane)
            pane.show(told)
            pane.scroll_end(animate=False)

        place = await self._place()
        judged = self._run.judged
        with SessionWriter.append_to(place.path) as writer:
            if fix is None:
                label = f"replay of run {judged.run.id}"
                once = await reenact(self._profile, self._mirror, label=label, record=writer.record, on_progress=tell)
                return performed_lines(self._run, self._profile, (once,), None, veil)
            done = await what_if(judged, profile=self._profile, fixes=(fix,), record=writer.record, on_progress=tell)
        self._result = replace(place, proof=done.proof)
        return performed_lines(self._run, self._profile, (done.before, done.after), done.proof, veil)

    def action_copy(self) -> None:
        """Copy the line at the cursor of the result."""
        if text := self.query_one("#replay-text", DocumentPane).copied():
            self.app.copy_to_clipboard(text)
            self.remark("Copied.")


def _entry(fix: "Fix | None", *, fits: bool) -> Content:
    if fix is None:
        return Content("none: as it was")
    return Content.assemble(fix.name, (f" {TICK}", "")) if fits else Content.styled(fix.name, MUTED)
