"""One exchange or one finding in the forms in which people paste it somewhere, without its secrets."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from inspector.display import visible
from inspector.protocol import content
from inspector.report import curl, har
from inspector.report.escape import code, prose
from inspector.report.material import Entry
from inspector.report.redaction import Redactor, find_secrets
from inspector.rules.model import Finding
from inspector.rules.registry import find_rule
from inspector.session.model import Body, Exchange, Headers
from inspector.verdict.model import Judged


@dataclass(frozen=True, slots=True)
class Form:
    """A text ready to be pasted; `what` says in a few words what it is good for."""

    name: str
    what: str
    text: str


def forms_of(judged: Judged, exchange: Exchange | None, finding: Finding | None, key: bytes) -> tuple[Form, ...]:
    """The forms of an exchange of a run, and of a finding on it. `key` makes the fingerprints of what is masked."""
    redactor = find_secrets((message.exchange for message in judged.run.messages), key)
    return tuple(_forms(exchange, finding, redactor))


def _forms(exchange: Exchange | None, finding: Finding | None, redactor: Redactor) -> Iterator[Form]:
    if finding:
        yield Form("Markdown", "the finding for an issue or a chat", _markdown(finding, redactor))
    if exchange:
        shown = redactor.exchange(exchange)
        yield Form("curl", "the request as a command", curl.command(shown, set()))
        yield Form("raw", "request and response as on the wire", "\n".join(_raw(shown)))
        entry = har.entry_of(Entry(shown, exchange))
        yield Form("JSON", "request and response as an entry of a HAR file", json.dumps(entry, indent=2) + "\n")


def _raw(masked: Exchange) -> Iterator[str]:
    yield visible(f"{masked.method} {masked.url} {masked.http_version}")
    yield from _message(masked.request_headers, masked.request_body)
    if masked.status is not None:
        yield ""
        yield visible(f"{masked.http_version} {masked.status} {masked.reason}")
        yield from _message(masked.response_headers, masked.response_body)


def _message(headers: Headers, body: Body) -> Iterator[str]:
    yield from (visible(f"{name}: {value}") for name, value in headers)
    yield ""
    yield from map(visible, content.text(headers, body).split("\n"))


def _markdown(finding: Finding, redactor: Redactor) -> str:
    text = redactor.text
    lines = [f"**{prose(finding.title)}** ({code(finding.rule)}, {finding.severity}, {finding.confidence})", ""]
    lines.append(prose(text(finding.message)))
    if finding.expected or finding.found:
        lines += ["", f"- expected: {code(text(finding.expected))}", f"- found: {code(text(finding.found))}"]
    rule = find_rule(finding.rule)
    if rule:
        # Our own words, and Markdown already.
        lines += ["", f"How to fix: {' '.join(rule.documentation['How to fix'].split())}"]
        lines += ["", f"Specification: {' '.join(rule.documentation['References'].split())}"]
    return "\n".join(lines) + "\n"
