"""The Why pane: the verdict on the run, what is wrong at a step, or one finding with its cause and its cure."""

from collections import defaultdict
from collections.abc import Iterator

from textual.content import Content

from inspector.rules.model import REASONS, Finding, Party, Severity
from inspector.rules.registry import find_rule
from inspector.timeline.steps import PHASES, Status, Step
from inspector.tui.lines import Line, field, heading, mark, note, prose
from inspector.tui.looks import (
    CROSS,
    ERROR,
    GOOD,
    MUTED,
    NEUTRAL,
    PARTY_NAME,
    SEVERITY_GLYPH,
    SEVERITY_STYLE,
    STRONG,
    TICK,
    WARNING,
)
from inspector.tui.masking import Veil
from inspector.tui.panes.explained import expected_and_found
from inspector.tui.view import RunView, Selection, duration_of
from inspector.verdict.model import Judged

_STATUS_WORDS = {
    Status.OK: "answered",
    Status.REFUSED: "refused",
    Status.FAILED: "the connection broke",
    Status.PENDING: "no answer yet",
    Status.NOT_CAPTURED: "not captured",
}


def why_lines(view: RunView, selection: Selection, veil: Veil) -> list[Line]:
    """What the pane says about the selection."""
    if selection.finding:
        return list(_finding(view, selection.finding, veil))
    step = view.steps.get(selection.step) if selection.step is not None else None
    return list(_step(view, step, selection, veil) if step else _verdict(view, veil))


def headline(judged: Judged) -> tuple[str, str, str]:
    """Glyph, style and the words that name the party; the words are our own."""
    verdict = judged.verdict
    sure = "" if verdict.confidence == "certain" else f" ({verdict.confidence})"
    if verdict.party is Party.NONE:
        accepted = any(use.accepted for use in judged.run.uses)
        return (TICK, GOOD, "No fault found") if accepted else (NEUTRAL, MUTED, "Nothing to judge yet")
    if verdict.party is Party.UNKNOWN:
        return ("?", WARNING, "Fault not decided") if verdict.cause else ("?", WARNING, "No cause found")
    return CROSS, ERROR, f"Fault: {PARTY_NAME[verdict.party]}{sure}"


def counts(judged: Judged) -> str:
    """How many checks passed and how many could not be made: silence must not look like health."""
    checked = judged.checked
    return f"{len(checked.passed)} checks passed · {len(checked.not_observed)} not observed"


def _verdict(view: RunView, veil: Veil) -> Iterator[Line]:
    judged, verdict = view.judged, view.judged.verdict
    glyph, style, words = headline(judged)
    cause = (Content("  ·  "), veil.text(verdict.cause)) if verdict.cause else ()
    yield Line(Content.assemble((f"{glyph} {words}", f"{style} {STRONG}"), *cause))
    yield Line(veil.text(verdict.summary))
    if verdict.observations:
        yield Line()
        yield heading("What this rests on")
    for seen in verdict.observations:
        target = Selection(seen.step) if seen.step is not None else None
        yield field(f"step {seen.step}" if target else "", veil.text(seen.text), target=target)
    if verdict.cleared:
        yield Line()
        yield heading("Who did their part")
    for cleared in verdict.cleared:
        yield field(f"{TICK} {PARTY_NAME[cleared.party]}", veil.text(cleared.why), style=GOOD)
    if verdict.remedies:
        yield Line()
        yield heading("What to do")
    for remedy in verdict.remedies:
        who = "you" if remedy.party in (Party.UNKNOWN, Party.NONE) else PARTY_NAME[remedy.party]
        yield field(who, veil.text(remedy.text))
    if verdict.cause and (fix := _fix_for(judged)):
        yield note(f"W performs this client again with {fix}, to prove it")
    yield from _problems(judged, veil)
    yield from _not_observed(judged)
    yield from _about(judged, veil)


def _fix_for(judged: Judged) -> str:
    """The change to the client that would mend the cause; empty where none can."""
    from inspector.replay.fixes import fix_for

    fix = fix_for(judged.verdict)
    return fix.name if fix else ""


def _problems(judged: Judged, veil: Veil) -> Iterator[Line]:
    if judged.checked.findings:
        yield Line()
        yield heading(f"Problems ({len(judged.checked.findings)})")
    for finding in judged.checked.findings:
        step = (Content.styled(f"step {finding.step}", MUTED),) if finding.step is not None else ()
        yield _link(finding, *step)
        yield Line(Content("  ") + veil.text(finding.message))


def _not_observed(judged: Judged) -> Iterator[Line]:
    yield Line()
    yield heading(counts(judged))
    by_reason: defaultdict[str, list[str]] = defaultdict(list)
    for silence in judged.checked.not_observed:
        by_reason[silence.reason].append(silence.rule)
    for reason in sorted(by_reason, key=lambda code: int(code[1:])):
        rules = ", ".join(by_reason[reason])
        yield field(reason, Content.assemble(REASONS[reason], ": ", (rules, MUTED)), style=MUTED)


