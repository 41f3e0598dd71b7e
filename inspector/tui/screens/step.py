"""Step mode: each message of the sign-in waits here, explained, until it is let go, changed, dropped or answered."""

import time
from collections.abc import Awaitable, Callable
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from inspector.errors import InspectorError
from inspector.protocol import urls
from inspector.tui.display import cut_middle, visible
from inspector.tui.lines import Line
from inspector.tui.looks import MUTED, STRONG, WARNING
from inspector.tui.masking import Masker
from inspector.tui.panes.held import held_lines
from inspector.tui.screens.dialog import CLOSE, Choice, Dialog
from inspector.tui.screens.edit_held import EditHeld
from inspector.tui.widgets.document import DocumentPane

if TYPE_CHECKING:
    from inspector.capture.steering import Held, HeldMessage, Steering
    from inspector.tui.live import LiveCapture

_STYLES: list[str | PurePath] = ["dialog.tcss", "step.tcss"]
_TICK_SECONDS = 0.5


class StepDialog(Dialog[None]):
    """What waits, and what can be done with it. Closed, it leaves step mode on."""

    CSS_PATH = _STYLES
    TALL = True
    heading = "Step mode"
    keys = "e edit  d drop  a answer  s on/off  R +answers  M +MCP  esc close"
    choices = (
        Choice("Let go", "release", "The message goes on as it is", primary=True),
        Choice("Edit...", "edit", "Change it, and let it go"),
        Choice("Drop", "drop", "Cut the client's connection"),
        Choice("Answer...", "answer", "Answer in the server's place"),
        Choice("On/off", "switch", "Hold messages from now on, or no more"),
        CLOSE,
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "edit", "Edit", tooltip="Change the message, and let it go", id="step.edit"),
        Binding("d", "drop", "Drop", tooltip="Cut the client's connection", id="step.drop"),
        Binding("a", "answer", "Answer", tooltip="Answer in the server's place", id="step.answer"),
        Binding("s", "switch", "On/off", tooltip="Hold messages from now on, or no more", id="step.switch"),
        Binding("R", "responses", "Answers", tooltip="Hold the servers' answers too, or not", id="step.responses"),
        Binding("M", "mcp", "MCP", tooltip="Hold the requests to the MCP server too, or not", id="step.mcp"),
    ]

    def __init__(self, live: "LiveCapture", masker: Masker) -> None:
        super().__init__()
        self._live = live
        self._masker = masker
        self._responses = self._mcp = False
        self._shown: tuple[Held, ...] | None = None
        self._message: HeldMessage | None = None

    def body(self) -> ComposeResult:
        """What waits, and the message at the cursor."""
        with Vertical():
            yield OptionList(id="held", markup=False)
            yield DocumentPane(id="held-text")

    def on_mount(self) -> None:
        """Begin once everything stands."""
        self.call_after_refresh(self._begin)

    async def _begin(self) -> None:
        """Switch step mode on, and follow what waits."""
        self.query_one("#held", OptionList).focus()
        self.set_interval(_TICK_SECONDS, self._tick)
        if not self._live.steps:
            await self.action_switch()
        else:
            await self._tick()

    async def _tick(self) -> None:
        """Show what waits and how long each will; the message itself only when another is at the cursor."""
        held = self.query_one("#held", OptionList)
        at = held.highlighted or 0
        if self._shown != self._live.held:
            gone = self._shown is not None and {each.id for each in self._shown} - {e.id for e in self._live.held}
            self._shown = self._live.held
            held.clear_options()
            held.add_options(Option(self._entry(each)) for each in self._shown)
            held.highlighted = min(at, len(self._shown) - 1) if self._shown else None
            if gone:
                self._message = None
            await self._show_message()
        else:
            for number, each in enumerate(self._shown or ()):
                held.replace_option_prompt_at_index(number, self._entry(each))
        for action in ("release", "edit", "drop", "answer"):
            self.allow(action, bool(self._shown))

    def _entry(self, held: "Held") -> Content:
        left = max(0, round(held.deadline - time.time()))
        wait, what = f"{left:>4} s  ", f"{held.what} {held.side:<8}  "
        room = self.query_one("#held", OptionList).scrollable_content_region.width - len(wait) - len(what)
        where = cut_middle(visible(f"{held.method} {urls.without_query(held.url)}").plain, max(20, room))
        return Content.assemble((wait, WARNING if left < 15 else MUTED), (what, STRONG), where)

    @on(OptionList.OptionHighlighted)
    async def _show_message(self) -> None:
        chosen = self._chosen
        pane = self.query_one("#held-text", DocumentPane)
        if chosen is None:
            pane.show(self._nothing())
        elif self._message is None or self._message.held.id != chosen.id:
            try:
                self._message = await (await self._live.steering()).held(chosen.id)
            except InspectorError as error:
                self.remark(str(error), error=True)
                return
            pane.show(held_lines(self._message, self._masker))

    def _nothing(self) -> list[Line]:
        if not self._live.steps:
            return [Line(Content("Step mode is off: messages go through as they come. s switches it on."))]
        too = [name for name, on in (("answers", self._responses), ("MCP requests", self._mcp)) if on]
        also = f", {' and '.join(too)} too" if too else ""
        return [Line(Content(f"Nothing waits. The next request of a sign-in stops here{also}."))]

    @property
    def _chosen(self) -> "Held | None":
        at = self.query_one("#held", OptionList).highlighted
        return self._shown[at] if self._shown and at is not None and at < len(self._shown) else None

    @on(OptionList.OptionSelected)
    async def action_release(self) -> None:
        """Let the message go on as it is."""
        await self._decide(lambda steering, id: steering.release(id))

    async def action_drop(self) -> None:
        """Cut the client's connection."""
        await self._decide(lambda steering, id: steering.drop(id))

    async def _decide(self, decision: "Callable[[Steering, int], Awaitable[object]]") -> None:
        chosen = self._chosen
        if chosen is None:
            return
        try:
            await self._live.decide(lambda steering: decision(steering, chosen.id))
        except InspectorError as error:
            self.remark(str(error), error=True)
        else:
            self.remark("")
        await self._tick()

    def action_edit(self) -> None:
        """Change the message, and let it go."""
        self._open_editor(answering=False)

    def action_answer(self) -> None:
        """Answer in the server's place."""
        if self._message and self._message.held.side == "response":
            self.remark("This is an answer already: e changes it.", error=True)
        else:
            self._open_editor(answering=True)

    def _open_editor(self, *, answering: bool) -> None:
        message = self._message
        if message is None:
            return

        async def send(edited: "HeldMessage | None") -> None:
            if edited is None:
                return
            id = edited.held.id
            if answering:
                await self._decide(lambda steering, _: steering.answer(id, edited.status, edited.headers, edited.body))
            else:
                path, status = edited.path or None, edited.status or None
                await self._decide(
                    lambda steering, _: steering.edit(
                        id, path=path, status=status, headers=edited.headers, body=edited.body
                    )
                )

        self.app.push_screen(EditHeld(message, answering=answering), send)

    async def action_switch(self) -> None:
        """Hold messages from now on, or no more."""
        await self._set(not self._live.steps)

    async def action_responses(self) -> None:
        """Hold the servers' answers too, or not."""
        self._responses = not self._responses
        await self._set(True)

    async def action_mcp(self) -> None:
        """Hold the requests to the MCP server too, or not."""
        self._mcp = not self._mcp
        await self._set(True)

    async def _set(self, on: bool) -> None:
        try:
            await self._live.step(on, responses=self._responses, mcp=self._mcp)
        except InspectorError as error:
            self.remark(str(error), error=True)
        self._shown = None
        await self._tick()
