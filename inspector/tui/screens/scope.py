"""The scope of the capture: what is recorded and why, what passed by unrecorded, and changing that while it runs."""

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from inspector.errors import InspectorError
from inspector.tui.display import visible
from inspector.tui.looks import GOOD, MUTED, NEUTRAL, STRONG, TICK
from inspector.tui.screens.ask import Ask
from inspector.tui.screens.dialog import CLOSE, Choice, Dialog

if TYPE_CHECKING:
    from inspector.capture.steering import ScopeState
    from inspector.tui.live import LiveCapture


class ScopeDialog(Dialog[None]):
    """Origins that are recorded, and hosts that are not, with how often each was met."""

    TALL = True
    heading = "Scope"
    keys = "enter record or not  + add  r record all  esc close"
    choices = (
        Choice("Record or not", "turn", "Record the address at the cursor, or no more", primary=True),
        Choice("Add...", "add", "Record one more address"),
        Choice("Record all", "all", "Record everything that passes by, or the conversation alone"),
        CLOSE,
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus", "add", "Add", tooltip="Record one more address", id="scope.add"),
        Binding("r", "all", "Record all", tooltip="Record everything that passes by, or not", id="scope.all"),
    ]

    def __init__(self, live: "LiveCapture") -> None:
        super().__init__()
        self._live = live
        self._state: ScopeState | None = None

    def body(self) -> ComposeResult:
        """The list."""
        yield OptionList(id="scope", markup=False)

    async def on_mount(self) -> None:
        """Ask the capture."""
        self.query_one(OptionList).focus()
        try:
            self._show(await (await self._live.steering()).scope())
        except InspectorError as error:
            self.remark(str(error), error=True)

    def _show(self, state: "ScopeState") -> None:
        self._state = state
        scope = self.query_one(OptionList)
        at = scope.highlighted
        scope.clear_options()
        for each in state.origins:
            why = visible(f"  {each.why}", MUTED)
            scope.add_option(Option(Content.assemble((f"{TICK} ", GOOD), visible(each.origin, STRONG), why)))
        for host, count in state.unrecorded.items():
            times = f"  not recorded, {count} request{'s' if count != 1 else ''}"
            scope.add_option(Option(Content.assemble((f"{NEUTRAL} ", MUTED), visible(host), (times, MUTED))))
        scope.highlighted = min(at or 0, scope.option_count - 1) if scope.option_count else None
        self.remark(_told(state))

    @on(OptionList.OptionSelected)
    async def action_turn(self) -> None:
        """Record the address at the cursor, or no more."""
        at = self.query_one(OptionList).highlighted
        if self._state is None or at is None:
            return
        if at < len(self._state.origins):
            await self._change(remove=self._state.origins[at].origin)
        else:
            host = list(self._state.unrecorded)[at - len(self._state.origins)]
            scheme = "https" if host.endswith(":443") else "http"
            await self._change(add=f"{scheme}://{host}")

    def action_add(self) -> None:
        """Record one more address."""

        async def answered(url: str | None) -> None:
            if url:
                await self._change(add=url)

        self.app.push_screen(Ask("Record also", hint="A URL, of which the origin counts."), answered)

    async def action_all(self) -> None:
        """Record everything that passes by, or the conversation alone."""
        if self._state is not None:
            await self._change(everything=not self._state.record_all)

    async def _change(self, *, add: str = "", remove: str = "", everything: bool | None = None) -> None:
        try:
            steering = await self._live.steering()
            if everything is not None:
                state = await steering.record_all(everything)
            else:
                state = await (steering.scope_add(add) if add else steering.scope_remove(remove))
        except InspectorError as error:
            self.remark(str(error), error=True)
        else:
            self._show(state)


def _told(state: "ScopeState") -> str:
    if state.record_all:
        return "Everything that passes by is recorded."
    others = f" {state.unrecorded_others} more hosts passed by unrecorded." if state.unrecorded_others else ""
    learns = " The first server that speaks MCP is taken." if state.learns_servers and not state.origins else ""
    return f"Only the conversation of the sign-in is recorded.{learns}{others}"
