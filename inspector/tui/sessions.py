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
from inspector.verdict.model import Judged
from inspector.verdict.proof import Proof, with_proof

REPAINT_SECONDS = 0.1
"""What arrives within this time is judged and painted together."""


class OpenSession:
    """One tab of the desktop."""

    def __init__(self, feed: Feed, screen: MainScreen, name: str, analyser: Analyser | None = None) -> None:
        """`name` is what stands on the tab."""
        self.feed = feed
        self.screen = screen
        self.name = name
        self.recording = self._judged = Recording()
        self.following: Worker[None] | None = None
        self._analyst = Analyst(analyser)
        self._taken = 0
        self._stopped = False
        self._judging = asyncio.Lock()
        self._proofs: dict[int, Proof] = {}
        self._proven: dict[int, tuple[Judged, Judged]] = {}

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
                    async with self._judging:
                        recording = await asyncio.to_thread(self._analyst.take, batch, more=more)
                    unjudged = recording is None
                    if recording is not None:
                        self._know(recording)
                        show(self.recording)
                    if self._stopped:
                        break
        except InspectorError as error:
            trouble = str(error)
        if unjudged:
            rest = await asyncio.to_thread(self._analyst.take, ())
            self._know(rest or self._judged)
        if self._stopped:
            of = f" of {self.feed.total}" if self.feed.total else ""
            trouble = f"You stopped the reading after {self._taken}{of} exchanges; open the file again to see all."
        warnings = tuple(self.feed.warnings) if isinstance(self.feed, FileFeed) else ()
        self._know(replace(self._judged, ended=True, trouble=trouble, warnings=warnings))
        show(self.recording)

    async def read_on(self, show: Callable[[Recording], None]) -> None:
        """Judge and show what was written to the session since, such as replays."""
        if isinstance(self.feed, SessionFeed):
            async for part in self.feed.unread():
                async with self._judging:
                    now = await asyncio.to_thread(self._analyst.take, part)
                if now is not None:
                    self._taken += len(part)
                    self._know(replace(self._judged, runs=now.runs, exchange_count=now.exchange_count))
        show(self.recording)

    def prove(self, run: int, proof: Proof) -> None:
        """Take in what a replay has proved about a run: from now on its verdict says so."""
        self._proofs[run] = proof
        self._proven.pop(run, None)
        self._know(self._judged)

    def _know(self, judged: Recording) -> None:
        """Keep a state of the recording, with what is known beside its exchanges."""
        if isinstance(self.feed, SessionFeed):
            judged = replace(judged, incidents=self.feed.incidents)
        self._judged = judged
        self.recording = replace(judged, runs=tuple(map(self._as_proven, judged.runs))) if self._proofs else judged

    def _as_proven(self, judged: Judged) -> Judged:
        """A run with its verdict as the proof leaves it; the same object for the same run."""
        proof = self._proofs.get(judged.run.id)
        if proof is None:
            return judged
        known = self._proven.get(judged.run.id)
        if known is None or known[0] is not judged:
            known = judged, replace(judged, verdict=with_proof(judged.verdict, proof))
            self._proven[judged.run.id] = known
        return known[1]

    def close(self) -> None:
        """Let go of the file."""
        if isinstance(self.feed, SessionFeed):
            self.feed.close()
