"""Runs the application for tests: presses its keys and reads its screen as text."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from textual import events
from textual.pilot import Pilot

from inspector.session.importing import Recording
from inspector.session.model import Exchange
from inspector.tui.app import InspectorApp
from inspector.tui.feed import Feed, FinishedFeed
from inspector.tui.masking import Masker
from inspector.tui.recording import Analyser
from inspector.tui.screens.main import MainScreen
from inspector.tui.view import RunView

STACKED, BESIDE, SPREAD = (80, 24), (120, 36), (160, 48)
SIZES = (STACKED, BESIDE, SPREAD)
KEY = b"a key for fingerprints that stay the same"


def problems_at(view: RunView, step: int) -> str:
    """How the Why pane begins for a step. The rules decide how many problems there are; the screen tells it."""
    count = len(view.step_findings.get(step, ()))
    return f"{count or 'no'} problem{'s' if count > 1 else ''} at step {step}"


@dataclass
class Stage:
    """A running application."""

    app: InspectorApp
    pilot: Pilot[None]

    @property
    def rows(self) -> list[str]:
        """What is on the screen, row by row."""
        return [strip.text for strip in self.app.screen._compositor.render_strips()]

    @property
    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(self.rows)

    @property
    def status(self) -> str:
        """The line that says what is looked at."""
        return self._row_of("#status")

    @property
    def verdict(self) -> str:
        """The line with the verdict."""
        return self._row_of("#verdict")

    def _row_of(self, selector: str) -> str:
        """The row of a line of the main screen; empty while that is being made."""
        lines = self.app.screen.query(selector)
        rows = self.rows
        row = lines.first().region.y if lines else len(rows)
        return rows[row] if row < len(rows) else ""

    @property
    def main(self) -> MainScreen:
        screen = self.app.screen_stack[-1]
        assert isinstance(screen, MainScreen)
        return screen

    def problems_at(self, step: int) -> str:
        """How the Why pane begins for a step."""
        assert self.main.view is not None
        return problems_at(self.main.view, step)

    async def press(self, *keys: str) -> str:
        """Press keys one after the other; gives what is on the screen then."""
        for key in keys:
            self.app.post_message(events.Key(key, key if len(key) == 1 else None))
            await self.settle()
        return self.text

    async def click(self, words: str) -> str:
        """Click on the first place that shows these words."""
        row = next(number for number, row in enumerate(self.rows) if words in row)
        await self.pilot.click(offset=(self.rows[row].index(words) + 1, row))
        await self.settle()
        return self.text

    async def settle(self) -> None:
        """Let the application handle what it was sent, and paint.

        A message is passed from queue to queue on its way up the tree; then come the layout, and what was put off
        until after it.
        """
        for _ in range(4):
            for _ in range(12):
                await asyncio.sleep(0)
            await self.pilot.pause(0)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is on the screen, and all that belongs to it."""
        async with asyncio.timeout(30):
            while not condition():
                await self.pilot.pause(0.005)
        await self.settle()


@dataclass
class DrivenFeed:
    """A live feed into which the test puts what is to arrive."""

    source: str = "127.0.0.1:8080"
    title: str = "live"
    live: bool = True
    total: int = 0
    queue: asyncio.Queue[Sequence[Exchange] | Exception | None] = field(default_factory=asyncio.Queue)

    async def updates(self) -> AsyncIterator[Sequence[Exchange]]:
        while (batch := await self.queue.get()) is not None:
            if isinstance(batch, Exception):
                raise batch
            yield batch

    def recording(self) -> Recording:
        raise NotImplementedError


@asynccontextmanager
async def stage(
    shown: Feed | Sequence[Exchange],
    size: tuple[int, int] = STACKED,
    *,
    recipe: Sequence[str] = (),
    analyser: Analyser | None = None,
    ascii_only: bool = False,
) -> AsyncGenerator[Stage]:
    """Run the application on a feed, or on exchanges until all of them are on the screen."""
    feed: Feed = FinishedFeed(shown, source="demo.mitm") if isinstance(shown, Sequence) else shown
    app = InspectorApp(
        feed,
        proxy_label="127.0.0.1:8080",
        recipe=recipe,
        analyser=analyser,
        masker=Masker(KEY),
        ascii_only=ascii_only,
    )
    async with app.run_test(size=size) as pilot:
        here = Stage(app, pilot)
        if not feed.live:
            await app.workers.wait_for_complete()
        await here.until(lambda: here.main.focused in here.main.focus_chain)
        yield here
