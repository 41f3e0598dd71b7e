"""What is known of a recording at one moment, and how it is worked out away from the screen's thread."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from inspector.session.model import Exchange, Incident
from inspector.verdict.model import Judged


class Analyser(Protocol):
    """What judges a session as it grows; `inspector.verdict.analysis.Analysis` in the program."""

    def add(self, exchanges: Iterable[Exchange]) -> None:
        """Take in new exchanges, or newer states of known ones."""
        ...

    @property
    def runs(self) -> tuple[Judged, ...]:
        """Every run, oldest first."""
        ...

    @property
    def exchange_count(self) -> int:
        """How many exchanges were added."""
        ...


@dataclass(frozen=True, slots=True)
class Recording:
    """The judged runs so far. `ended` says that nothing more will come, `trouble` why it ended before its time.

    `warnings` are what could not be read of a file, one sentence each; `incidents` what happened beside the exchanges.
    """

    runs: tuple[Judged, ...] = ()
    exchange_count: int = 0
    ended: bool = False
    trouble: str = ""
    warnings: tuple[str, ...] = ()
    incidents: tuple[Incident, ...] = ()


class Analyst:
    """Judges batch by batch; made and used in a worker thread, as the rules take longer to load than a screen."""

    def __init__(self, analyser: Analyser | None = None) -> None:
        self._analyser = analyser
        self._judged_at = 0

    def take(self, exchanges: Sequence[Exchange], *, more: bool = False) -> Recording | None:
        """Add exchanges and give back the state of the recording.

        While `more` are at hand this is only done now and then, each time after twice as many, and None is given in
        between: judging a long run again for each part would cost the square of its length.
        """
        if self._analyser is None:
            from inspector.verdict.analysis import Analysis

            self._analyser = Analysis()
        self._analyser.add(exchanges)
        count = self._analyser.exchange_count
        if more and count < 2 * self._judged_at:
            return None
        self._judged_at = count
        return Recording(self._analyser.runs, count)
