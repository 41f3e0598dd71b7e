"""The rule about requests that want a token and are not answered 401."""

import re
from collections.abc import Iterator
from urllib.parse import urljoin

from inspector.protocol import content, urls
from inspector.protocol.urls import Grade
from inspector.rules.model import Confidence, Fault, NotObserved, Party, Phase, Severity, observed, place
from inspector.rules.registry import rule
from inspector.timeline.message import Message
from inspector.timeline.run import Run

_WANTS_TOKEN = re.compile(
    r"\bunauthori[sz]ed\b|\bunauthenticated\b|\bnot authenticated\b|\bauthentication (is )?required\b"
    r"|\b(missing|no|requires?|without|provide)\b[^.{}]{0,30}\b(bearer|access[ _]token|authorization|credentials)\b"
    r"|\b(bearer|access token|authorization header|credentials)\b[^.{}]{0,20}\b(missing|required|not provided)\b",
    re.IGNORECASE,
)
"""What a server says that wants a token and got none."""
_ODD_STATUSES = (301, 302, 303, 307, 308, 400, 403, 404, 405, 500, 501, 502, 503)


@rule(
    "unauthorized-status-not-401",
    title="Missing or invalid token answered with a status other than 401",
    phase=Phase.CHALLENGE,
    party=Party.MCP_SERVER,
    severity=Severity.ERROR,
    levels="MUST | MUST | MUST | MUST",
)
def unauthorized_status_not_401(run: Run) -> Iterator[Fault | NotObserved]:
    """A client signs in because of a 401 and of nothing else.

    What it checks: A request to the MCP endpoint without a token, or with one that has expired, was answered with
    another error than 401, and the same kind of request was answered with 2xx with a good token, or the answer itself
    says that a token is missing.

    Why it matters: Clients start the sign-in when they see 401. Any other status ends in a connection error.

    How to fix: MCP server: answer 401 with `WWW-Authenticate: Bearer` when the token is missing or invalid, and keep
    403 for a token that lacks a scope.

    When it is a false alarm: 403 for a forbidden Origin, 404 for a dead session, 400 for a missing session or a bad
    protocol version, and a redirect to the other spelling of the URL come before authorization; they are left out
    here. So is a server error, where the same request was also answered 401, and a page of an intermediary.

    References: MCP 2025-03-26 Authorization Flow; MCP 2025-06-18 and later, Token Handling and Error Handling.
    """
    if demands := _demands(run):
        yield Fault(
            f"{demands.exchange.method} without a token was answered {demands.status}, though the answer says that one"
            " is missing.",
            (place(demands, "status"),),
            expected="401",
            found=str(demands.status),
            confidence=None if demands.bearer_challenge else Confidence.LIKELY,
        )
        return
    observed(run.uses, "N1", "no request with a token to compare with")
    expired = {use.request.id for use in run.late_uses}
    without = [m for m in (*run.without_token, *(use.request for use in run.late_uses)) if m.answered]
    bad = sorted(without, key=lambda m: (m.at, m.id))
    methods = {m.rpc_method for m in bad}
    alike = [u for u in run.uses if u.request.rpc_method in methods and u.request.id not in expired]
    good = {_kind_of_request(u.request): u.request for u in alike if u.accepted}
    comparable = [m for m in bad if _kind_of_request(m) in good]
    challenged = {_kind_of_request(m) for m in bad if m.status == 401}
    for message in observed(comparable, "N1", "no kind of request was seen both with a good token and without"):
        status, kind = message.status or 0, _kind_of_request(message)
        if status not in _ODD_STATUSES or _precedes_authorization(message, good[kind]):
            continue
        if status >= 500 and kind in challenged:
            continue
        if status == 403 and "html" in (message.response_header("content-type") or ""):
            yield NotObserved("N9", "the 403 is an HTML page, as intermediaries send")
            continue
        lacking = "with an expired token" if message.bearer else "without a token"
        yield Fault(
            f"{message.exchange.method} {lacking} was answered {status}, with a good token it succeeds.",
            (place(message, "status"),),
            expected="401",
            found=str(status),
        )


def _demands(run: Run) -> Message | None:
    """The first request without a token whose answer asks for one with another status than 401."""
    challenged = {_kind_of_request(m) for m in run.unauthorized}
    for message in run.without_token:
        if message.status not in (200, 400, 403) or _kind_of_request(message) in challenged:
            continue
        if message.is_page or "access_token" in message.query:
            continue
        if message.status != 200 and message.bearer_challenge:
            return message
        failed = message.status != 200 or any(answer.error for answer in message.rpc_received)
        if not failed or _precedes_authorization(message, message):
            continue
        exchange = message.exchange
        if _WANTS_TOKEN.search(content.text(exchange.response_headers, exchange.response_body)[:2000]):
            return message
    return None


def _kind_of_request(message: Message) -> tuple[str, str]:
    return message.exchange.method, message.rpc_method


def _precedes_authorization(message: Message, good: Message) -> bool:
    """Whether a server says this before it looks at the token. `good` is the same kind of request that succeeded."""
    exchange, session = message.exchange, "mcp-session-id"
    if message.location is not None:
        return _same_but_for_spelling(message.url, message.location)
    protocol_error = message.status == 400 and any(answer.error for answer in message.rpc_received)
    about_token = "token" in content.text(exchange.response_headers, exchange.response_body).lower()
    has_session = message.request_header(session) is not None
    dead_session = message.status in (400, 404) and has_session and not (message.bearer and about_token)
    no_session = (
        message.status in (400, 404)
        and message.request_header(session) is None
        and good.request_header(session) is not None
    )
    origin_refused = message.status == 403 and message.request_header("origin") is not None
    return protocol_error or dead_session or no_session or origin_refused


def _same_but_for_spelling(url: str, location: str) -> bool:
    try:
        target = urljoin(url, location)
    except ValueError:
        return False
    return urls.compare(url, target).grade in (Grade.EXACT, Grade.NORMALIZED, Grade.SCHEME_ONLY)
