"""HAR 1.2: the exchanges for browsers' network panels and for other proxies, one entry written after the other."""

import base64
import json
from datetime import UTC, datetime
from typing import Any, TextIO

from inspector.protocol import content
from inspector.protocol.params import Params
from inspector.protocol.urls import query_of
from inspector.report.material import Entry, Material
from inspector.session.model import Body, Exchange, Headers

OWN_FIELD = "_mcp_auth_inspector"
"""Where an entry keeps what HAR has no word for and this program needs to read it back."""

_SIZE_UNKNOWN = -1


def write(material: Material, out: TextIO) -> None:
    """Write the log; memory holds one entry at a time."""
    name, _, version = material.tool.partition(" ")
    creator = json.dumps({"name": name, "version": version})
    comment = json.dumps(
        "Secrets are masked; equal placeholders stand for equal values."
        if material.redactor
        else "This file holds live secrets."
    )
    out.write(f'{{"log": {{"version": "1.2", "creator": {creator}, "comment": {comment}, "pages": [], "entries": [')
    for number, entry in enumerate(material.entries()):
        out.write("," if number else "")
        # Spelled in ASCII: a lone surrogate from a captured body would otherwise make the file unreadable.
        out.write(f"\n{json.dumps(entry_of(entry))}")
    out.write("\n]}}\n")


def entry_of(entry: Entry) -> dict[str, Any]:
    """One exchange as an entry of the log."""
    shown, original = entry.shown, entry.original
    send, wait, receive = _timings(original)
    found: dict[str, Any] = {
        "startedDateTime": datetime.fromtimestamp(original.started_at, UTC).isoformat(timespec="microseconds"),
        "time": round(send + wait + receive, 3),
        "request": _request(shown, original),
        "response": _response(shown, original),
        "cache": {},
        "timings": {"blocked": -1, "dns": -1, "connect": -1, "send": send, "wait": wait, "receive": receive, "ssl": -1},
        OWN_FIELD: {
            "state": shown.state.value,
            "source": shown.source.value,
            "translations": [[each.part, each.name, each.client, each.upstream] for each in shown.translations],
            "missing": [body.size - len(body.data) for body in (shown.request_body, shown.response_body)],
        },
    }
    if shown.server_address:
        found["serverIPAddress"] = shown.server_address
    return found


def _timings(exchange: Exchange) -> tuple[float, float, float]:
    """Sending, waiting and receiving in milliseconds; 0 for what did not happen or was not seen."""
    begun, sent = exchange.started_at, exchange.request_end or exchange.started_at
    answered = exchange.response_start or sent
    ended = exchange.response_end or answered
    steps = (sent - begun, answered - sent, ended - answered)
    send, wait, receive = (round(max(0.0, step) * 1000, 3) for step in steps)
    return send, wait, receive


def _request(shown: Exchange, original: Exchange) -> dict[str, Any]:
    # Neither importer undoes codings of a request body, so it is written decoded and says so.
    headers = tuple(field for field in shown.request_headers if field[0].lower() != "content-encoding")
    found: dict[str, Any] = {
        "method": shown.method,
        "url": shown.url,
        "httpVersion": shown.http_version,
        "cookies": _cookies(content.header(headers, "cookie").split(";")),
        "headers": _fields(headers),
        "queryString": [{"name": name, "value": value} for name, value in Params.parse(query_of(shown.url)).pairs],
        "headersSize": _headers_size(f"{original.method} {original.url} ", original, original.request_headers),
        "bodySize": original.request_body.size,
    }
    if shown.request_body.data:
        text, encoding = _text(shown.request_headers, shown.request_body)
        media = content.header(headers, "content-type")
        form = media.lower().startswith("application/x-www-form-urlencoded")
        params = Params.parse(text).pairs if form else ()
        found["postData"] = {
            "mimeType": media or "application/octet-stream",
            "params": [{"name": name, "value": value} for name, value in params],
            "text": text,
            **({"encoding": encoding} if encoding else {}),
        }
    return found


def _response(shown: Exchange, original: Exchange) -> dict[str, Any]:
    headers = shown.response_headers
    text, encoding = _text(headers, shown.response_body)
    codings = original.response_header_all("content-encoding")
    if original.response_body.data and len(headers) < len(original.response_headers):
        headers = (*headers, *(("content-encoding", coding) for coding in codings))
    body: dict[str, Any] = {
        "size": _decoded_size(original),
        "mimeType": content.header(headers, "content-type") or "x-unknown",
    }
    if text:
        body |= {"text": text} | ({"encoding": encoding} if encoding else {})
    if original.response_body.truncated:
        body["comment"] = f"Only the beginning was kept; the body had {original.response_body.size} bytes."
    found: dict[str, Any] = {
        "status": shown.status or 0,
        "statusText": shown.reason,
        "httpVersion": shown.http_version,
        "cookies": _cookies([value for name, value in headers if name.lower() == "set-cookie"]),
        "headers": _fields(headers),
        "content": body,
        "redirectURL": content.header(headers, "location"),
        "headersSize": _headers_size("", original, original.response_headers) if shown.status else _SIZE_UNKNOWN,
        "bodySize": original.response_body.size if shown.status else _SIZE_UNKNOWN,
    }
    if shown.error:
        found["_error"] = shown.error
    return found


def _text(headers: Headers, body: Body) -> tuple[str, str]:
    """The decoded body, and "base64" when it is no text."""
    data = content.beginning(headers, body)
    try:
        return data.decode(), ""
    except UnicodeDecodeError:
        return base64.b64encode(data).decode(), "base64"


def _decoded_size(exchange: Exchange) -> int:
    """Bytes of the response body without content codings, as far as it was kept."""
    body = exchange.response_body
    if body.truncated and not exchange.response_header("content-encoding"):
        return body.size
    return len(content.beginning(exchange.response_headers, body))


def _fields(headers: Headers) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers]


def _cookies(cookies: list[str]) -> list[dict[str, str]]:
    """Names and values of cookies, each as it stands in front of its attributes."""
    pairs = [cookie.partition(";")[0].partition("=") for cookie in cookies]
    return [{"name": name.strip(), "value": value.strip()} for name, equals, value in pairs if equals]


def _headers_size(first_line: str, exchange: Exchange, headers: Headers) -> int:
    """Bytes up to the body as HTTP/1.1 writes them; -1 for the newer versions, which compress them."""
    if not exchange.http_version.upper().startswith("HTTP/1"):
        return _SIZE_UNKNOWN
    answer_line = f"{exchange.http_version} {exchange.status} {exchange.reason}"
    line = first_line + exchange.http_version if first_line else answer_line
    return len(line) + 4 + sum(len(name) + len(value) + 4 for name, value in headers)
