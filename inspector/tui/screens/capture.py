"""Start a capture: choose the client and the way, see the recipe for exactly that, start, test, stop."""

import asyncio
import os
from collections.abc import Iterable
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from inspector.capture.recipes import Kind, Mode, Recipe, recipes
from inspector.display import visible as plain
from inspector.errors import InspectorError
from inspector.tui.display import visible
from inspector.tui.lines import Line, field, heading, note
from inspector.tui.looks import CROSS, ERROR, GOOD, MUTED, NEUTRAL, STRONG, TICK, WARNING
from inspector.tui.screens.dialog import CLOSE, Choice, Dialog
from inspector.tui.widgets.document import DocumentPane

if TYPE_CHECKING:
    from inspector.capture.proxy import RunningProxy
    from inspector.doctor.check import Check
    from inspector.tui.live import LiveCapture

_STYLES: list[str | PurePath] = ["dialog.tcss", "capture.tcss"]
_STARTED_HERE = (Mode.ENV, Mode.GATEWAY)
"""The ways in which a capture can be started from the screen; the others need a command."""

_WAYS = {
    Mode.RUN: "run: in a terminal",
    Mode.ENV: "env: set variables",
    Mode.GATEWAY: "gateway: another URL",
    Mode.TAKEOVER: "takeover: same URL",
    Mode.LOCAL: "local: by the system",
}
_URL_HINT = "URL of the MCP server, such as http://localhost:3001/mcp"
_HEALTH = {"ok": (TICK, GOOD), "note": ("i", WARNING), "bad": (CROSS, ERROR), "absent": (NEUTRAL, MUTED)}


