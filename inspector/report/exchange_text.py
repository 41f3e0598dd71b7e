"""One exchange as the text of an HTTP message, with what a reader needs of long bodies."""

import json

from inspector.protocol import content
from inspector.protocol.params import Params
from inspector.report.sequence import short
from inspector.session.model import Body, Exchange, Headers
from inspector.timeline.message import Message
from inspector.timeline.run import Run

# What every request has and no report needs.
_DULL_HEADERS = frozenset(
    {"accept-encoding", "connection", "content-length", "date", "host", "keep-alive", "server", "transfer-encoding"}
    | {"alt-svc", "cf-cache-status", "cf-ray", "nel", "report-to", "strict-transport-security", "vary", "via"}
)
_LONGEST_LINE = 600
_LONGEST_TOKEN = 3000


def summary(message: Message) -> str:
    """One line: method, URL without parameters, status."""
    exchange = message.exchange
    answer = str(exchange.status) if exchange.status is not None else exchange.error or "no answer recorded"
    return f"{exchange.method} {message.url} -> {answer}"


def request_text(exchange: Exchange, longest: int) -> str:
    """The request; parameters of a query or form stand one in a line, decoded."""
    address, question, query = exchange.url.partition("?")
    lines = [f"{exchange.method} {short(address)}"]
    if question:
        lines += _params("?", query)
    lines += _headers(exchange.request_headers)
    if content.media_type(exchange.request_headers) == "application/x-www-form-urlencoded":
        text = content.text(exchange.request_headers, exchange.request_body)
        return "\n".join((*lines, "", *_params("", text)))
    return "\n".join(lines + _body(exchange.request_headers, exchange.request_body, longest))


def response_text(exchange: Exchange, longest: int) -> str:
    """The response, or why there is none."""
    if exchange.status is None:
        return exchange.error or "No answer was recorded."
    lines = [f"{exchange.status} {exchange.reason}".strip(), *_headers(exchange.response_headers)]
    return "\n".join(lines + _body(exchange.response_headers, exchange.response_body, longest))


def claims_text(run: Run, message: Message) -> str:
    """Header and claims of the access token that a token response issued; empty where there is none to read."""
    exchange = next((each for each in run.token_exchanges if each.request.id == message.id), None)
    if exchange is None or exchange.token is None:
        return ""
    token = {"header": dict(exchange.token.header), "claims": dict(exchange.token.claims)}
    return json.dumps(token, indent=2, ensure_ascii=False)[:_LONGEST_TOKEN]


def _params(sign: str, encoded: str) -> list[str]:
    pairs = [f"{name}={_cut(short(value))}" for name, value in Params.parse(encoded).pairs]
    return [f"  {sign if not number else '&' if sign else ''}{pair}" for number, pair in enumerate(pairs)]


def _headers(headers: Headers) -> list[str]:
    return [f"{name}: {_cut(short(value))}" for name, value in headers if name.lower() not in _DULL_HEADERS]


def _body(headers: Headers, body: Body, longest: int) -> list[str]:
    if not body.size:
        return []
    data = content.beginning(headers, body)
    if not data:
        return ["", f"({body.size} bytes that are no text, left out)"]
    text = data.decode(errors="replace")
    parsed = content.json_value(headers, body)
    if parsed is not None:
        text = json.dumps(parsed, indent=2, ensure_ascii=False)
    text = short(text)
    if len(text) > longest:
        text = f"{text[:longest]}\n({len(text) - longest} more characters left out)"
    return ["", text]


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_LINE else f"{text[:_LONGEST_LINE]}... ({len(text)} characters)"
