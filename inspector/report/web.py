"""A report as one web page: no script, nothing loaded from anywhere, readable offline, in the light and in the dark."""

from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from inspector.report import case
from inspector.report.escape import markup
from inspector.report.exchange_text import claims_text, request_text, response_text, summary
from inspector.report.material import Material
from inspector.report.picture import picture
from inspector.rules.model import Party
from inspector.timeline.run import Run
from inspector.verdict.model import Judged

_STYLE = Path(__file__).with_suffix(".css")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_LONGEST_BODY = 20_000


def write(material: Material, out: TextIO) -> None:
    """Write the page, one run after the other."""
    name = f"{material.source}: {len(material.runs)} sign-in{'' if len(material.runs) == 1 else 's'}"
    out.write(
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<meta name="color-scheme" content="light dark">\n'
        f"<title>{markup(name)}</title>\n<style>\n{_STYLE.read_text(encoding='utf-8')}</style>\n</head>\n<body>\n<main>\n"
    )
    if not material.runs:
        out.write("<h1>No sign-in to an MCP server in this recording</h1>\n")
    originals = {judged.run.id: judged.run for judged in material.analysis.runs}
    for judged in material.runs:
        out.writelines(f"{line}\n" for line in _run(judged, originals[judged.run.id]))
    masked = " Secrets are masked; equal placeholders stand for equal values." if material.redactor else ""
    out.write(
        f"<footer>{markup(material.tool)} on Python {material.python}, {material.analysis.exchange_count} exchanges "
        f"in {markup(material.source)}.{masked}</footer>\n</main>\n</body>\n</html>\n"
    )


def _run(judged: Judged, original: Run) -> Iterator[str]:
    run, verdict = judged.run, judged.verdict
    state = "good" if verdict.party is Party.NONE else "open" if verdict.party is Party.UNKNOWN else "fault"
    yield f'<section class="run" id="run-{run.id}">'
    yield f"<h1>{markup(case.title(judged))}</h1>"
    yield f'<p class="verdict {state}">{markup(verdict.summary)}</p>'
    yield "<dl>"
    facts = {
        "At fault": case.fault_line(judged),
        "MCP client": run.client.label,
        "MCP server": run.server_url or "unknown",
        "Authorization server": run.issuer or "unknown",
        "Protocol": run.revision.protocol_version or "not seen",
        "Known issue": verdict.known_issue or "",
    }
    yield from (f"<dt>{name}</dt><dd>{markup(value)}</dd>" for name, value in facts.items() if value)
    yield "</dl>"
    caption = "Time runs downwards, in seconds from the first step."
    yield f"<figure>{picture(judged)}<figcaption>{caption}</figcaption></figure>"
    yield from _findings(judged)
    yield from _evidence(judged, original)
    yield from _parties(judged)
    yield from _exchanges(judged)
    yield "</section>"


def _findings(judged: Judged) -> Iterator[str]:
    if not (findings := judged.checked.findings):
        yield "<h2>Findings</h2><p>None.</p>"
        return
    yield "<h2>Expected and found</h2>"
    yield '<div class="wide"><table><tr><th>step<th>what is wrong<th>expected<th>found<th>level</tr>'
    for finding in findings:
        yield (
            f'<tr class="{finding.severity.value}"><td>{finding.step or "-"}<td>{markup(finding.message)} '
            f"<code>{markup(finding.rule)}</code><td><code>{markup(finding.expected)}</code>"
            f"<td><code>{markup(finding.found)}</code><td>{markup(finding.level)}</tr>"
        )
    yield "</table></div>"


def _evidence(judged: Judged, original: Run) -> Iterator[str]:
    yield '<h2>Evidence</h2><div class="wide"><table><tr><th>step<th>what was seen<th>exchange</tr>'
    for fact in case.evidence(judged, original):
        place = f'<a href="#exchange-{judged.run.id}-{fact.exchange}">{fact.exchange}</a>' if fact.exchange else "-"
        yield f"<tr><td>{fact.step or '-'}<td>{markup(fact.text)}<td>{place}</tr>"
    yield "</table></div>"


def _parties(judged: Judged) -> Iterator[str]:
    if judged.verdict.cleared:
        yield "<h2>Who is not at fault</h2><ul>"
        for cleared in judged.verdict.cleared:
            yield f"<li><b>{case.NAMES[cleared.party]}</b>: {markup(cleared.why)}</li>"
        yield "</ul>"
    if judged.verdict.remedies:
        yield "<h2>What to do</h2><ul>"
        for remedy in judged.verdict.remedies:
            yield f"<li><b>{case.NAMES[remedy.party]}</b>: {markup(remedy.text)}</li>"
        yield "</ul>"


def _exchanges(judged: Judged) -> Iterator[str]:
    yield "<h2>Exchanges</h2>"
    wrong = {place.exchange for finding in case.chain(judged) for place in finding.places[:1]}
    for message in judged.run.messages:
        marked = ' class="wrong"' if message.id in wrong else ""
        yield f'<details id="exchange-{judged.run.id}-{message.id}"{marked}><summary>'
        yield f"step {judged.run.step_of(message) or '-'} <code>{markup(summary(message))}</code></summary>"
        texts = [request_text(message.exchange, _LONGEST_BODY), response_text(message.exchange, _LONGEST_BODY)]
        if claims := claims_text(judged.run, message):
            texts.append(f"The access token says:\n{claims}")
        yield from (f"<pre>{_lines(text)}</pre>" for text in texts)
        yield "</details>"


def _lines(text: str) -> str:
    return "\n".join(map(markup, text.split("\n")))
