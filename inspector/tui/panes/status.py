"""The two bars at the top: where the data comes from, and the verdict in one line."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content

from inspector.protocol import urls
from inspector.rules.model import Party, Severity
from inspector.session.model import Source
from inspector.tui.display import cut_middle, visible
from inspector.tui.looks import CROSS, ERROR, GOOD, MUTED, NEUTRAL, STRONG, WARNING
from inspector.tui.panes.why import counts, headline
from inspector.tui.recording import Recording
from inspector.tui.view import RunView

if TYPE_CHECKING:
    from inspector.tui.live import CaptureState

_LONGEST_NAME = 40


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the exchanges come from, and what a user can do to make some come: the recipe, line by line."""

    title: str
    source: str
    live: bool
    recipe: tuple[str, ...] = ()

    @property
    def is_start(self) -> bool:
        """Whether nothing is open at all."""
        return not self.live and not self.source


def status_parts(
    origin: Origin,
    recording: Recording,
    view: RunView | None,
    number: int,
    revealed: bool,
    capture: "CaptureState | None" = None,
) -> list[tuple[int, Content]]:
    """The parts of the status line, each with how important it is (0 the most)."""
    source = cut_middle(visible(origin.source).plain.removeprefix("http://"), _LONGEST_NAME)
    if origin.live and not recording.ended:
        parts = [(0, Content.assemble((" ● LIVE", f"{GOOD} {STRONG}"), f" {source}"))]
        parts += [(0, each) for each in _interferences(capture)] if capture else []
    elif origin.is_start:
        return [(0, Content.styled(" ■ Nothing is open", STRONG)), (1, Content.styled("F10 menus   ? keys", MUTED))]
    else:
        parts = [(0, Content.assemble(" ■ ", visible(origin.title, STRONG), f" {source}"))]
    if view is not None:
        run = view.judged.run
        client = cut_middle(visible(run.client.label).plain, _LONGEST_NAME)
        server = cut_middle(visible(run.server_url or "server not seen").plain, _LONGEST_NAME)
        if run.source is Source.REPLAY:  # which replay says more than which client
            label = cut_middle(visible(run.messages[0].exchange.listener).plain, _LONGEST_NAME)
            parts.append((1, Content.assemble((label, WARNING), f" → {server}")))
        else:
            parts.append((1, Content(f"{client} → {server}")))
        if run.issuer:
            issuer = cut_middle(visible(urls.origin(run.issuer) or run.issuer).plain, _LONGEST_NAME)
            parts.append((5, Content(f"AS {issuer}")))
        if len(recording.runs) > 1:
            parts.append((2, Content(f"run {number}/{len(recording.runs)}") + _other_faults(recording, number)))
    if recording.warnings:
        parts.append((1, Content.styled(f"! {len(recording.warnings)} not read", WARNING)))
    exchanges = f"{recording.exchange_count} exchange{'s' if recording.exchange_count != 1 else ''}"
    parts.append((4, Content.styled(exchanges, MUTED)))
    if view is not None:
        parts.append(
            (3, Content.styled("secrets shown", WARNING) if revealed else Content.styled("secrets hidden", MUTED))
        )
    return parts


def _interferences(capture: "CaptureState") -> Iterator[Content]:
    """What the capture does to the messages that pass."""
    if capture.held:
        left = max(0, round(capture.deadline - time.time()))
        waits = "waits" if capture.held == 1 else "wait"
        yield Content.styled(f"STEP {capture.held} {waits}, {left} s left", f"{WARNING} {STRONG}")
    elif capture.steps:
        yield Content.styled("STEP on", f"{WARNING} {STRONG}")
    if capture.patches:
        yield Content.assemble(("PATCH ", f"{WARNING} {STRONG}"), visible(", ".join(capture.patches), WARNING))


def _other_faults(recording: Recording, number: int) -> Content:
    """The runs with a fault that are not the one shown."""
    others = [
        str(other)
        for other, judged in enumerate(recording.runs, 1)
        if other != number and judged.verdict.party not in (Party.NONE, Party.UNKNOWN)
    ]
    if not others:
        return Content()
    shown = ", ".join(others[:3]) + (", …" if len(others) > 3 else "")
    return Content.styled(f" {CROSS} fault in run {shown}", ERROR)


def verdict_text(origin: Origin, recording: Recording, view: RunView | None) -> Content:
    """The verdict in one line: party, cause and sentence, or that there is nothing wrong, or nothing yet."""
    if recording.trouble:
        return Content.assemble((f" {CROSS} ", ERROR), visible(recording.trouble))
    if view is None:
        if recording.exchange_count:
            return Content.styled(f" {NEUTRAL} No sign-in among the exchanges so far", MUTED)
        what = "Nothing captured yet   follow the steps below" if origin.live else "Nothing in this recording"
        if origin.is_start:
            what = "Follow the steps below, or press o to open a session"
        return Content.styled(f" {NEUTRAL} {what}", MUTED)
    judged = view.judged
    verdict = judged.verdict
    glyph, style, words = headline(judged)
    first = Content.styled(f" {glyph} {words}", f"{style} {STRONG}")
    if verdict.party is Party.NONE and words.startswith("No fault"):
        warnings = sum(finding.severity is Severity.WARNING for finding in judged.checked.findings)
        noted = f" · {warnings} warning{'s' if warnings != 1 else ''}" if warnings else ""
        return first + Content(f" · {counts(judged)}{noted}")
    veil = view.veil()
    cause = (" · ", veil.text(verdict.cause)) if verdict.cause else ()
    return Content.assemble(first, *cause, " · ", veil.text(verdict.summary))
