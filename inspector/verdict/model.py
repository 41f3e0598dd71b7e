"""What a verdict says: one cause, one party, what it rests on, who is cleared and what each party can do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from inspector.rules.model import Checked, Confidence, Party
from inspector.timeline.run import Run


@dataclass(frozen=True, slots=True)
class Observation:
    """One fact the verdict rests on, with the step that shows it."""

    step: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Cleared:
    """A party that did its part, and what shows it."""

    party: Party
    why: str


@dataclass(frozen=True, slots=True)
class Remedy:
    """What a party can do about it."""

    party: Party
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to "who is wrong". `cause` is the rule id of the first cause, None when nothing is wrong or known.

    `known_issue` is a line about a public issue that this is an instance of; it is also the last remedy.
    """

    party: Party
    confidence: Confidence
    cause: str | None
    summary: str
    observations: tuple[Observation, ...] = ()
    cleared: tuple[Cleared, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    known_issue: str | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A run with everything that is said about it: what the command line, the screens and reports show."""

    run: Run
    checked: Checked
    verdict: Verdict


class Analysed(Protocol):
    """What is known of a whole recording: an Analysis, or the part of one that a reader has chosen."""

    @property
    def exchange_count(self) -> int:
        """How many exchanges the recording has."""

    @property
    def runs(self) -> Sequence[Judged]:
        """Its runs, oldest first."""

    @property
    def unlinked(self) -> Sequence[int]:
        """Exchanges that look like a sign-in but belong to no run."""
