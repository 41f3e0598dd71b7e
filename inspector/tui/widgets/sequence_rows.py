"""The rows of the timeline: the steps, and between them the phases, the pauses and what stopped traffic."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from inspector.session.model import Incident
from inspector.timeline.message import Kind
from inspector.timeline.steps import Status, Step

_ALWAYS_SHOWN = (1, 2, 3, 4, 5)
_PAUSE = 10.0
_SIGN_IN_PAUSE = 2.0
_SIGN_IN_ENDS = (Kind.CALLBACK, Kind.TOKEN)
_SIGN_IN_STARTS = (Kind.AUTHORIZE, Kind.INTERACTION)


@dataclass(frozen=True, slots=True)
class PhaseRow:
    """A heading."""

    phase: int
    seen: bool


@dataclass(frozen=True, slots=True)
class PauseRow:
    """Time in which nothing was sent, in seconds; `sign_in` says that the user was at the sign-in page."""

    seconds: float
    sign_in: bool


type TimelineRow = PhaseRow | PauseRow | Incident | Step


class TimelineRows:
    """All rows in the order of time. What is asked of them costs the same however many there are."""

    def __init__(
        self,
        steps: Sequence[Step] = (),
        incidents: Sequence[Incident] = (),
        end_of: Callable[[int], float] = lambda exchange: 0.0,
        *,
        whole: bool = True,
    ) -> None:
        """`end_of` tells when an exchange was over, in seconds since the epoch; 0.0 when that is not known.

        Where the steps are not the `whole` run, nothing is said of what lies between them.
        """
        self.steps = steps
        self._rows: list[TimelineRow] = []
        # One pass over all steps, which is all that grows with their number; the rest looks at the few it finds.
        notable = [
            number
            for number, (one, other) in enumerate(pairwise(steps), 1)
            if one.phase != other.phase or other.at - one.at >= _SIGN_IN_PAUSE
        ]
        between = [*_phases(steps, notable, whole=whole), *_incidents(steps, incidents)]
        if whole:
            between += _pauses(steps, notable, end_of)
        between.sort(key=lambda each: each[:2])
        done = 0
        for position, _, row in between:
            self._rows += steps[done:position]
            self._rows.append(row)
            done = position
        self._rows += steps[done:]
        self._between = [position for position, _, _ in between]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> TimelineRow:
        return self._rows[index]

    def index_of(self, step: Step) -> int:
        """The row of a step."""
        position = self._position(step.id)
        return position + bisect_right(self._between, position)

    def find(self, step_id: int) -> Step | None:
        """The step of this number; None where a filter leaves it out."""
        position = self._position(step_id)
        found = self.steps[position] if position < len(self.steps) else None
        return found if found and found.id == step_id else None

    def _position(self, step_id: int) -> int:
        return bisect_left(self.steps, step_id, key=lambda step: step.id)

    def same_step(self, before: Step) -> Step | None:
        """Find a step again after newer exchanges came: numbers may have shifted, exchanges stay."""
        first = bisect_left(self.steps, before.at, key=lambda step: step.at)
        for number in range(first, len(self.steps)):
            step = self.steps[number]
            if step.at > before.at:
                break
            if before.exchanges and before.exchanges[0] in step.exchanges:
                return step
        return self.steps[min(before.id, len(self.steps)) - 1] if self.steps else None


# Each row that is no step with the number of steps before it, and what is first where two stand at the same place.
type _Between = tuple[int, int, TimelineRow]


def _phases(steps: Sequence[Step], notable: Sequence[int], *, whole: bool) -> list[_Between]:
    """A heading wherever the phase changes; those never seen stand where they would have been."""
    starts = [number for number in (0, *notable) if number < len(steps)]
    missing = set(_ALWAYS_SHOWN if whole else ()) - {steps[number].phase for number in starts}
    found: list[_Between] = []
    current = 0
    for number in starts:
        if (phase := steps[number].phase) != current:
            current = phase
            earlier = sorted(each for each in missing if each < phase)
            missing.difference_update(earlier)
            found += [(number, 2, PhaseRow(each, seen=False)) for each in earlier]
            found.append((number, 3, PhaseRow(phase, seen=True)))
    return [*found, *((len(steps), 4, PhaseRow(each, seen=False)) for each in sorted(missing))]


def _pauses(steps: Sequence[Step], notable: Sequence[int], end_of: Callable[[int], float]) -> list[_Between]:
    """Where nothing was sent for long, and where the user signed in: that pause is shown though pages were loaded."""
    found: list[_Between] = []
    for number in notable:
        before, after = steps[number - 1], steps[number]
        unseen = after.status is Status.NOT_CAPTURED
        sign_in = unseen or (before.kind in _SIGN_IN_STARTS and after.kind in _SIGN_IN_ENDS)
        seconds = after.at - (_end(before, end_of) or before.at)
        if seconds >= (_SIGN_IN_PAUSE if sign_in else _PAUSE):
            # A browser out of sight is known only from what comes after it, and has that one's time.
            found.append((number + unseen, 1, PauseRow(seconds, sign_in)))
    return found


def _end(step: Step, end_of: Callable[[int], float]) -> float:
    if not step.exchanges:
        return 0.0
    return end_of(step.exchanges[0 if step.kind in _SIGN_IN_STARTS else -1])


def _incidents(steps: Sequence[Step], incidents: Sequence[Incident]) -> list[_Between]:
    return [(bisect_left(steps, each.at, key=lambda step: step.at), 0, each) for each in incidents]
