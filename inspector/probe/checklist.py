"""What a probe found, as the checklist people work off by hand: a line for each topic, and what is wrong under it."""

from collections.abc import Iterator
from dataclasses import dataclass

from inspector.display import visible
from inspector.rules.model import Finding, Party, Phase, Severity
from inspector.rules.registry import find_rule
from inspector.timeline.message import Kind
from inspector.timeline.run import Run
from inspector.verdict.model import Judged

_TOPICS = {
    Phase.CHALLENGE: "The refusal of a request without a token",
    Phase.RESOURCE_METADATA: "Protected resource metadata",
    Phase.SERVER_METADATA: "Authorization server metadata",
    Phase.REGISTRATION: "Registration of clients",
    Phase.CORS: "Access from a browser (CORS)",
    Phase.RESOURCE_ACCESS: "A token that nobody issued",
}
"""What can be seen without a sign-in, in the order of a sign-in."""

_SIGNS = {Severity.ERROR: "x", Severity.WARNING: "!", Severity.INFO: "i"}


@dataclass(frozen=True, slots=True)
class Topic:
    """One line of the checklist. `passed` counts the rules that had something to look at and found it right."""

    title: str
    passed: int
    findings: tuple[Finding, ...]
    facts: str = ""

    @property
    def sign(self) -> str:
        """`ok`, `!`, `x`, or `-` where nothing could be checked."""
        worst = min((list(Severity).index(finding.severity) for finding in self.findings), default=None)
        if worst is None:
            return "ok" if self.passed else "-"
        return {0: "x", 1: "!"}.get(worst, "ok")


def findings_of(judged: Judged) -> tuple[Finding, ...]:
    """What is wrong with the servers, each once: a document at two places has its faults twice.

    What the probe did as a client is nobody's fault.
    """
    found = [finding for finding in judged.checked.findings if finding.party is not Party.CLIENT]
    once = {(finding.rule, finding.message, finding.expected, finding.found): finding for finding in reversed(found)}
    return tuple(reversed(once.values()))


def checklist(judged: Judged) -> tuple[Topic, ...]:
    """The topics of a probed server."""
    about = {finding: find_rule(finding.rule) for finding in findings_of(judged)}
    passed = [rule for rule in map(find_rule, judged.checked.passed) if rule]
    server = "; ".join(part for part in (visible(judged.run.issuer or ""), _differences(judged.run)) if part)
    facts = {Phase.REGISTRATION: _registration(judged.run), Phase.SERVER_METADATA: server}
    return tuple(
        Topic(
            title,
            sum(rule.phase is phase for rule in passed),
            tuple(finding for finding, rule in about.items() if rule and rule.phase is phase),
            facts.get(phase, ""),
        )
        for phase, title in _TOPICS.items()
    )


def _differences(run: Run) -> str:
    """Where openid-configuration says something else than the OAuth metadata: clients read the one or the other."""
    good = [(message.url, message.good_document) for message in run.of(Kind.SERVER_METADATA)]
    oauth = next((document for url, document in good if document and "oauth-authorization-server" in url), None)
    openid = next((document for url, document in good if document and "openid-configuration" in url), None)
    if oauth is None or openid is None:
        return ""
    missing = [name for name in oauth.raw if name not in openid]
    other = [name for name, value in oauth.raw.items() if name in openid and openid.raw[name] != value]
    told = [(missing, "openid-configuration leaves out"), (other, "openid-configuration differs in")]
    return visible("; ".join(f"{words} {', '.join(names)}" for names, words in told if names))


def _registration(run: Run) -> str:
    """How a client nobody knows can introduce itself, by the metadata."""
    metadata = run.server_metadata.document if run.server_metadata else None
    if metadata is None:
        return ""
    ways = []
    if metadata.text("registration_endpoint"):
        ways.append("dynamic registration")
    if metadata.raw.get("client_id_metadata_document_supported") is True:
        ways.append("client ID metadata documents")
    return f"offered: {' and '.join(ways)}" if ways else "not offered: clients must be registered by hand"


def checklist_lines(topics: tuple[Topic, ...]) -> Iterator[str]:
    """The checklist as text, safe for a terminal."""
    for topic in topics:
        count = f"{topic.passed} check{'s' if topic.passed != 1 else ''} passed"
        yield f" {topic.sign:<2} {topic.title:<42} {'; '.join(part for part in (count, topic.facts) if part)}"
        for finding in topic.findings:
            yield f"      {_SIGNS[finding.severity]} {finding.rule} ({finding.party}): {visible(finding.message)}"
            if finding.expected:
                yield f"        expected  {visible(finding.expected)}"
            if finding.found:
                yield f"        found     {visible(finding.found)}"
