"""What a report about one run says, in whatever form: whom it is for, the evidence, and how to see it again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inspector.protocol.jwt import Signature
from inspector.protocol.revisions import NOT_DEFINED, REVISIONS
from inspector.rules.model import Finding, Party, Severity
from inspector.rules.registry import Rule, find_rule
from inspector.timeline.message import Kind, Message
from inspector.timeline.run import Run
from inspector.verdict.model import Judged

NAMES = {
    Party.CLIENT: "the MCP client",
    Party.MCP_SERVER: "the MCP server",
    Party.AUTHORIZATION_SERVER: "the authorization server",
    Party.CONFIGURATION: "whoever configures the authorization server and the MCP server",
    Party.EDGE: "whoever runs the CDN, firewall or proxy in front of the server",
    Party.UNKNOWN: "not decided by this recording",
    Party.NONE: "nobody",
}
_MOST_FINDINGS = 12
_LONGEST_NAME = 80
_LEGS_OF_A_STORY = (Kind.RESOURCE_METADATA, Kind.AUTHORIZE, Kind.TOKEN)


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the evidence: the step and exchange that show it."""

    step: int | None
    exchange: int | None
    text: str


def chosen(runs: Sequence[Judged]) -> Judged | None:
    """The run that a report on one run is about: the last one with somebody at fault, else the last one."""
    faulty = [judged for judged in runs if at_fault(judged)] or runs
    return faulty[-1] if faulty else None


def at_fault(judged: Judged) -> bool:
    """Whether the verdict names somebody."""
    return judged.verdict.party not in (Party.NONE, Party.UNKNOWN)


def fault_line(judged: Judged) -> str:
    """Who is at fault, and how sure that is."""
    sure = f" ({judged.verdict.confidence.value})" if at_fault(judged) else ""
    return f"{NAMES[judged.verdict.party]}{sure}"


def addressee(judged: Judged) -> str:
    """Who has to act, by name where the recording has one."""
    run, party = judged.run, judged.verdict.party
    names = {Party.CLIENT: run.client.label, Party.MCP_SERVER: run.server_url, Party.AUTHORIZATION_SERVER: run.issuer}
    return names.get(party) or ""


def title(judged: Judged) -> str:
    """One line for the head of an issue."""
    rule = find_rule(judged.verdict.cause) if judged.verdict.cause else None
    if not at_fault(judged):
        ending = "no fault found" if judged.verdict.party is Party.NONE else "the cause is not in this capture"
        return f"Signing in to an MCP server: {ending}"
    what = rule.title if rule else judged.verdict.summary.partition(".")[0]
    who = addressee(judged) or "MCP sign-in"
    return f"{who if len(who) <= _LONGEST_NAME else f'{who[:_LONGEST_NAME]}...'}: {what}"


def chain(judged: Judged) -> list[Finding]:
    """The findings a report is about: the cause, then the other errors, then warnings about the same party."""
    cause, party = judged.verdict.cause, judged.verdict.party
    findings = judged.checked.findings
    told = [f for f in findings if f.severity is Severity.ERROR or f.rule == cause or (f.party is party and f.places)]
    told = [f for f in told if f.severity is not Severity.INFO or f.rule == cause]
    return sorted(told, key=lambda f: (f.rule != cause, f.severity is not Severity.ERROR))[:_MOST_FINDINGS]


def clauses(judged: Judged) -> list[tuple[Finding, Rule]]:
    """The rules behind the chain, each once, that a specification asks for in some revision."""
    seen: dict[str, tuple[Finding, Rule]] = {}
    for finding in chain(judged):
        rule = find_rule(finding.rule)
        if rule and {*rule.levels.by_revision} - {"diag", NOT_DEFINED}:
            seen.setdefault(rule.id, (finding, rule))
    return list(seen.values())


def levels(rule: Rule) -> list[tuple[str, str]]:
    """What each revision of MCP says, in words."""
    return [(revision, rule.levels.at(revision)) for revision in REVISIONS]


def evidence(judged: Judged, facts: Run) -> Iterator[Fact]:
    """What was seen, in order of the steps. `facts` is the run before masking: it can still be computed with."""
    run = judged.run
    first = {step.id: step.exchanges[0] for step in run.steps if step.exchanges}
    lines = [Fact(o.step, first.get(o.step or 0), o.text) for o in judged.verdict.observations]
    lines += _computed(facts)
    yield from sorted(lines, key=lambda fact: fact.step or 0)


def _computed(run: Run) -> Iterator[Fact]:
    """What only somebody with the secrets can tell: that the proof key fits, and that a signature is good."""
    for exchange in run.token_exchanges:
        step, id = run.step_of(exchange.request), exchange.request.id
        if exchange.verifier_matches is not None:
            word = "proves" if exchange.verifier_matches else "does not prove"
            yield Fact(step, id, f"The code verifier {word} the code challenge")
        if exchange.signature in (Signature.VALID, Signature.INVALID):
            word = "verifies" if exchange.signature is Signature.VALID else "does not verify"
            yield Fact(step, id, f"The signature of the access token {word} against the captured key set")
        reached = [use for use in run.uses if use.exchange is exchange]
        if reached and exchange.access_token:
            used = reached[0].request
            yield Fact(run.step_of(used), used.id, "The token sent to the MCP server is the one that was issued")


def needed(judged: Judged) -> list[Message]:
    """The fewest exchanges that show the case: those of the findings and observations, and the legs of the story."""
    run = judged.run
    by_id = {message.id: message for message in run.messages}
    steps = {observation.step for observation in judged.verdict.observations}
    wanted = {place.exchange for finding in chain(judged) for place in finding.places}
    for step in run.steps:
        if step.id in steps or (at_fault(judged) and step.kind in _LEGS_OF_A_STORY):
            # Of probes and of copies the one that got the best answer tells most.
            shown = sorted(step.exchanges, key=lambda id: _answer_order(by_id.get(id)))
            wanted.update(shown[:1])
    wanted.update(message.id for message in run.unauthorized[:1])
    return [message for message in run.messages if message.id in wanted][:16]


def _answer_order(message: Message | None) -> tuple[bool, int]:
    status = message.status if message else None
    return status is None, status or 0


def reproduction(judged: Judged) -> tuple[str, str]:
    """One command that shows the fault again, and what it does in Markdown of our own; both empty where none does."""
    cause = judged.verdict.cause or ""
    if cause in ("resource-missing-authorize", "resource-missing-token"):
        return (
            "mcp-auth-inspector demo --text",
            "It starts an MCP server, an AuthKit emulator and a client that signs in twice: once with resource, which "
            "gets in, and once without, which ends as above. To see your own client do it, start "
            "`mcp-auth-inspector reference` and point the client at `http://localhost:3001/mcp`.",
        )
    if judged.verdict.party is Party.CLIENT:
        return (
            "mcp-auth-inspector reference",
            "It serves an MCP server and an authorization server that keep to the specification, at "
            "`http://localhost:3001/mcp`. Point the client at that URL: what it does wrong here it does wrong there.",
        )
    from inspector.reference.faults import FAULTS

    fault = next((fault for fault in FAULTS if cause in fault.provokes[:1]), None)
    if fault:
        return (
            f"mcp-auth-inspector reference --fault {fault.name}",
            "It serves an MCP server and an authorization server on this machine that go wrong in the same way: "
            f"{fault.description[0].lower()}{fault.description[1:]} Point any client at `http://localhost:3001/mcp`.",
        )
    return "", ""
