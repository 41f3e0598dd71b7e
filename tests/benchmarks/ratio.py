"""Times two things in turn, so that both meet the same machine, and compares them."""

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 7


@dataclass(frozen=True, slots=True)
class Ratio:
    """How much longer ours takes than the thing beside it; the absolute times hold for this machine only."""

    what: str
    beside: str
    ours: float
    theirs: float

    def __str__(self) -> str:
        factor = self.ours / self.theirs
        return (
            f"{self.what:<46} {factor:6.2f} x {self.beside:<36} ({self.ours * 1e3:.1f} ms, {self.theirs * 1e3:.1f} ms)"
        )


def compare(what: str, ours: Callable[[], object], beside: str, theirs: Callable[[], object]) -> Ratio:
    """Run both ROUNDS times, in turn, and compare the medians."""
    times: dict[Callable[[], object], list[float]] = {ours: [], theirs: []}
    for _ in range(ROUNDS):
        for side, measured in times.items():
            gc.collect()
            before = time.perf_counter()
            side()
            measured.append(time.perf_counter() - before)
    return Ratio(what, beside, statistics.median(times[ours]), statistics.median(times[theirs]))
