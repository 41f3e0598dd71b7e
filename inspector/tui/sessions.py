"""An open session: a feed, what is known of it so far, and how far the reading of it is."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace

from textual.worker import Worker

from inspector.errors import InspectorError
from inspector.tui.feed import Feed, FileFeed, SessionFeed, batched
from inspector.tui.recording import Analyser, Analyst, Recording
from inspector.tui.screens.main import MainScreen

REPAINT_SECONDS = 0.1
"""What arrives within this time is judged and painted together."""


class OpenSession:
    """One tab of the desktop."""

    def __init__(self, feed: Feed, screen: MainScreen, name: str, analyser: Analyser | None = None) -> None:
        """`name` is what stands on the tab."""
        self.feed = feed
        self.screen = screen
        self.name = name
        self.recording = Recording()
        self.following: Worker[None] | None = None
        self._analyst = Analyst(analyser)
        self._taken = 0
        self._stopped = False

    @property
    def progress(self) -> float | None:
        """The share of a finished recording that is read and judged, 0.0 to 1.0; None with nothing to wait for."""
        if self.feed.live or self.recording.ended:
            return None
        read = self.feed.read if isinstance(self.feed, FileFeed) else 1.0
        judged = self._taken / self.feed.total if self.feed.total else 0.0
        return (read + judged) / 2 if isinstance(self.feed, FileFeed) else judged

    def stop(self) -> None:
        """Read no further; what was read stays."""
        self._stopped = True
        if isinstance(self.feed, FileFeed):
            self.feed.stop()

    async def follow(self, show: Callable[[Recording], None]) -> None:
        """Judge what the feed gives, and show each new state, until it ends or is stopped."""
        trouble = ""
        unjudged = False
        try:
            async with aclosing(batched(self.feed.updates(), REPAINT_SECONDS)) as batches:
                async for batch in batches:
                    self._taken += len(batch)
                    more = self._taken < self.feed.total and not self._stopped
                    recording = await asyncio.to_thread(self._analyst.take, batch, more=more)
                    unjudged = recording is None
                    if recording is not None:
                        self.recording = self._with_incidents(recording)
                        show(self.recording)
                    if self._stopped:
                        break
        except InspectorError as error:
            trouble = str(error)
        if unjudged:
            rest = await asyncio.to_thread(self._analyst.take, ())
            self.recording = rest or self.recording
        if self._stopped:
            of = f" of {self.feed.total}" if self.feed.total else ""
            trouble = f"You stopped the reading after {self._taken}{of} exchanges; open the file again to see all."
        warnings = tuple(self.feed.warnings) if isinstance(self.feed, FileFeed) else ()
        ended = replace(self.recording, ended=True, trouble=trouble, warnings=warnings)
        self.recording = self._with_incidents(ended)
        show(self.recording)

    def _with_incidents(self, recording: Recording) -> Recording:
        return replace(recording, incidents=self.feed.incidents) if isinstance(self.feed, SessionFeed) else recording

    def close(self) -> None:
        """Let go of the file."""
        if isinstance(self.feed, SessionFeed):
            self.feed.close()
