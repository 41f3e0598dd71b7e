"""What every format is made from: the runs and the exchanges of a recording, without their secrets unless asked."""

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from platform import python_version

from inspector.errors import InspectorError
from inspector.report.redaction.redactor import Redactor
from inspector.rules.model import Checked
from inspector.session.importing import Recording
from inspector.session.model import Exchange
from inspector.session.reader import Session
from inspector.timeline.message import Message
from inspector.timeline.run import Run
from inspector.verdict.analysis import Analysis, analyse
from inspector.verdict.model import Judged, Verdict

TOOL = "mcp-auth-inspector"


@dataclass(frozen=True, slots=True)
class Entry:
    """An exchange as it may be shown. `original` is for sizes and times only, never for text."""

    shown: Exchange
    original: Exchange


def in_order(recording: Recording, wanted: Container[int] | None = None) -> Iterator[Exchange]:
    """The exchanges in order of time, or only those with these ids. One at a time is read from a session."""
    listed = recording.exchanges(bodies=False) if isinstance(recording, Session) else recording.exchanges()
    order = {each.id: each.started_at for each in listed if wanted is None or each.id in wanted}
    for id in sorted(order, key=lambda each: (order[each], each)):
        exchange = recording.exchange(id)
        if exchange is not None:
            yield exchange


class Material:
    """One recording on its way out. What a writer gets from here is ready to be published.

    The verdict is computed before anything is masked: whether a verifier proves its challenge cannot be told after.
    """

    def __init__(
        self, recording: Recording, redactor: Redactor | None, *, run: int | None = None, revision: str = ""
    ) -> None:
        """`redactor` None shows everything; `run` is the id of the only run to show."""
        self._recording = recording
        self._run = run
        self._revision = revision
        self.redactor = redactor
        self.source = self.text(Path(recording.source).name)
        self.tool = f"{TOOL} {version(TOOL)}"
        self.python = python_version()

    def text(self, text: str) -> str:
        """Any text as it may be shown."""
        return self.redactor.text(text) if self.redactor else text

    @cached_property
    def analysis(self) -> Analysis:
        """The analysis of the recording as it is, with its secrets."""
        return analyse(self._recording.exchanges(), self._revision)

    @cached_property
    def runs(self) -> tuple[Judged, ...]:
        """The runs to show. Raises InspectorError when the one that was asked for is not there."""
        runs = self.analysis.runs
        if self._run is not None:
            chosen = tuple(judged for judged in runs if judged.run.id == self._run)
            if not chosen:
                known = ", ".join(str(judged.run.id) for judged in runs) or "none"
                raise InspectorError(f"There is no run {self._run} in {self.source}; there is: {known}.")
            runs = chosen
        return tuple(self._judged(judged) for judged in runs)

    def entries(self) -> Iterator[Entry]:
        """The exchanges to show in order of time, one after the other: a recording may be larger than memory."""
        wanted: set[int] | None = None
        if self._run is not None:
            wanted = {message.id for judged in self.runs for message in judged.run.messages}
        for exchange in in_order(self._recording, wanted):
            yield Entry(self._shown(exchange), exchange)

    def _shown(self, exchange: Exchange) -> Exchange:
        return self.redactor.exchange(exchange) if self.redactor else exchange

    def _judged(self, judged: Judged) -> Judged:
        if self.redactor is None:
            return judged
        return Judged(self._shown_run(judged.run), _checked(judged.checked, self.text), _verdict(judged, self.text))

    def _shown_run(self, run: Run) -> Run:
        messages = tuple(Message(self._shown(message.exchange), message.kind) for message in run.messages)
        return replace(run, messages=messages, server_url=self.text(run.server_url))


def _checked(checked: Checked, text: Callable[[str], str]) -> Checked:
    findings = tuple(
        replace(
            finding,
            message=text(finding.message),
            expected=text(finding.expected),
            found=text(finding.found),
            places=tuple(replace(place, name=text(place.name)) for place in finding.places),
        )
        for finding in checked.findings
    )
    silences = tuple(replace(silence, what=text(silence.what)) for silence in checked.not_observed)
    return Checked(findings, silences, checked.passed)


def _verdict(judged: Judged, text: Callable[[str], str]) -> Verdict:
    verdict = judged.verdict
    return replace(
        verdict,
        summary=text(verdict.summary),
        observations=tuple(replace(each, text=text(each.text)) for each in verdict.observations),
        cleared=tuple(replace(each, why=text(each.why)) for each in verdict.cleared),
        remedies=tuple(replace(each, text=text(each.text)) for each in verdict.remedies),
        known_issue=text(verdict.known_issue) if verdict.known_issue else None,
    )
