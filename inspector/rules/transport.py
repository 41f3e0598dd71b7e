"""Rules about the MCP endpoint itself: redirects, transport security, sessions, versions, and who answers for it."""

from collections.abc import Iterator

from inspector.protocol import urls
from inspector.rules.model import Confidence, Fault, NotObserved, Party, Phase, Severity, observed, place
from inspector.rules.registry import rule
from inspector.timeline.message import Kind, Message
from inspector.timeline.run import Run

_ATTEMPTS = 3
_EDGE_HEADERS = ("cf-mitigated", "x-sucuri-block", "x-amzn-waf-action", "x-iinfo", "x-datadome")
_EDGE_PAGES = ("attention required", "access denied", "request blocked", "just a moment", "captcha", "error 1010")


@rule(
    "mcp-endpoint-redirect",
    title="MCP endpoint answers with a redirect",
    phase=Phase.RESOURCE_ACCESS,
    party=Party.CONFIGURATION,
    severity=Severity.WARNING,
    levels="diag | diag | diag | diag",
)
def mcp_endpoint_redirect(run: Run) -> Iterator[Fault | NotObserved]:
    """Clients lose their token, or their method, on the way.

    What it checks: No request to the MCP endpoint is answered with a redirect.

    Why it matters: Clients drop Authorization across origins and turn POST into GET; the resource is another one too.

    How to fix: User: configure the final URL. Operator: use the same spelling in client, metadata and resource
    indicator; a slash at the end is the usual reason.

    When it is a false alarm: The client follows and everything works.

    References: RFC 9110 section 15.4; MCP 2025-06-18 Canonical Server URI.
    """
    for message in observed(run.of(Kind.MCP), "N1", "no request to the MCP endpoint"):
        if message.location:
            yield Fault(
                "The MCP endpoint redirects.",
                (place(message, "header", "location"),),
                expected="an answer of its own",
                found=f"{message.status} to {urls.without_query(urls.resolve(message.exchange.url, message.location))}",
            )
            return


@rule(
    "mcp-endpoint-insecure",
    title="Bearer token sent over plain http to a non-loopback host",
    phase=Phase.RESOURCE_ACCESS,
    party=Party.CONFIGURATION,
    severity=Severity.ERROR,
    levels="rfc-MUST | rfc-MUST | rfc-MUST | rfc-MUST",
)
def mcp_endpoint_insecure(run: Run) -> Iterator[Fault | NotObserved]:
    """Everybody on the way reads the token.

    What it checks: No token is sent over http to another machine.

    Why it matters: Whoever sees the traffic holds the token.

    How to fix: Operator: serve the MCP endpoint over https.

    When it is a false alarm: A closed lab network; it is an error all the same.

    References: OAuth 2.1 section 1.5; MCP 2025-06-18 Communication Security.
    """
    for use in observed(run.uses, "N1", "no request with a token in the capture"):
        if not urls.is_secure(use.request.url):
            yield Fault(
                "A token was sent over plain http to another machine.",
                (place(use.request, "url"),),
                expected="https",
                found=urls.origin(use.request.url),
            )
            return


@rule(
    "session-id-as-authentication",
    title="Request authenticated by session id alone",
    phase=Phase.RESOURCE_ACCESS,
    party=Party.MCP_SERVER,
    severity=Severity.ERROR,
    levels="- | MUST NOT | MUST NOT | -",
)
def session_id_as_authentication(run: Run) -> Iterator[Fault | NotObserved]:
    """A session id is not a credential.

    What it checks: No request without a token gets a result because it names a session that was opened with one.

    Why it matters: Whoever learns the session id acts as the user.

    How to fix: MCP server: verify the token on every request.

    When it is a false alarm: The method is open to everybody on purpose.

    References: MCP 2025-06-18 Security Best Practices, Session Hijacking.
    """
    header = "mcp-session-id"
    opened = {u.request.response_header(header) for u in run.uses if u.accepted} - {None}
    observed(list(opened), "N1", "no session was opened with a token")
    for message in run.without_token:
        named = message.request_header(header)
        result = any(answer.result is not None for answer in message.rpc_received)
        if named in opened and result and message.rpc_method not in ("ping", ""):
            yield Fault(
                f"The MCP server answered {message.rpc_method} for a session id without a token.",
                (place(message, "header", header), place(message, "status")),
                expected="401",
                found=str(message.status),
            )
            return


