"""A report as an issue in Markdown, addressed to the party at fault and short enough for GitHub."""

from collections.abc import Iterator
from typing import TextIO

from inspector.report import case
from inspector.report.escape import code, fenced, markup, prose
from inspector.report.exchange_text import claims_text, request_text, response_text, summary
from inspector.report.material import Material
from inspector.report.mermaid import sequence_diagram
from inspector.rules.model import Party
from inspector.timeline.run import Run
from inspector.verdict.model import Judged

LONGEST = 65_536
"""Characters of an issue on GitHub."""

_LEVELS = {"-": "not there yet", "diag": "no norm, a diagnosis"}


def write(material: Material, out: TextIO) -> None:
    """Write the report about the run that matters most, and what the others came to."""
    out.write(report(material))


def report(material: Material) -> str:
    """The text; details get shorter until it fits."""
    text = ""
    for body, steps in ((4000, 40), (1500, 40), (500, 30), (100, 20), (-1, 12)):
        text = "\n".join(_document(material, body, steps)) + "\n"
        if len(text) <= LONGEST:
            return text
    # A hostile recording may still be too long. What is cut off is the end, after everything that matters.
    cut = text[: LONGEST - 200].rpartition("\n")[0]
    return f"{cut}\n\n(cut here: the report is longer than an issue may be)\n"


def _document(material: Material, longest_body: int, most_steps: int) -> Iterator[str]:
    judged = case.chosen(material.runs)
    if judged is None:
        yield "# No sign-in to an MCP server in this recording"
        yield ""
        count = material.analysis.exchange_count
        yield f"{prose(material.source)} holds {count} exchanges, and none is with an MCP server."
        return
    original = next(each.run for each in material.analysis.runs if each.run.id == judged.run.id)
    yield f"# {prose(case.title(judged))}"
    yield ""
    yield from _summary(judged)
    yield from _expected(judged)
    yield from _remedies(judged)
    yield from _evidence(judged, original)
    yield from _cleared(judged)
    yield from _specification(judged)
    yield from _reproduce(judged)
    yield "## The sign-in step by step"
    yield ""
    yield fenced(sequence_diagram(judged, most_steps), "mermaid")
    yield ""
    yield from _exchanges(judged, longest_body)
    yield from _others(material, judged)
    yield from _versions(material, judged)


def _summary(judged: Judged) -> Iterator[str]:
    run, verdict = judged.run, judged.verdict
    who = case.addressee(judged)
    if case.at_fault(judged):
        yield f"This report is for **{case.NAMES[verdict.party]}**{f', {prose(who)}' if who else ''}."
        yield ""
    yield prose(verdict.summary)
    yield ""
    yield "| | |"
    yield "|---|---|"
    yield f"| At fault | {case.fault_line(judged)} |"
    yield f"| MCP client | {_or_unknown(run.client.label)} |"
    yield f"| MCP server | {_or_unknown(run.server_url)} |"
    yield f"| Authorization server | {_or_unknown(run.issuer or '')} |"
    if verdict.known_issue:
        yield f"| Known issue | {prose(verdict.known_issue)} |"
    yield ""


def _expected(judged: Judged) -> Iterator[str]:
    findings = case.chain(judged)
    if not findings:
        return
    yield "## Expected and found"
    yield ""
    yield "| step | what is wrong | expected | found |"
    yield "|---|---|---|---|"
    for finding in findings:
        wrong = f"{prose(finding.message)} ({code(finding.rule)})"
        yield f"| {finding.step or '-'} | {wrong} | {_value(finding.expected)} | {_value(finding.found)} |"
    yield ""


def _evidence(judged: Judged, original: Run) -> Iterator[str]:
    facts = list(case.evidence(judged, original))
    if not facts:
        return
    yield "## Evidence"
    yield ""
    yield "| step | what was seen | exchange |"
    yield "|---|---|---|"
    for fact in facts:
        yield f"| {fact.step or '-'} | {prose(fact.text)} | {f'{fact.exchange}' if fact.exchange else '-'} |"
    yield ""


