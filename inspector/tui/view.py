"""A judged run as the panes ask for it, and what of it the reader has chosen to look at."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from inspector.protocol import urls
from inspector.rules.model import Finding, Severity
from inspector.timeline.filters import Filter
from inspector.timeline.message import Message
from inspector.timeline.steps import Step
from inspector.tui.masking import Masker, Veil, secrets_of
from inspector.verdict.model import Judged


@dataclass(frozen=True, slots=True)
class Selection:
    """A step, one exchange of it, a finding; with nothing selected the panes show the verdict on the whole run."""

    step: int | None = None
    exchange: int | None = None
    finding: Finding | None = None

    @classmethod
    def of(cls, finding: Finding, number: int = 0) -> "Selection":
        """A finding, seen at its primary place or another of its places."""
        if number >= len(finding.places):
            return cls(finding=finding)
        place = finding.places[number]
        return cls(place.step, place.exchange, finding)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A filter of the timeline, as it was typed and as it works."""

    text: str
    keeps: Filter


@dataclass(frozen=True)
class RunView:
    """A judged run with its lookups. Each is made when it is first asked for."""

    judged: Judged
    masker: Masker
    wanted: Wanted | None = None

    @cached_property
    def shown_steps(self) -> Sequence[Step]:
        """The steps of the timeline: those that the reader's filter keeps."""
        wanted = self.wanted
        if wanted is None:
            return self.judged.run.steps
        return [step for step in self.judged.run.steps if any(map(wanted.keeps, self._of_step(step)))]

    def _of_step(self, step: Step) -> Sequence[Message]:
        return [self.messages[number] for number in step.exchanges if number in self.messages]

    @cached_property
    def messages(self) -> Mapping[int, Message]:
        """Messages by exchange number."""
        return {message.id: message for message in self.judged.run.messages}

    @cached_property
    def steps(self) -> Mapping[int, Step]:
        """Steps by number."""
        return {step.id: step for step in self.judged.run.steps}

    @cached_property
    def step_findings(self) -> Mapping[int, Sequence[Finding]]:
        """Findings by the step they are about, worst first.

        A step that a finding only compares with, such as the metadata it takes the right value from, did nothing wrong.
        """
        found: defaultdict[int, list[Finding]] = defaultdict(list)
        for finding in self.judged.checked.findings:
            if finding.step is not None:
                found[finding.step].append(finding)
        return found

    @cached_property
    def known_secrets(self) -> frozenset[str]:
        """Secrets to hide wherever they turn up."""
        return secrets_of(self.judged.run)

    def veil(self, *, lifted: bool = False) -> Veil:
        """How this run's text is shown."""
        return Veil(self.masker, self.known_secrets, lifted)

    def veil_with(self, other: "RunView") -> Veil:
        """How text of this run and of another is shown together."""
        return Veil(self.masker, self.known_secrets | other.known_secrets)

    def message_of(self, selection: Selection) -> Message | None:
        """The message to show: the chosen one, else the one that stands for the step; None for a leg not captured."""
        if selection.exchange is not None:
            return self.messages.get(selection.exchange)
        step = self.steps.get(selection.step) if selection.step is not None else None
        return self.message_of_step(step) if step else None

    def message_of_step(self, step: Step) -> Message | None:
        """The message that stands for a step: the probe that hit, else the last one."""
        return self.judged.run.message_of_step(step)

    @property
    def cause_step(self) -> int | None:
        """Where the verdict's cause lies; None when it names none."""
        verdict = self.judged.verdict
        causes = (finding.step for finding in self.judged.checked.findings if finding.rule == verdict.cause)
        steps = (*causes, *(observation.step for observation in verdict.observations))
        return next((step for step in steps if step is not None), None)

    def again(self, finding: Finding) -> Selection:
        """A finding of an earlier state of this run: the same one, though its step may have another number by now."""
        for other in self.judged.checked.findings:
            if (other.rule, other.message) == (finding.rule, finding.message):
                return Selection.of(other)
        return Selection()

    def worst_of(self, step: Step) -> Severity | None:
        """The worst severity at a step."""
        found = self.step_findings.get(step.id)
        return found[0].severity if found else None


def path_of(message: Message) -> str:
    """What tells requests of one run apart: the path with its query left off, or a foreign scheme as a whole."""
    url = message.url
    return (urls.path_of(url) or "/") if url.startswith(("http:", "https:")) else url


def duration_of(message: Message) -> str:
    """How long an exchange took, in at most six characters; empty while it is not over or was not timed."""
    exchange = message.exchange
    if not exchange.response_end or not exchange.started_at:
        return ""
    return seconds(exchange.response_end - exchange.started_at)


def seconds(amount: float) -> str:
    """A length of time for people, such as `12ms`, `1.2s`, `3m05s` or `2h10m`."""
    if amount < 0.9995:
        return f"{max(0.0, amount) * 1000:.0f}ms"
    if amount < 9.95:
        return f"{amount:.1f}s"
    if amount < 59.5:
        return f"{amount:.0f}s"
    minutes, rest = divmod(round(amount), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m" if hours < 48 else f"{hours // 24}d"
