"""The verdict as plain text: what the screens say, for a pipe, a log, or a screen reader."""

import shutil
import sys
import textwrap
from collections.abc import Iterator

from inspector.display import visible
from inspector.report.difference import difference_in
from inspector.report.tokens import token_lines
from inspector.rules.model import REASONS, Finding, Party, Severity
from inspector.timeline.run import Run
from inspector.timeline.steps import PHASES, Status, Step
from inspector.verdict.model import Analysed, Judged, Verdict

WIDTH = 100
_PARTIES = {
    Party.CLIENT: "the client",
    Party.MCP_SERVER: "the MCP server",
    Party.AUTHORIZATION_SERVER: "the authorization server",
    Party.CONFIGURATION: "configuration (the authorization server's dashboard, or a URL somebody set)",
    Party.EDGE: "the edge (a CDN, firewall or proxy in between)",
    Party.UNKNOWN: "not decided by this capture",
    Party.NONE: "nobody",
}
_SIGNS = {Severity.ERROR: "x", Severity.WARNING: "!", Severity.INFO: "i"}
_ENDINGS = {
    Status.REFUSED: "refused",
    Status.FAILED: "connection failed",
    Status.PENDING: "no answer yet",
    Status.NOT_CAPTURED: "not captured",
}


def text_report(source: str, analysis: Analysed) -> str:
    """Everything there is to say about a recording. Captured text in it is safe for a terminal."""
    runs = analysis.runs
    lines = [f"{visible(source)}: {_count(analysis.exchange_count, 'exchange')}, {_count(len(runs), 'sign-in')}"]
    for judged in runs:
        lines += ["", *_run(judged)]
    if not runs:
        lines += ["", "No request to an MCP server was found in it."]
    if analysis.unlinked:
        lines += ["", f"{_count(len(analysis.unlinked), 'OAuth message')} could not be linked to an MCP server."]
    return "\n".join(lines) + "\n"


def verdict_lines(verdict: Verdict) -> Iterator[str]:
    """The verdict with what it rests on and what to do."""
    yield from _wrapped("Verdict    ", verdict.summary)
    yield from _wrapped("At fault   ", f"{_PARTIES[verdict.party]} ({verdict.confidence})")
    if verdict.cause:
        yield from _wrapped("Cause      ", verdict.cause)
    if verdict.observations:
        yield "Seen"
        for observation in verdict.observations:
            yield from _wrapped(f"  step {observation.step or '-':<3} ", observation.text)
    if verdict.cleared:
        yield "Cleared"
        for cleared in verdict.cleared:
            yield from _wrapped(f"  {cleared.party}: ", cleared.why)
    if verdict.remedies:
        yield "What to do"
        for remedy in verdict.remedies:
            label = "next" if remedy.party is Party.UNKNOWN else str(remedy.party)
            yield from _wrapped(f"  {label}: ", remedy.text)


def _run(judged: Judged) -> Iterator[str]:
    run = judged.run
    yield visible(f"Run {run.id}: {run.client.label} -> {run.server_url or 'unknown MCP server'}")
    yield visible(f"Authorization server {run.issuer or 'unknown'}, {_revision(run)}")
    if run.revision.evidence:
        yield from _wrapped("  told from: ", "; ".join(run.revision.evidence))
    yield ""
    yield from verdict_lines(judged.verdict)
    yield ""
    yield from _timeline(run, judged.checked.findings)
    yield ""
    yield from _findings(judged.checked.findings)
    if tokens := list(token_lines(run)):
        yield ""
        yield "Access tokens"
        yield from (visible(f"  {line}") for line in tokens)
    yield from _silence(judged)


def _revision(run: Run) -> str:
    revision = run.revision
    spoken = f"protocol {revision.protocol_version}" if revision.protocol_version else "protocol version not seen"
    return f"{spoken}, rules of {revision.client}{' (assumed)' if revision.assumed else ''}"


def _timeline(run: Run, findings: tuple[Finding, ...]) -> Iterator[str]:
    signs: dict[int | None, str] = {}
    for finding in findings:
        for place in finding.places[:1]:
            signs.setdefault(place.step, _SIGNS[finding.severity])
    by_id = {message.id: message for message in run.messages}
    phase = 0
    for step in run.steps:
        if step.phase != phase:
            phase = step.phase
            yield f"{phase} {PHASES[phase]}"
        shown = by_id.get(step.exchanges[0]) if step.exchanges else None
        yield visible(f" {signs.get(step.id, ' ')} {step.id:>3}  {_what(step, shown.status if shown else None)}")


def _what(step: Step, status: int | None) -> str:
    seen = "request recorded" if step.status is Status.OK else _ENDINGS[step.status]
    ending = seen if status is None else str(status)
    return "  ".join(part for part in (f"{step.title:<36}", ending, step.note) if part).rstrip()


def _findings(findings: tuple[Finding, ...]) -> Iterator[str]:
    yield "Findings" if findings else "Findings: none"
    for finding in findings:
        yield f"  {_SIGNS[finding.severity]} {finding.rule}  [{finding.severity}, {finding.party}, {finding.level}]"
        yield from _wrapped("      ", finding.message)
        if finding.expected:
            yield visible(f"      expected  {finding.expected}")
        if finding.found:
            yield visible(f"      found     {finding.found}")
        if differs := difference_in(finding):
            yield f"{' ' * (16 + len(visible(finding.found[: differs.position])))}^ {differs.words}"
        if finding.cause:
            yield f"      because of {finding.cause}"


def _silence(judged: Judged) -> Iterator[str]:
    silent = judged.checked.not_observed
    by_reason: dict[tuple[str, str], list[str]] = {}
    for silence in silent:
        by_reason.setdefault((silence.reason, silence.what or REASONS[silence.reason]), []).append(silence.rule)
    if not silent:
        return
    yield ""
    yield f"Not decided ({_count(len(silent), 'rule')}; {len(judged.checked.passed)} passed)"
    for (reason, what), rules in sorted(by_reason.items()):
        yield from _wrapped(f"  {reason:<4}", f"{what}: {', '.join(rules)}")


def _width() -> int:
    """That of the terminal, as far as lines are good to read; a file and a pipe get the same lines everywhere."""
    return min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns) if sys.stdout.isatty() else WIDTH


def _wrapped(label: str, text: str) -> list[str]:
    return textwrap.wrap(
        visible(text),
        _width(),
        initial_indent=label,
        subsequent_indent=" " * len(label),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
