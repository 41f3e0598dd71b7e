"""The terminal application: follows a feed, has it judged, and shows it."""

import asyncio
import traceback
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import App, SystemCommand
from textual.screen import Screen
from textual.worker import Worker, WorkerFailed

from inspector.errors import InspectorError
from inspector.tui.feed import Feed, batched
from inspector.tui.keys import MAIN_KEYS
from inspector.tui.masking import Masker
from inspector.tui.panes.status import Origin
from inspector.tui.recording import Analyser, Analyst, Recording
from inspector.tui.screens.main import MainScreen

REPAINT_SECONDS = 0.1
"""What arrives within this time is judged and painted together."""


class InspectorApp(App[None]):
    """Shows a feed until the reader leaves."""

    TITLE = "mcp-auth-inspector"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar = []

    def __init__(
        self,
        feed: Feed,
        *,
        proxy_label: str = "",
        recipe: Sequence[str] = (),
        analyser: Analyser | None = None,
        masker: Masker | None = None,
    ) -> None:
        """`proxy_label` is the proxy's address, shown while live; `recipe` are the lines that say how to send a client
        through it, shown until something is captured. `analyser` judges in place of a new Analysis.
        """
        super().__init__()
        self.feed = feed
        self.recording = Recording()
        self._analyst = Analyst(analyser)
        self._masker = masker or Masker()
        address = (feed.live and proxy_label) or feed.source
        self._origin = Origin(feed.title, address, feed.live, tuple(recipe))
        self.following: Worker[None] | None = None

    async def on_mount(self) -> None:
        """Show the main screen, and begin to follow the feed."""
        await self.push_screen(MainScreen(self._origin, self._masker))
        self.following = self.run_worker(self._follow(), name="feed")

    async def _follow(self) -> None:
        trouble = ""
        try:
            async with aclosing(batched(self.feed.updates(), REPAINT_SECONDS)) as batches:
                async for batch in batches:
                    self._show(await asyncio.to_thread(self._analyst.take, batch))
        except InspectorError as error:
            trouble = str(error)
        self._show(replace(self.recording, ended=True, trouble=trouble))

    def _show(self, recording: Recording) -> None:
        self.recording = recording
        for screen in self.screen_stack:
            if isinstance(screen, MainScreen):
                screen.show(recording)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every key of the main screen by name, and what has no key."""
        for binding in MAIN_KEYS:
            group, _, _ = (binding.id or "").partition(".")
            if isinstance(screen, MainScreen) and group in ("go", "view", "edit", "help"):
                run = partial(screen.run_action, binding.action)
                yield SystemCommand(f"{group}: {binding.description}", binding.tooltip, run)
        yield SystemCommand("theme: Change", "Choose other colours, light ones too", self.action_change_theme)
        yield SystemCommand("app: Quit", "Leave the inspector", self.action_quit)

    def _fatal_error(self) -> None:
        """Say where the program broke, without the values it was working on: they hold captured secrets.

        Textual's own crash screen prints the local variables of every frame, and messages hold values as well.
        """
        self.bell()
        self._exit_renderables.append(Text(_crash_report(self._exception)))
        self._close_messages_no_wait()


def run_app(feed: Feed, *, proxy_label: str = "", recipe: Sequence[str] = (), analyser: Analyser | None = None) -> int:
    """Show a feed in the terminal until the reader leaves; gives the exit code, 0 or 1 after a crash."""
    app = InspectorApp(feed, proxy_label=proxy_label, recipe=recipe, analyser=analyser)
    app.run()
    return app.return_code or 0


def _crash_report(error: BaseException | None) -> str:
    """Where it broke: the kind of fault and the places in the code, and no value."""
    while isinstance(error, WorkerFailed) or (error is not None and error.__cause__ is not None):
        error = error.error if isinstance(error, WorkerFailed) else error.__cause__
    kind = type(error).__name__ if error else "unknown fault"
    frames = traceback.extract_tb(error.__traceback__) if error else ()
    places = (f"  {Path(frame.filename).parent.name}/{Path(frame.filename).name}:{frame.lineno}" for frame in frames)
    return "\n".join(
        (
            f"mcp-auth-inspector stopped because of a fault in itself: {kind}",
            *(f"{place} in {frame.name}" for place, frame in zip(places, frames, strict=True)),
            "Values are left out here because they can hold secrets. A capture that is running goes on.",
        )
    )