def _specification(judged: Judged) -> Iterator[str]:
    clauses = case.clauses(judged)
    if not clauses:
        return
    yield "## What the specification says"
    yield ""
    revisions = [revision for revision, _ in case.levels(clauses[0][1])]
    yield f"| requirement | {' | '.join(f'MCP {revision}' for revision in revisions)} | where it is written |"
    yield f"|---|{'---|' * len(revisions)}---|"
    for _, rule in clauses:
        levels = " | ".join(_LEVELS.get(level, level) for _, level in case.levels(rule))
        references = " ".join(rule.documentation["References"].split())
        yield f"| {code(rule.id)} | {levels} | {prose(references)} |"
    yield ""
    revision = judged.run.revision
    assumed = " (assumed)" if revision.assumed else ""
    yield (
        f"The client follows {revision.client}{assumed}. Levels with rfc- come from an RFC that MCP tells the party "
        "to implement."
    )
    yield ""


def _cleared(judged: Judged) -> Iterator[str]:
    if not judged.verdict.cleared:
        return
    yield "## Who is not at fault"
    yield ""
    for cleared in judged.verdict.cleared:
        yield f"- **{case.NAMES[cleared.party]}**: {prose(cleared.why)}"
    yield ""


def _remedies(judged: Judged) -> Iterator[str]:
    party = judged.verdict.party
    remedies = [r for r in judged.verdict.remedies if r.text != judged.verdict.known_issue]
    if not remedies:
        return
    yield "## What to do"
    yield ""
    for remedy in sorted(remedies, key=lambda remedy: remedy.party is not party):
        fix = remedy.party is party or remedy.party is Party.UNKNOWN
        label = "next" if remedy.party is Party.UNKNOWN else case.NAMES[remedy.party]
        yield f"- **{label}**{'' if fix else ' (until then)'}: {prose(remedy.text)}"
    yield ""


def _reproduce(judged: Judged) -> Iterator[str]:
    command, what = case.reproduction(judged)
    if not command:
        return
    yield "## See it again"
    yield ""
    yield "With mcp-auth-inspector (Python 3.13) and no account anywhere:"
    yield ""
    yield fenced(command, "sh")
    yield ""
    yield what
    yield ""


def _exchanges(judged: Judged, longest_body: int) -> Iterator[str]:
    messages = case.needed(judged)
    if not messages or longest_body < 0:
        return
    yield "## The exchanges that show it"
    yield ""
    yield "Equal placeholders stand for equal values, in every step."
    yield ""
    for message in messages:
        step = judged.run.step_of(message)
        # The summary is HTML, where Markdown has no say; mentions are not looked for inside of code.
        line = f"step {step or '-'}, exchange {message.id}: <code>{markup(summary(message))}</code>"
        yield f"<details><summary>{line}</summary>"
        yield ""
        yield fenced(request_text(message.exchange, longest_body), "http")
        yield ""
        yield fenced(response_text(message.exchange, longest_body), "http")
        yield ""
        if claims := claims_text(judged.run, message):
            yield "The access token says:"
            yield ""
            yield fenced(claims, "json")
            yield ""
        yield "</details>"
        yield ""


def _others(material: Material, judged: Judged) -> Iterator[str]:
    others = [each for each in material.runs if each is not judged]
    if not others:
        return
    yield "## Other sign-ins in the same recording"
    yield ""
    for other in others[:10]:
        yield f"- run {other.run.id}, {prose(other.run.client.label)}: {prose(other.verdict.summary)}"
    yield ""


def _versions(material: Material, judged: Judged) -> Iterator[str]:
    revision = judged.run.revision
    yield "## Versions"
    yield ""
    yield f"- {code(material.tool)} on Python {material.python}"
    yield f"- client: {_or_unknown(judged.run.client.label)}"
    if judged.run.client.user_agent:
        yield f"- client's User-Agent: {code(judged.run.client.user_agent)}"
    yield f"- MCP protocol version: {_or_unknown(revision.protocol_version)}"
    yield f"- {material.analysis.exchange_count} exchanges recorded in {code(material.source)}"
    if material.redactor:
        yield "- Secrets are masked. The digits in a placeholder are a keyed fingerprint of the value."


def _value(text: str) -> str:
    return code(text) if text else "-"


def _or_unknown(text: str) -> str:
    return code(text) if text else "unknown"
