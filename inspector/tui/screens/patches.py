"""Wire patches: what the inspector changes on the way, listed, switched on and off."""

from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from inspector.errors import InspectorError
from inspector.tui.display import visible
from inspector.tui.looks import GOOD, MUTED, NEUTRAL, STRONG, TICK
from inspector.tui.screens.ask import Ask
from inspector.tui.screens.dialog import CLOSE, Choice, Dialog

if TYPE_CHECKING:
    from inspector.capture.steering import KnownPatch, PatchState
    from inspector.tui.live import LiveCapture


class PatchesDialog(Dialog[None]):
    """The patches that are on, then every kind there is."""

    TALL = True
    heading = "Wire patches"
    keys = "enter on/off  esc close"
    choices = (Choice("On/off", "turn", "Switch the patch at the cursor on or off", primary=True), CLOSE)

    def __init__(self, live: "LiveCapture") -> None:
        super().__init__()
        self._live = live
        self._state: PatchState | None = None

    def body(self) -> ComposeResult:
        """The list."""
        yield OptionList(id="patches", markup=False)

    async def on_mount(self) -> None:
        """Ask the capture which are on."""
        self.query_one(OptionList).focus()
        self.remark(
            "A patch changes what the client sends. It is recorded as such, and the client is judged without it."
        )
        try:
            self._show(await (await self._live.steering()).patches())
        except InspectorError as error:
            self.remark(str(error), error=True)

    def _show(self, state: "PatchState") -> None:
        self._state = state
        patches = self.query_one(OptionList)
        at = patches.highlighted
        patches.clear_options()
        for active in state.active:
            times = f"  applied {active.applied} time{'s' if active.applied != 1 else ''}"
            patches.add_option(
                Option(Content.assemble((f"{TICK} ", GOOD), visible(active.patch, STRONG), (times, MUTED)))
            )
        for known in state.known:
            takes = f"={known.takes}" if known.takes else ""
            name = Content.assemble((f"{NEUTRAL} ", MUTED), f"{known.name}{takes}", (f"  {known.what}", MUTED))
            patches.add_option(Option(name))
        patches.highlighted = min(at or 0, patches.option_count - 1)

    @on(OptionList.OptionSelected)
    async def action_turn(self) -> None:
        """Switch the patch at the cursor on or off; one that takes a value asks for it."""
        at = self.query_one(OptionList).highlighted
        if self._state is None or at is None:
            return
        if at < len(self._state.active):
            await self._turn(self._state.active[at].patch, on=False)
            return
        known = self._state.known[at - len(self._state.active)]
        if known.takes:
            self._ask(known)
        else:
            await self._turn(known.name, on=True)

    def _ask(self, known: "KnownPatch") -> None:
        optional = known.takes.startswith("[")

        async def answered(value: str | None) -> None:
            if value is not None and (value or optional):
                await self._turn(f"{known.name}={value}" if value else known.name, on=True)

        hint = f"{known.what} Takes {known.takes.strip('[]')}{', or nothing' if optional else ''}."
        self.app.push_screen(Ask(known.name, hint=hint), answered)

    async def _turn(self, patch: str, *, on: bool) -> None:
        try:
            steering = await self._live.steering()
            self._show(await (steering.patch_on(patch) if on else steering.patch_off(patch)))
        except InspectorError as error:
            self.remark(str(error), error=True)
        else:
            self.remark("")
