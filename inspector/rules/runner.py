"""Runs every rule over a run. One bad rule never hides the others."""

from dataclasses import replace

from inspector.protocol.revisions import NOT_DEFINED, position
from inspector.rules.model import Checked, Confidence, Fault, Finding, NotObserved, Party, Severity, Silence
from inspector.rules.registry import Rule, all_rules
from inspector.session.model import Source
from inspector.timeline.run import Run

INTERNAL_ERROR = "internal-error"


def check(run: Run) -> Checked:
    """Ask every rule. Findings come worst first; a rule without a finding either passed or was not observed.

    A client answers for what it sent itself, also where the inspector changed that on the way. Where the inspector
    asked in place of a client, there is none to judge.
    """
    probe = run.source is Source.PROBE
    findings: list[Finding] = []
    silences: list[Silence] = []
    passed: list[str] = []
    client_side = run.client_side
    of_server, of_others = position(run.revision.for_party(Party.MCP_SERVER)), position(run.revision.client)
    for rule in all_rules():
        level = rule.levels.by_revision[of_server if rule.party is Party.MCP_SERVER else of_others]
        if level == NOT_DEFINED:
            silences.append(Silence(rule.id, "N6", "the revision in force does not have this requirement"))
            continue
        of_client = rule.party is Party.CLIENT
        if probe and of_client:
            silences.append(Silence(rule.id, "N10", "the inspector asked, and no client"))
            continue
        faults, silence = _ask(rule, client_side if of_client else run)
        if faults:
            found = [_finding(rule, run, level, fault) for fault in faults]
            findings.extend(finding for finding in found if not (probe and finding.party is Party.CLIENT))
        if silence:
            silences.append(silence)
        elif not faults:
            passed.append(rule.id)
    ordered = sorted(dict.fromkeys(findings), key=lambda finding: finding.order)
    return Checked(tuple(ordered), tuple(silences), tuple(passed))


def _ask(rule: Rule, run: Run) -> tuple[list[Fault], Silence | None]:
    faults: list[Fault] = []
    silence: Silence | None = None
    try:
        for outcome in rule.check(run):
            if isinstance(outcome, Fault):
                faults.append(outcome)
            else:
                silence = Silence(rule.id, outcome.code, outcome.what)
    except NotObserved as outcome:
        silence = Silence(rule.id, outcome.code, outcome.what)
    except Exception as problem:
        faults.append(_internal(rule, problem))
    return faults, None if faults else silence


def _internal(rule: Rule, problem: Exception) -> Fault:
    # The exception's text may hold captured values; its type is enough to find the fault.
    text = f"The rule {rule.id} itself failed ({type(problem).__name__}); what it checks is not decided."
    return Fault(text, (), severity=Severity.INFO, party=Party.UNKNOWN, cause=INTERNAL_ERROR)


def _finding(rule: Rule, run: Run, level: str, fault: Fault) -> Finding:
    internal = fault.cause == INTERNAL_ERROR
    return Finding(
        rule=INTERNAL_ERROR if internal else rule.id,
        title="A rule failed" if internal else rule.title,
        severity=fault.severity or rule.severity,
        confidence=fault.confidence or (Confidence.CERTAIN if internal else rule.confidence),
        party=fault.party or rule.party,
        level=level,
        message=fault.message,
        expected=fault.expected,
        found=fault.found,
        places=tuple(replace(place, step=run.step_by_exchange.get(place.exchange)) for place in fault.places),
        cause=None if internal else fault.cause,
    )
