"""Names the cause: the first story that the findings tell, or what can be said when none of them fits."""

from inspector.rules.model import Checked, Confidence, Finding, Party, Phase, Severity
from inspector.rules.registry import find_rule
from inspector.timeline.message import Kind
from inspector.timeline.run import Run
from inspector.verdict.model import Observation, Remedy, Verdict
from inspector.verdict.stories import STORIES


def judge(run: Run, checked: Checked) -> Verdict:
    """Judge a run. What the capture does not decide is said to be unknown, with what to capture next."""
    for story in STORIES:
        if verdict := story(run, checked):
            return verdict
    if checked.errors:
        return _first_cause(run, checked)
    if _stuck(run):
        return _evidence_stops(run)
    return _no_fault(run, checked)


def works(run: Run) -> bool:
    """Whether the last thing that happened at the MCP server was a success with a token."""
    answered = [use for use in run.uses if use.accepted or use.rejected]
    return bool(answered) and answered[-1].accepted


def _first_cause(run: Run, checked: Checked) -> Verdict:
    """The error that comes first in the sign-in and is not itself the effect of another one."""
    present = {finding.rule for finding in checked.findings}
    roots = [finding for finding in checked.errors if finding.cause not in present] or list(checked.errors)
    root = min(roots, key=_chain_order)
    effects = [finding for finding in checked.errors if finding is not root]
    aside = "Sign-in works, but: " if works(run) else ""
    observations = [Observation(finding.step, finding.message) for finding in (root, *effects[:4])]
    declared = find_rule(root.rule)
    fix = declared.documentation["How to fix"].replace("\n", " ") if declared else ""
    return Verdict(
        party=root.party,
        confidence=root.confidence if root.party is not Party.UNKNOWN else Confidence.GUESS,
        cause=root.rule,
        summary=f"{aside}{root.message}",
        observations=tuple(observations),
        remedies=(Remedy(root.party, fix),) if fix else (),
    )


def _chain_order(finding: Finding) -> tuple[int, int]:
    declared = find_rule(finding.rule)
    phase = list(Phase).index(declared.phase) if declared else len(Phase)
    return phase, finding.step or 0


def _stuck(run: Run) -> bool:
    """Whether the run ended in a refusal, or before the client had a token that worked."""
    return not works(run)


def _evidence_stops(run: Run) -> Verdict:
    """Nothing is wrong in what was seen, and the sign-in did not end well: say where the trail ends."""
    last = run.messages[-1] if run.messages else None
    step = run.step_of(last) if last else None
    seen = {message.kind for message in run.messages}
    if run.uses and run.uses[-1].request.status == 403:
        challenge = run.uses[-1].request.bearer_challenge
        scope = challenge.get("scope") if challenge else None
        text = "The MCP server took the token and answered 403" + (f": it wants the scope {scope}." if scope else ".")
        advice = "Sign in again with the scope the server asks for, and keep capturing."
    elif run.uses and not run.uses[-1].rejected:
        text = f"The last answer of the MCP server was {run.uses[-1].request.status}, which is not about authorization."
        advice = "Look into the answer's body: a protocol error comes before or after authorization, not instead of it."
    elif run.uses:
        text = "The MCP server refused the token, and nothing in this capture says why."
        advice = "Look into the MCP server's log for the reason; it is not on the wire."
    elif run.code_exchanges and run.code_exchanges[-1].error:
        error = run.code_exchanges[-1].error
        text = f"The authorization server refused the token request with {error}, and nothing in this capture says why."
        advice = "Capture the authorization request as well: point the browser at the proxy, or leave the recorder on."
    elif run.token_exchanges and run.token_exchanges[-1].access_token:
        text = "The client got a token and has not used it in this capture."
        advice = "Let the client call a tool, and keep capturing."
    elif Kind.AUTHORIZE in seen:
        text = "The authorization request went out; no token request followed in this capture."
        advice = "Finish the sign-in in the browser. If that was done, the redirect never reached the client."
    elif run.refusals:
        text = "The MCP server asked for authorization; the client has not started an authorization in this capture."
        advice = "If a browser opened: capture it too. If none did, the client stopped here by itself; look at its log."
    elif Kind.MCP in seen:
        text = "No authorization was seen: the MCP server has not asked for any."
        advice = "Authorization is optional in MCP. If it is expected, call a tool that needs it."
    else:
        text = "Only discovery was seen."
        advice = "Let the client connect once more while capturing."
    return Verdict(
        Party.NONE if Kind.MCP in seen and not run.refusals and not run.token_exchanges else Party.UNKNOWN,
        Confidence.CERTAIN,
        None,
        f"Evidence stops here: {text}",
        (Observation(step, text),),
        remedies=(Remedy(Party.UNKNOWN, advice),),
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
            *(Observation(finding.step, finding.message) for finding in warnings[:4]),
        ),
    )