@rule(
    "protocol-version-header-missing",
    title="POST without MCP-Protocol-Version",
    phase=Phase.RESOURCE_ACCESS,
    party=Party.CLIENT,
    severity=Severity.WARNING,
    levels="- | MUST | MUST | MUST",
)
def protocol_version_header_missing(run: Run) -> Iterator[Fault | NotObserved]:
    """Without it the server takes the oldest revision.

    What it checks: Every POST after the handshake, and under 2026-07-28 every POST, has MCP-Protocol-Version.

    Why it matters: The server must assume 2025-03-26, and may answer 400 in a way that looks like a refusal.

    How to fix: Client: send the negotiated version on every request.

    When it is a false alarm: A client of 2025-03-26, which has no such header.

    References: MCP 2025-06-18 transports, Protocol Version Header.
    """
    if run.revision.protocol_version and run.revision.protocol_version < "2025-06-18":
        raise NotObserved("N6", "the negotiated revision has no such header")
    stateless = run.revision.protocol_version >= "2026-07-28"
    later = [
        u.request
        for u in run.uses
        if u.request.exchange.method == "POST" and (stateless or u.request.rpc_method not in ("initialize", ""))
    ]
    for message in observed(later, "N1", "no POST after the handshake"):
        if message.request_header("mcp-protocol-version") is None:
            yield Fault(
                "The client does not say which protocol version the request follows.",
                (place(message, "header", "mcp-protocol-version"),),
                expected=f"MCP-Protocol-Version: {run.revision.protocol_version or 'the negotiated one'}",
                found="no such header",
            )
            return


@rule(
    "reauthorization-loop",
    title="Full authorization repeated without progress",
    phase=Phase.RESOURCE_ACCESS,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="- | - | SHOULD | SHOULD",
)
def reauthorization_loop(run: Run) -> Iterator[Fault | NotObserved]:
    """The same sign-in, the same refusal, again and again.

    What it checks: Fewer than three tokens in a row are refused with 401 or 403.

    Why it matters: The user is sent to the browser for ever, or the servers get a hundred requests a second.

    How to fix: Client: stop after a few attempts and show the reason. The reason itself is another finding.

    When it is a false alarm: The user pressed the button again.

    References: MCP 2025-11-25 Step-Up Authorization Flow.
    """
    issued = [t for t in run.token_exchanges if t.access_token]
    looped = sum(loop.turns for loop in run.loops)
    if len(issued) < _ATTEMPTS and looped < _ATTEMPTS:
        raise NotObserved("N11", "fewer than three tokens in the capture")
    outcome = {id(t): [u for u in run.uses if u.exchange is t] for t in issued}
    in_a_row = longest = 0
    for exchange in issued:
        uses = outcome[id(exchange)]
        in_a_row = in_a_row + 1 if uses and all(_refused(use.request) for use in uses) else 0
        longest = max(longest, in_a_row)
    attempts = max(longest, looped)
    if attempts >= _ATTEMPTS:
        target = issued[-1].request if issued else run.messages[-1]
        yield Fault(
            f"The client got {attempts} tokens in a row that were all refused, and went on.",
            (place(target, "status"),),
            expected="give up after a few attempts and say why",
            found=f"{attempts} attempts",
        )


def _refused(message: Message) -> bool:
    return message.status in (401, 403)


def _passed(message: Message) -> bool:
    return (message.status or 500) < 400 and not message.is_page


@rule(
    "edge-blocked",
    title="A CDN, WAF or gateway answered instead of the server",
    phase=Phase.RESOURCE_ACCESS,
    party=Party.EDGE,
    severity=Severity.ERROR,
    levels="diag | diag | diag | diag",
    confidence=Confidence.LIKELY,
)
def edge_blocked(run: Run) -> Iterator[Fault | NotObserved]:
    """The server never saw the request.

    What it checks: An answer of 403, 429 or 503 with a vendor's block header, or with a vendor's page where the
    server speaks JSON, and without a challenge. It is a warning where the same request got through later.

    Why it matters: Neither client nor server can be fixed; a rule at the edge must be.

    How to fix: Operator: allow the client's requests on the MCP and OAuth paths (bot rules, address ranges). A
    proxy's own TLS fingerprint can be the reason: try without the inspector once.

    When it is a false alarm: The application itself sends such a page. Cloudflare's usual headers are on every answer
    and do not count.

    References: Vendor documentation; RFC 6585 section 4.
    """
    blocked = [m for m in run.messages if m.status in (403, 429, 503) and not m.challenges]
    for message in observed(blocked, "N1", "no answer of 403, 429 or 503 without a challenge"):
        header = next((name for name in _EDGE_HEADERS if message.response_header(name)), None)
        html = "html" in (message.response_header("content-type") or "")
        page = message.exchange.response_body.data[:4096].decode(errors="replace").lower()
        # What Cloudflare's managed rules send is plain text; only the product's name in front of it tells whose it is.
        plain = message.response_header("server") == "cloudflare" and "your request was blocked" in page
        if header or plain or (html and any(phrase in page for phrase in _EDGE_PAGES)):
            later = any(m.at > message.at and m.shape[:3] == message.shape[:3] and _passed(m) for m in run.messages)
            yield Fault(
                f"Something in front of the server answered {message.status}.",
                (place(message, "header" if header else "body", header or ""),),
                expected="an answer of the server",
                found=f"{message.status} with {header or 'a block page'}",
                severity=Severity.WARNING if later else None,
            )
            if not later:
                return