def _about(judged: Judged, veil: Veil) -> Iterator[Line]:
    run = judged.run
    yield Line()
    yield heading("This run")
    yield field("client", veil.text(run.client.label))
    if run.client.user_agent:
        yield field("user agent", veil.text(run.client.user_agent))
    yield field("MCP server", veil.text(run.server_url or "not seen"))
    yield field("authorization server", veil.text(run.issuer or "not seen"))
    revision = run.revision
    assumed = " (assumed)" if revision.assumed else ""
    yield field("MCP revision", veil.text(f"client {revision.client}, server {revision.server}{assumed}"))
    for evidence in revision.evidence:
        yield field("", veil.text(evidence, MUTED))


def _step(view: RunView, step: Step, selection: Selection, veil: Veil) -> Iterator[Line]:
    found = view.step_findings.get(step.id, ())
    glyph = SEVERITY_GLYPH[found[0].severity] if found else NEUTRAL
    style = SEVERITY_STYLE[found[0].severity] if found else MUTED
    many = f"{len(found)} problem{'s' if len(found) != 1 else ''}" if found else "no problem"
    yield Line(
        Content.assemble((f"{glyph} {many} at step {step.id}", f"{style} {STRONG}"), "  ", veil.text(step.title))
    )
    if step.status is Status.NOT_CAPTURED:
        yield note(
            "This leg took place, and not in sight of the inspector: what is known comes from the token request."
        )
    for finding in found:
        yield Line()
        yield _link(finding, Content.styled(finding.title, STRONG))
        yield from _expected_found(finding, veil)
    said = {finding.message for finding in found}
    yield Line()
    for seen in view.judged.verdict.observations:
        if seen.step == step.id and seen.text not in said:
            yield field("seen", veil.text(seen.text))
    yield field("phase", f"{step.phase} {PHASES[step.phase]}")
    yield field("outcome", _STATUS_WORDS[step.status])
    if step.note:
        yield field("note", veil.text(step.note))
    yield from _exchanges(view, step, selection, veil)


def _exchanges(view: RunView, step: Step, selection: Selection, veil: Veil) -> Iterator[Line]:
    shown = view.message_of(selection)
    for number in step.exchanges:
        if message := view.messages.get(number):
            status = str(message.status or "") or "no answer"
            text = Content.assemble(
                (f"{status}  ", GOOD if (message.status or 500) < 400 else MUTED),
                veil.text(f"{message.exchange.method} {message.exchange.url}"),
                (f"  {duration_of(message)}", MUTED),
            )
            arrow = "▸ " if shown is message and len(step.exchanges) > 1 else ""
            yield field(f"{arrow}exchange {number}", text, target=Selection(step.id, number))


def _finding(view: RunView, finding: Finding, veil: Veil) -> Iterator[Line]:
    style = SEVERITY_STYLE[finding.severity]
    qualities = f"   {finding.severity} · {finding.confidence} · fault: {PARTY_NAME[finding.party]}"
    first = f"{SEVERITY_GLYPH[finding.severity]} {finding.rule}"
    yield Line(Content.assemble((first, f"{style} {STRONG}"), (qualities, MUTED)))
    yield Line(veil.text(finding.message))
    yield from _expected_found(finding, veil)
    for number, place in enumerate(finding.places):
        at = f"{place.part} {place.name}".strip()
        words = f"step {place.step} " if place.step is not None else ""
        step = view.steps.get(place.step) if place.step is not None else None
        title = step.title if step else f"exchange {place.exchange}"
        where = Content.assemble(words, veil.text(title), " · ", veil.text(at))
        yield field("also" if number else "Where", where, target=Selection.of(finding, number))
    yield from _chain(view, finding)
    rule = find_rule(finding.rule)
    documentation = rule.documentation if rule else {}
    if fix := documentation.get("How to fix"):
        yield field("Fix", prose(fix))
    if references := documentation.get("References"):
        yield field("Spec", Content.assemble((finding.level, STRONG), " · ", prose(references)))
    if documentation:
        yield note("d shows the rule's documentation")


def _expected_found(finding: Finding, veil: Veil) -> Iterator[Line]:
    style = SEVERITY_STYLE[finding.severity]
    if finding.expected and finding.found:
        yield from expected_and_found(finding.expected, finding.found, veil, style)
    elif finding.expected:
        yield field("Expected", veil.text(finding.expected))
    elif finding.found:
        yield field("Found", veil.text(finding.found, style))


def _chain(view: RunView, finding: Finding) -> Iterator[Line]:
    everything = view.judged.checked.findings
    causes = [other for other in everything if other.rule == finding.cause]
    effects = [other for other in everything if other.cause == finding.rule]
    if finding.severity is Severity.ERROR and not causes and view.judged.verdict.cause == finding.rule:
        yield field("Cause", "this is the first cause")
    for label, others in (("Cause", causes), ("Leads to", effects)):
        for number, other in enumerate(others):
            step = f" at step {other.step}" if other.step is not None else ""
            yield field("also" if number else label, f"{other.rule}{step}", target=Selection.of(other))


def _link(finding: Finding, *more: Content) -> Line:
    """A finding as a line that leads to it."""
    return Line(Content("  ").join((mark(finding), *more)), target=Selection.of(finding))