class CaptureDialog(Dialog["RunningProxy"]):
    """Gives the capture that was started."""

    CSS_PATH = _STYLES
    TALL = True
    heading = "Capture"
    keys = "tab next  enter start  t test  y copy a line  esc close"
    choices = (
        Choice("Start", "start", "Start the capture, and show it", primary=True),
        Choice("Stop", "stop", "End the capture that runs; its session stays"),
        Choice("Test", "test", "Send requests through it as clients would"),
        CLOSE,
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "test", "Test", tooltip="Send requests through it as clients would", id="capture.test"),
        Binding("y", "copy", "Copy", tooltip="Copy the line at the cursor of the recipe", id="capture.copy"),
    ]

    def __init__(self, live: "LiveCapture", server: str = "") -> None:
        """`server` is the MCP server's URL as far as it is known."""
        super().__init__()
        self._live = live
        self._server = server

    def body(self) -> ComposeResult:
        """The server, the clients and ways on the left, the recipe on the right."""
        with Vertical():
            yield Input(plain(self._server), placeholder=_URL_HINT, id="server", compact=True)
            with Horizontal(id="capture-columns"):
                with Vertical(id="capture-choices"):
                    yield Static("Client", classes="capture-label")
                    yield OptionList(*(Option(each.title) for each in recipes()), id="clients", markup=False)
                    yield Static("Way", classes="capture-label")
                    yield OptionList(id="modes", markup=False)
                yield DocumentPane(id="recipe")

    def on_mount(self) -> None:
        """Begin once everything stands: what is nested this deep is mounted later."""
        self.call_after_refresh(self._begin)

    async def _begin(self) -> None:
        """Show the first client, and what runs already."""
        self.query_one("#clients", OptionList).focus()
        await self._live.find()
        self._show_ways()

    @property
    def _recipe(self) -> Recipe:
        return recipes()[self.query_one("#clients", OptionList).highlighted or 0]

    @property
    def _mode(self) -> Mode:
        return self._recipe.modes[self.query_one("#modes", OptionList).highlighted or 0]

    @property
    def _url(self) -> str:
        return self.query_one("#server", Input).value.strip()

    @on(OptionList.OptionHighlighted, "#clients")
    def _show_ways(self) -> None:
        """The ways this client can go."""
        modes = self.query_one("#modes", OptionList)
        modes.clear_options()
        modes.add_options(Option(_WAYS[mode]) for mode in self._recipe.modes)
        modes.highlighted = 0

    @on(OptionList.OptionHighlighted, "#modes")
    @on(Input.Changed, "#server")
    def _show_recipe(self) -> None:
        self.query_one("#recipe", DocumentPane).show(list(self._lines()))
        running = self._live.proxy is not None
        self.allow("start", not running and self._mode in _STARTED_HERE)
        self.allow("stop", running)
        self.allow("test", running)

    def _lines(self) -> Iterable[Line]:
        """What to do, with the addresses of the capture that runs."""
        recipe, mode, proxy = self._recipe, self._mode, self._live.proxy
        yield Line(Content.assemble((recipe.title, STRONG), f"  {mode}  ", (recipe.evidence(mode), MUTED)))
        if recipe.note:
            yield note(visible(recipe.note).plain)
        yield Line()
        if proxy is not None:
            at = proxy.gateway or proxy.url
            yield field("capture", Content.assemble(("runs at ", GOOD), visible(at)))
            yield Line()
        gateway = proxy.gateway if proxy else ""
        try:
            lines = recipe.lines(
                mode,
                proxy_url=proxy.url if proxy and not gateway else "",
                ca_path=proxy.ca_certificate.with_name("bundle.pem") if proxy else None,
                mcp_url=self._url,
                gateway_url=gateway,
            )
        except InspectorError as error:
            yield note(visible(str(error)).plain)
            return
        for number, line in enumerate(lines, 1):
            if line.kind is Kind.PASTE:
                yield from (Line(visible(f"  {each}")) for each in line.text.split("\n"))
            elif line.kind is Kind.FILE:
                yield field("in", visible(line.text))
            else:
                style = STRONG if line.kind is Kind.COMMAND else ""
                yield field(str(number), visible(line.text, style))
        if mode not in _STARTED_HERE:
            yield Line()
            yield note("This way is begun by its command, in a terminal; Capture > Watch shows it here.")

    @on(OptionList.OptionSelected)
    @on(Input.Submitted)
    async def action_start(self) -> None:
        """Start the capture, and close: its session is shown."""
        if self._live.proxy is not None or self._mode not in _STARTED_HERE:
            return
        self.remark("Starting...")
        try:
            proxy = await self._live.start(self._mode, self._url)
        except InspectorError as error:
            self.remark(str(error), error=True)
        else:
            self.dismiss(proxy)

    async def action_stop(self) -> None:
        """End the capture that runs."""
        if self._live.proxy is None:
            return
        self.remark("Ending it...")
        try:
            await self._live.stop()
        except InspectorError as error:
            self.remark(str(error), error=True)
            return
        self.remark("The capture has ended; its session stays.")
        self._show_recipe()

    async def action_test(self) -> None:
        """Send a request through it with every runtime on this machine."""
        proxy = self._live.proxy
        if proxy is None:
            self.remark("Nothing runs yet: start the capture first.", error=True)
            return
        self.remark("Testing...")
        try:
            checks = await asyncio.to_thread(_checked, proxy)
        except InspectorError as error:
            self.remark(str(error), error=True)
            return
        self.remark("")
        self.query_one("#recipe", DocumentPane).show(list(_results(checks)))

    def action_copy(self) -> None:
        """Copy the line at the cursor of the recipe."""
        if text := self.query_one("#recipe", DocumentPane).copied():
            self.app.copy_to_clipboard(text)
            self.remark("Copied.")


def _checked(proxy: "RunningProxy") -> "list[Check]":
    from inspector.doctor.running import proxy_checks
    from inspector.doctor.trust import trust_checks

    return [*proxy_checks(proxy, os.environ), *trust_checks(proxy.ca_certificate.parent, os.environ)]


def _results(checks: "list[Check]") -> Iterable[Line]:
    yield heading("Test of the capture")
    for check in checks:
        glyph, style = _HEALTH[check.health]
        yield Line(Content.assemble((f"{glyph} ", style), f"{check.name}  ", visible(check.says, MUTED)))
        if check.cure:
            yield Line(Content.assemble("  ", visible(check.cure)))
