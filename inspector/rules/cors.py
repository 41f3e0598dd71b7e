"""Rules about cross-origin requests of clients that run in a browser (Fetch standard)."""

from collections.abc import Iterator

from inspector.protocol import urls
from inspector.rules.model import Fault, NotObserved, Party, Phase, Severity, joined, observed, place
from inspector.rules.registry import rule
from inspector.timeline.message import WELL_KNOWN_RESOURCE, WELL_KNOWN_SERVER, Kind, Message
from inspector.timeline.run import Run

_NO_OPTIONS = (405, 501)


def _allows_origin(message: Message) -> bool:
    allowed = message.response_header("access-control-allow-origin")
    return allowed is not None and allowed in ("*", message.request_header("origin"))


def _passed(preflight: Message) -> bool:
    return preflight.status in range(200, 300) and _allows_origin(preflight)


def _names(message: Message, header: str) -> set[str]:
    listed = message.response_header(header) or ""
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

    What it checks: A preflight is answered with 2xx and allows the origin. On the MCP server's own origin it is the
    server's, and an endpoint that knows no OPTIONS at all (405, 501) is the authorization server's. It is a note at a
    metadata URL where the client found such a document all the same: some try again without the headers that need a
    preflight, or ask elsewhere.

    Why it matters: The client only sees "could not fetch".

    How to fix: Operator: allow the origin, the method and the headers; a registration endpoint that is switched off
    looks the same. MCP server: answer OPTIONS on every path that a browser asks.

    When it is a false alarm: None known; clients outside a browser send no preflight.

    References: Fetch standard, CORS-preflight fetch; OAuth 2.1 section 3.2.
    """
    preflights = [m for m in run.of(Kind.PREFLIGHT) if m.answered and m.request_header("origin")]
    reported: set[str] = set()
    for message in observed(preflights, "N10", "no preflight: the client does not run in a browser"):
        if _passed(message) or message.url in reported:
            continue
        reported.add(message.url)
        own = urls.same_origin(message.url, run.server_url)
        yield Fault(
            f"The preflight for {urls.path_of(message.url)} failed.",
            (place(message, "status"), place(message, "header", "access-control-allow-origin")),
            expected=f"2xx with Access-Control-Allow-Origin for {message.request_header('origin')}",
            found=f"{message.status}, {message.response_header('access-control-allow-origin') or 'none'}",
            severity=Severity.INFO if _found_all_the_same(run, message) else None,
            party=Party.MCP_SERVER if own else Party.AUTHORIZATION_SERVER if message.status in _NO_OPTIONS else None,
        )


def _found_all_the_same(run: Run, preflight: Message) -> bool:
    """Whether the preflight was for a metadata document, and the client has read one of that kind."""
    path = urls.path_of(preflight.url)
    if f"/.well-known/{WELL_KNOWN_RESOURCE}" in path:
        return run.resource_metadata is not None
    return any(f"/.well-known/{suffix}" in path for suffix in WELL_KNOWN_SERVER) and run.server_metadata is not None


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

    What it checks: An answer of the MCP server to a browser's request exposes WWW-Authenticate and Mcp-Session-Id where
    it has them. `*` exposes both unless cookies are sent.

    Why it matters: The client falls back to guessing well-known URLs, or loses its session.

    How to fix: MCP server: `Access-Control-Expose-Headers: WWW-Authenticate, Mcp-Session-Id`.

    When it is a false alarm: The client does not need the header.

    References: Fetch standard, CORS-safelisted response headers; RFC 9728 section 5.1.
    """
    answers = [m for m in run.from_pages if m.kind is Kind.MCP and m.answered]
    shared = [m for m in answers if m.response_header("access-control-allow-origin")]
    reported: set[str] = set()
    for message in observed(shared, "N10", "no cross-origin request: the client does not run in a browser"):
        exposed = _names(message, "access-control-expose-headers")
        all_exposed = "*" in exposed and message.request_header("cookie") is None
        for name in ("www-authenticate", "mcp-session-id"):
            hidden = name not in exposed and not all_exposed
            if message.response_header(name) and hidden and name not in reported:
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

    How to fix: Operator: add the web origin to the authorization server's list (AuthKit: allowed web origins).
    MCP server: send the header on every response, errors included.

    When it is a false alarm: None known.

    References: Fetch standard, CORS check; OAuth 2.1 section 3.2.
    """
    passed = {_asked(m) for m in run.of(Kind.PREFLIGHT) if _passed(m)}
    asked = [m for m in run.from_pages if m.kind is not Kind.PREFLIGHT]
    answers = [m for m in asked if m.answered and _asked(m) in passed]
    reported: set[str] = set()
    for message in observed(answers, "N10", "no cross-origin request after a preflight"):
        if not _allows_origin(message) and message.url not in reported:
            reported.add(message.url)
            own = urls.same_origin(message.url, run.server_url)
            yield Fault(
                f"The preflight for {urls.path_of(message.url)} passed, the answer itself does not allow the origin.",
                (place(message, "header", "access-control-allow-origin"),),
                expected=message.request_header("origin") or "",
                found=message.response_header("access-control-allow-origin") or "no such header",
                party=Party.MCP_SERVER if own else None,
            )


def _asked(message: Message) -> tuple[str, str | None]:
    return message.url, message.request_header("origin")
