"""Rules about cross-origin requests of clients that run in a browser (Fetch standard)."""

from collections.abc import Iterator

from inspector.protocol import urls
from inspector.rules.model import Fault, NotObserved, Party, Phase, Severity, joined, observed, place
from inspector.rules.registry import rule
from inspector.timeline.message import Kind, Message
from inspector.timeline.run import Run


def _allows_origin(message: Message) -> bool:
    allowed = message.exchange.response_header("access-control-allow-origin")
    return allowed in ("*", message.exchange.request_header("origin"))


def _names(message: Message, header: str) -> set[str]:
    listed = message.exchange.response_header(header) or ""
    return {name.strip().lower() for name in listed.split(",") if name.strip()}


@rule(
    "cors-preflight-failed",
    title="Browser-based client blocked by a failed preflight",
    phase=Phase.CORS,
    party=Party.CONFIGURATION,
    severity=Severity.ERROR,
    levels="diag | diag | diag | diag",
)
def cors_preflight_failed(run: Run) -> Iterator[Fault | NotObserved]:
    """The browser asks first, and a no is final.

    What it checks: A preflight is answered with 2xx and allows the origin. At the MCP server it is the server's.

    Why it matters: The client only sees "could not fetch".

    How to fix: Whoever answers: allow the origin, the method and the headers. A registration endpoint that is switched
    off looks the same.

    When it is a false alarm: None known; clients outside a browser send no preflight.

    References: Fetch standard, CORS-preflight fetch.
    """
    preflights = [m for m in run.of(Kind.PREFLIGHT) if m.answered and m.exchange.request_header("origin")]
    for message in observed(preflights, "N10", "no preflight: the client does not run in a browser"):
        fine = message.status is not None and 200 <= message.status < 300 and _allows_origin(message)
        if not fine:
            own = urls.same_origin(message.url, run.server_url)
            yield Fault(
                f"The preflight for {urls.path_of(message.url)} failed.",
                (place(message, "status"), place(message, "header", "access-control-allow-origin")),
                expected=f"2xx with Access-Control-Allow-Origin for {message.exchange.request_header('origin')}",
                found=f"{message.status}, {message.exchange.response_header('access-control-allow-origin') or 'none'}",
                party=Party.MCP_SERVER if own else Party.AUTHORIZATION_SERVER,
            )


@rule(
    "cors-www-authenticate-not-exposed",
    title="WWW-Authenticate or Mcp-Session-Id not exposed to browser clients",
    phase=Phase.CORS,
    party=Party.MCP_SERVER,
    severity=Severity.WARNING,
    levels="diag | diag | diag | diag",
)
def cors_www_authenticate_not_exposed(run: Run) -> Iterator[Fault | NotObserved]:
    """The header is there, and the script may not read it.

    What it checks: An answer of the MCP server to a browser's request exposes WWW-Authenticate, and Mcp-Session-Id
    where it has one.

    Why it matters: The client falls back to guessing well-known URLs, or loses its session.

    How to fix: MCP server: `Access-Control-Expose-Headers: WWW-Authenticate, Mcp-Session-Id`.

    When it is a false alarm: The client does not need the header.

    References: Fetch standard, CORS-safelisted response headers.
    """
    answers = [m for m in run.of(Kind.MCP) if m.answered and m.exchange.request_header("origin")]
    shared = [m for m in answers if m.exchange.response_header("access-control-allow-origin")]
    reported: set[str] = set()
    for message in observed(shared, "N10", "no cross-origin request: the client does not run in a browser"):
        exposed = _names(message, "access-control-expose-headers")
        for name in ("www-authenticate", "mcp-session-id"):
            hidden = name not in exposed and not ("*" in exposed and not message.bearer)
            if message.exchange.response_header(name) and hidden and name not in reported:
                reported.add(name)
                yield Fault(
                    f"A script cannot read {name}.",
                    (place(message, "header", "access-control-expose-headers"),),
                    expected=name,
                    found=joined(sorted(exposed)),
                )


@rule(
    "cors-actual-response-missing-origin",
    title="Preflight passes but the real response has no Access-Control-Allow-Origin",
    phase=Phase.CORS,
    party=Party.AUTHORIZATION_SERVER,
    severity=Severity.ERROR,
    levels="diag | diag | diag | diag",
)
def cors_actual_response_missing_origin(run: Run) -> Iterator[Fault | NotObserved]:
    """Allowed to ask, not allowed to read the answer.

    What it checks: An answer to a browser's cross-origin request allows the origin, where a preflight for it passed.

    Why it matters: The token was issued, and the script never sees it.

    How to fix: Operator: add the web origin to the authorization server's list (AuthKit: allowed web origins). MCP
    server, where it is its own answer: send the header on every response, errors included.

    When it is a false alarm: None known.

    References: Fetch standard, CORS check.
    """
    passed = {m.url for m in run.of(Kind.PREFLIGHT) if _allows_origin(m)}
    answers = [
        m
        for m in run.messages
        if m.kind is not Kind.PREFLIGHT and m.url in passed and m.answered and m.exchange.request_header("origin")
    ]
    reported: set[str] = set()
    for message in observed(answers, "N10", "no cross-origin request after a preflight"):
        if not _allows_origin(message) and message.url not in reported:
            reported.add(message.url)
            own = urls.same_origin(message.url, run.server_url)
            yield Fault(
                f"The preflight for {urls.path_of(message.url)} passed, the answer itself does not allow the origin.",
                (place(message, "header", "access-control-allow-origin"),),
                expected=message.exchange.request_header("origin") or "",
                found=message.exchange.response_header("access-control-allow-origin") or "no such header",
                party=Party.MCP_SERVER if own else None,
            )
