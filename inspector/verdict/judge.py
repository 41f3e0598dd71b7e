"""Names the cause: the first story that the findings tell, or what can be said when none of them fits."""

from collections.abc import Iterator
from dataclasses import replace

from inspector.rules.model import Checked, Confidence, Finding, Party, Phase, Severity
from inspector.rules.registry import find_rule
from inspector.session.model import Source
from inspector.timeline.run import Run
from inspector.verdict.evidence import overcome, stopped_at_discovery, works
from inspector.verdict.known_issues import with_known_issue
from inspector.verdict.model import Observation, Remedy, Verdict
from inspector.verdict.stories import STORIES
from inspector.verdict.trail import trail_end


def judge(run: Run, checked: Checked) -> Verdict:
    """Judge a run. What the capture does not decide is said to be unknown, with what to capture next."""
    verdict = with_known_issue(_judged(run, checked), run.client)
    if not run.patches:
        return verdict
    changed = Observation(None, f"The inspector changed what the client sent on its way: {', '.join(run.patches)}.")
    return replace(verdict, observations=(changed, *verdict.observations))


def _judged(run: Run, checked: Checked) -> Verdict:
    for story in STORIES:
        if verdict := story(run, checked):
            return verdict
    if checked.errors:
        return _first_cause(run, checked)
    if works(run):
        return _no_fault(run, checked)
    if run.source is Source.PROBE:
        return _nothing_from_outside(checked)
    end = trail_end(run)
    return replace(end, observations=(*end.observations, *_warnings(checked)))


def _warnings(checked: Checked) -> tuple[Observation, ...]:
    found = [finding for finding in checked.findings if finding.severity is Severity.WARNING]
    return tuple(Observation(finding.step, finding.message) for finding in found[:4])


_ENDS = (
    "fresh-token-rejected",
    "edge-blocked",
    "registration-rejected",
    "authorize-client-unknown",
    "authorization-error-response",
    "iss-mismatch",
    "state-not-returned",
)
"""Rules about what a sign-in ends with. Where one of them fired, the client got past what came before it."""

_ENDS_OF_DISCOVERY = (
    "as-metadata-issuer-mismatch",
    "as-metadata-required-field-missing",
    "as-metadata-s256-unsupported",
)
"""The same for a client that went no further than the authorization server metadata."""


def _first_cause(run: Run, checked: Checked) -> Verdict:
    """The error that the latest sign-in ended with, or else its first one, traced back to what caused it."""
    errors = [finding for finding in checked.errors if not overcome(run, finding)] or list(checked.errors)
    ending = (*_ENDS, *_ENDS_OF_DISCOVERY) if stopped_at_discovery(run) else _ENDS
    ends = [] if works(run) else [finding for finding in errors if finding.rule in ending]
    last = max(ends, key=lambda finding: finding.step or 0, default=None)
    root = min((_traced_back(finding, checked) for finding in ([last] if last else errors)), key=_chain_order)
    effects = [finding for finding in errors if finding is not root]
    aside = "Sign-in works, but: " if works(run) else ""
    observations = [Observation(finding.step, finding.message) for finding in (root, *effects[:4])]
    return Verdict(
        party=root.party,
        confidence=root.confidence,
        cause=root.rule,
        summary=f"{aside}{root.message}",
        observations=tuple(observations),
        remedies=tuple(_remedies(root)),
    )


def _traced_back(finding: Finding, checked: Checked) -> Finding:
    """The first finding of the chain of causes, as far as its links were found in this run and are more than notes."""
    seen = {finding.rule}
    known = [f for f in checked.findings if f.severity is not Severity.INFO]
    while cause := next((f for f in known if f.rule == finding.cause and f.rule not in seen), None):
        seen.add(cause.rule)
        finding = cause
    return finding


def _chain_order(finding: Finding) -> tuple[int, int]:
    declared = find_rule(finding.rule)
    phase = list(Phase).index(declared.phase) if declared else len(Phase)
    return phase, finding.step or 0


def _remedies(finding: Finding) -> Iterator[Remedy]:
    declared = find_rule(finding.rule)
    if declared:
        fix = " ".join(declared.documentation["How to fix"].split())
        yield Remedy(finding.party, f"{fix} Expected here: {finding.expected}" if finding.expected else fix)


def _nothing_from_outside(checked: Checked) -> Verdict:
    """What can be said of two servers that were only asked, and that nobody signed in at."""
    return Verdict(
        Party.NONE,
        Confidence.CERTAIN,
        None,
        f"Nothing that stops a client shows from outside: {len(checked.passed)} checks passed. Whether a token is"
        " issued and accepted takes a sign-in.",
        _warnings(checked),
        remedies=(Remedy(Party.NONE, "Sign in with a client through `mcp-auth-inspector run` or `gateway`."),),
    )


def _no_fault(run: Run, checked: Checked) -> Verdict:
    warnings = [finding for finding in checked.findings if finding.severity is Severity.WARNING]
    counted = f"{len(checked.passed)} checks passed, {len(checked.not_observed)} could not be made"
    noted = f", {len(warnings)} warning{'s' if len(warnings) != 1 else ''}" if warnings else ""
    last = next(use for use in reversed(run.uses) if use.accepted)
    what = last.request.rpc_method or last.request.exchange.method
    return Verdict(
        Party.NONE,
        Confidence.CERTAIN,
        None,
        f"No fault found: {counted}{noted}.",
        (
            Observation(run.step_of(last.request), f"The MCP server accepted the token for {what}."),
            *_warnings(checked),
        ),
    )
