"""From a recording to judged runs, at once or live, for every face of the program alike."""

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from inspector.rules.runner import check
from inspector.session.model import Exchange
from inspector.timeline import Timeline
from inspector.verdict.judge import judge
from inspector.verdict.model import Judged

_FELT_AS_A_PAUSE = 100_000
"""Objects that the collector needs some hundredths of a second for."""


class Analysis:
    """The judged runs of a session, kept up to date as exchanges are added. Unchanged runs are not judged again."""

    def __init__(self, pinned_revision: str = "") -> None:
        """Start empty; `pinned_revision` is the MCP revision to take levels from instead of the inferred one."""
        self._timeline = Timeline(pinned_revision)
        self._judged: dict[int, Judged] = {}
        self._seen: set[int] = set()

    def add(self, exchanges: Iterable[Exchange]) -> None:
        """Add new exchanges, or newer states of known ones, in the order they were recorded."""
        with _collector_paused():
            for exchange in exchanges:
                self._seen.add(exchange.id)
                self._timeline.add(exchange)

    @property
    def exchange_count(self) -> int:
        """How many exchanges were added."""
        return len(self._seen)

    @property
    def runs(self) -> tuple[Judged, ...]:
        """Every run, oldest first."""
        with _collector_paused():
            for run in self._timeline.take_changed():
                checked = check(run)
                self._judged[run.id] = Judged(run, checked, judge(run, checked))
        return tuple(self._judged.values())

    @property
    def unlinked(self) -> tuple[int, ...]:
        """Exchanges that look like a sign-in but belong to no run."""
        return tuple(message.id for message in self._timeline.unlinked)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep the collector of reference cycles away: it took a third of the time of a large session and found none.

    What a large session made is frozen at the end, or the collector would look through all of it at once, in the midst
    of what the user does next. It is freed like everything else when nobody refers to it any more.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if gc.get_count()[0] > _FELT_AS_A_PAUSE:
            gc.freeze()
        if was_enabled:
            gc.enable()


def analyse(exchanges: Iterable[Exchange], pinned_revision: str = "") -> Analysis:
    """Analyse a finished recording. Sorted by time first: a session lists what was written last at the end."""
    analysis = Analysis(pinned_revision)
    analysis.add(sorted(exchanges, key=lambda exchange: (exchange.started_at, exchange.id)))
    return analysis
