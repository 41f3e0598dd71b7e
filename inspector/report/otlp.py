"""OpenTelemetry spans in OTLP/JSON, for the trace store a team has: a trace for each run, a span for each exchange."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, TextIO

from inspector.display import visible
from inspector.errors import InspectorError
from inspector.protocol.urls import host_of, origin, path_of
from inspector.report.material import TOOL, Material
from inspector.rules.model import Severity
from inspector.timeline.message import Message
from inspector.timeline.run import Run
from inspector.timeline.steps import PHASES, Step
from inspector.verdict.model import Judged

_INTERNAL, _CLIENT = 1, 3  # SpanKind
_ERROR = 2  # StatusCode
_PATIENCE = 10.0
_PATH = "/v1/traces"


def write(material: Material, out: TextIO) -> None:
    """Write one ExportTraceServiceRequest."""
    json.dump(request(material), out, indent=2)
    out.write("\n")


def send(material: Material, endpoint: str) -> int:
    """Post the spans to an OTLP/HTTP endpoint, and give back how many there are.

    `endpoint` is a base URL, as in OTEL_EXPORTER_OTLP_ENDPOINT, or the full URL of the traces. Raises InspectorError
    when it is no http URL, cannot be reached, or refuses.
    """
    import httpx

    if not origin(endpoint).startswith(("http://", "https://")):
        raise InspectorError(f"{endpoint!r} is no http or https URL; give one such as http://localhost:4318.")
    url = endpoint if path_of(endpoint).endswith(_PATH) else endpoint.rstrip("/") + _PATH
    body = request(material)
    try:
        answer = httpx.post(url, json=body, timeout=_PATIENCE, follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as problem:
        raise InspectorError(f"{url} cannot be reached ({type(problem).__name__}); is a collector listening?") from None
    if not answer.is_success:
        raise InspectorError(
            f"{url} answered {answer.status_code} instead of taking the spans; is it an OTLP/HTTP URL?"
        )
    return sum(len(scope["spans"]) for each in body["resourceSpans"] for scope in each["scopeSpans"])


def request(material: Material) -> dict[str, Any]:
    """The spans of all runs as an ExportTraceServiceRequest (OTLP 1.x, JSON Protobuf encoding)."""
    name, _, version = material.tool.partition(" ")
    spans = [span for judged in material.runs for span in _spans(material, judged)]
    resource = {"service.name": TOOL, "service.version": version}
    scope = {"scope": {"name": name, "version": version}, "spans": spans}
    return {"resourceSpans": [{"resource": {"attributes": _attributes(resource)}, "scopeSpans": [scope]}]}


def _spans(material: Material, judged: Judged) -> list[dict[str, Any]]:
    run, verdict = judged.run, judged.verdict
    trace = _id(material, run, "trace", 16)
    root = _id(material, run, "root", 8)
    begun = run.messages[0].at if run.messages else 0.0
    attributes = {
        "mcp.auth.run": run.id,
        "mcp.auth.client.name": run.client.name,
        "mcp.auth.client.version": run.client.version,
        "mcp.auth.server": run.server_url,
        "mcp.auth.issuer": run.issuer or "",
        "mcp.auth.protocol_version": run.revision.protocol_version,
        "mcp.auth.verdict.party": verdict.party.value,
        "mcp.auth.verdict.cause": verdict.cause or "",
        "mcp.auth.verdict.confidence": verdict.confidence.value,
    }
    whole: dict[str, Any] = {
        "traceId": trace,
        "spanId": root,
        "name": f"MCP sign-in {run.client.label}",
        "kind": _INTERNAL,
        "startTimeUnixNano": _nanoseconds(begun),
        "endTimeUnixNano": _nanoseconds(max(run.last_at, begun)),
        "attributes": _attributes(attributes),
        "events": _findings(judged),
    }
    if judged.checked.errors:
        whole["status"] = {"code": _ERROR, "message": visible(verdict.summary)}
    wrong = {
        finding.places[0].exchange
        for finding in judged.checked.findings
        if finding.severity is Severity.ERROR and finding.places
    }
    steps = {id: step for step in reversed(run.steps) for id in step.exchanges}
    children = [
        {"traceId": trace, "spanId": _id(material, run, str(message.id), 8), "parentSpanId": root}
        | _span(message, steps, message.id in wrong)
        for message in run.messages
    ]
    return [whole, *children]


def _span(message: Message, steps: Mapping[int, Step], wrong: bool) -> dict[str, Any]:
    exchange = message.exchange
    step = steps.get(message.id)
    attributes: dict[str, object] = {
        "http.request.method": exchange.method,
        "url.full": exchange.url,
        "server.address": host_of(exchange.url),
        "mcp.auth.exchange": message.id,
        "mcp.auth.kind": message.kind.value,
        "mcp.auth.step": step.id if step else 0,
        "mcp.auth.phase": PHASES[step.phase] if step else "",
        "rpc.method": message.rpc_method,
        "user_agent.original": message.user_agent,
        "error.type": str(exchange.status) if (exchange.status or 0) >= 400 else exchange.error,
    }
    if exchange.status is not None:
        attributes["http.response.status_code"] = exchange.status
    ended = exchange.response_end or exchange.response_start or exchange.request_end or message.at
    span: dict[str, Any] = {
        "name": visible(f"{exchange.method} {path_of(exchange.url) or '/'}"),
        "kind": _CLIENT,
        "startTimeUnixNano": _nanoseconds(message.at),
        "endTimeUnixNano": _nanoseconds(max(ended, message.at)),
        "attributes": _attributes(attributes),
    }
    # OpenTelemetry's HTTP conventions: a client's span fails at 4xx and 5xx.
    if wrong or (exchange.status or 0) >= 400 or exchange.error:
        span["status"] = {"code": _ERROR}
    return span


def _findings(judged: Judged) -> list[dict[str, Any]]:
    by_id = {message.id: message for message in judged.run.messages}
    events = []
    for finding in judged.checked.findings:
        about = by_id.get(finding.places[0].exchange) if finding.places else None
        at = about.at if about else judged.run.messages[0].at
        attributes = {
            "mcp.auth.rule": finding.rule,
            "mcp.auth.severity": finding.severity.value,
            "mcp.auth.party": finding.party.value,
            "mcp.auth.message": finding.message,
            "mcp.auth.expected": finding.expected,
            "mcp.auth.found": finding.found,
            "mcp.auth.exchange": about.id if about else 0,
        }
        events.append({"timeUnixNano": _nanoseconds(at), "name": "finding", "attributes": _attributes(attributes)})
    return events


def _attributes(values: Mapping[str, object]) -> list[dict[str, Any]]:
    """Attributes with a value; 64-bit integers are strings in the JSON encoding of Protobuf."""
    return [
        {"key": key, "value": {"stringValue": visible(value)} if isinstance(value, str) else {"intValue": str(value)}}
        for key, value in values.items()
        if value != ""
    ]


def _nanoseconds(seconds: float) -> str:
    # In whole microseconds first: a float has no room for nanoseconds since the epoch.
    return str(round(max(0.0, seconds) * 1_000_000) * 1000)


def _id(material: Material, run: Run, what: str, size: int) -> str:
    """The same for the same run of the same recording, so that sending it twice makes no second trace."""
    begun = run.messages[0].at if run.messages else 0.0
    seed = f"{material.source}\n{run.id}\n{begun!r}\n{what}"
    return hashlib.sha256(seed.encode(errors="replace")).hexdigest()[: 2 * size]
