"""Rules about which token is sent where, and which one a server takes."""

from collections.abc import Iterator

from inspector.protocol import urls
from inspector.protocol.urls import Grade
from inspector.rules.facts import published
from inspector.rules.model import Confidence, Fault, NotObserved, Party, Phase, Severity, joined, observed, place
from inspector.rules.registry import rule
from inspector.rules.resource_access import decoded_uses
from inspector.timeline.message import Kind
from inspector.timeline.run import Run

_LEEWAY_SECONDS = 300
_IN_FLIGHT_SECONDS = 5


@rule(
    "id-token-as-access-token",
    title="Client sends the ID token as bearer token",
    phase=Phase.TOKEN,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="rfc-MUST NOT | MUST NOT | MUST NOT | MUST NOT",
)
def id_token_as_access_token(run: Run) -> Iterator[Fault | NotObserved]:
    """An ID token tells the client who the user is, and nobody else.

    What it checks: No token at the MCP server is the id_token of a captured token response.

    Why it matters: Its audience is the client, so the MCP server must refuse it.

    How to fix: Client: send access_token.

    When it is a false alarm: None known.

    References: OpenID Connect Core section 2; MCP 2025-06-18 Token Handling.
    """
    answers = [t.answer for t in run.token_exchanges if t.answer]
    observed(answers, "N1", "no token response in the capture")
    id_tokens = {answer.text("id_token") for answer in answers} - {None}
    access_tokens = {answer.text("access_token") for answer in answers}
    for use in observed(run.first_uses, "N1", "no request with a token in the capture"):
        if use.request.bearer in id_tokens - access_tokens:
            yield Fault(
                "The client sent the ID token where the access token belongs.",
                (place(use.request, "header", "authorization"),),
                expected="access_token of the token response",
                found="id_token of the token response",
            )
            return


@rule(
    "expired-token-accepted",
    title="Server accepts an expired token",
    phase=Phase.RESOURCE_ACCESS,
    party=Party.MCP_SERVER,
    severity=Severity.ERROR,
    levels="MUST | MUST | MUST | MUST",
)
def expired_token_accepted(run: Run) -> Iterator[Fault | NotObserved]:
    """A token that has ended must end.

    What it checks: No method that needs authorization succeeds with a token whose `exp` is more than five minutes in
    the past.

    Why it matters: A stolen token works for ever.

    How to fix: MCP server: verify `exp`.

    When it is a false alarm: A stream that was opened before the token ended; the clocks differ by minutes.

    References: MCP 2025-03-26 Token Handling; RFC 7519 section 4.1.4.
    """
    decoded_uses(run)
    accepted = [use for use in run.first_protected_uses if use.token]
    observed(accepted, "N1", "no method that needs authorization succeeded with a decodable token")
    for use in run.late_uses:
        if not use.accepted_protected:
            continue
        expires = use.token.number("exp") if use.token else None
        if expires is not None and expires + _LEEWAY_SECONDS < use.request.at:
            late = round((use.request.at - expires) / 60)
            yield Fault(
                f"The MCP server answered {use.request.rpc_method} for a token that ended {late} minutes before.",
                (place(use.request, "claim", "exp"), place(use.request, "status")),
                expected="401 invalid_token",
                found=str(use.request.status),
            )
            return


@rule(
    "foreign-issuer-token-sent",
    title="Client sends a token not issued by the server's AS",
    phase=Phase.RESOURCE_ACCESS,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="- | MUST NOT | MUST NOT | MUST NOT",
)
def foreign_issuer_token_sent(run: Run) -> Iterator[Fault | NotObserved]:
    """A token of somebody else's authorization server.

    What it checks: `iss` of the token at the MCP server is one of `authorization_servers`. A token that this flow's
    own authorization server issued under another name is token-iss-mismatch.

    Why it matters: The server must refuse it, and it has seen a token that is not for it.

    How to fix: Client: get a token from the authorization server the MCP server names.

    When it is a false alarm: The user configured a token by hand. An issuer on the same origin can be the same
    authorization server under another name; who is at fault is then not known. A server that accepts the token trusts
    its issuer, and one that signs clients in itself passes on the tokens of the issuer behind it.

    References: MCP 2025-06-18 Token Handling ("MUST NOT send tokens other than ...").
    """
    message = published(run)
    servers = (message.document.texts("authorization_servers") if message.document else None) or ()
    observed(servers, "N3", "the metadata names no authorization server")
    if any(urls.same_origin(server, run.server_url) for server in servers):
        raise NotObserved("N8", "the MCP server signs clients in itself, and which issuer is behind it is not known")
    for use in decoded_uses(run):
        issuer = use.token.text("iss") if use.token else None
        foreign = issuer and all(
            urls.compare(server, issuer).grade not in (Grade.EXACT, Grade.NORMALIZED) for server in servers
        )
        if foreign and use.exchange is None:
            trusted = any(u.accepted_protected for u in run.uses if u.request.bearer == use.request.bearer)
            yield Fault(
                "The client sent a token of another authorization server.",
                (place(use.request, "claim", "iss"), place(message, "json", "authorization_servers")),
                expected=joined(servers),
                found=issuer or "",
                severity=Severity.INFO if trusted else None,
                # Where it was issued was not seen: the server's own one may write another name into its tokens.
                confidence=Confidence.LIKELY,
                party=Party.UNKNOWN if any(urls.same_origin(server, issuer or "") for server in servers) else None,
            )
            return


@rule(
    "stale-token-sent",
    title="Client sends an older access token after it received a newer one",
    phase=Phase.RESOURCE_ACCESS,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="diag | diag | diag | diag",
    confidence=Confidence.LIKELY,
)
def stale_token_sent(run: Run) -> Iterator[Fault | NotObserved]:
    """The new token was fetched and not used.

    What it checks: After a refresh or a new sign-in, requests to the MCP server carry the newest token. What was in
    flight within five seconds is not counted; without a refusal it is a note.

    Why it matters: The old token is refused, and the client looks as if signing in did not help.

    How to fix: Client: replace the stored token after each token response.

    When it is a false alarm: Two windows of one client with a session each.

    References: OAuth 2.1 section 4.3.
    """
    issued = [t for t in run.token_exchanges if t.access_token]
    if len(issued) < 2:
        raise NotObserved("N11", "no second token in the capture")
    second_at = min(t.request.at for t in issued[1:]) + _IN_FLIGHT_SECONDS
    for use in run.uses:
        if use.request.at <= second_at or use.request.bearer == issued[-1].access_token:
            continue
        newer = [t for t in issued if t.request.at + _IN_FLIGHT_SECONDS < use.request.at]
        own = next((t for t in issued if t.access_token == use.request.bearer), None)
        if newer and own and newer[-1].access_token != use.request.bearer and own.request.at < newer[-1].request.at:
            yield Fault(
                "The client sent a token that it had replaced.",
                (place(use.request, "header", "authorization"), place(newer[-1].request, "json", "access_token")),
                expected="the newest access token",
                found="an older one",
                severity=None if use.rejected else Severity.INFO,
            )
            return


@rule(
    "token-sent-to-multiple-servers",
    title="Same access token seen at two resource origins",
    phase=Phase.RESOURCE_ACCESS,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="- | MUST NOT | MUST NOT | MUST NOT",
)
def token_sent_to_multiple_servers(run: Run) -> Iterator[Fault | NotObserved]:
    """A token is for one server.

    What it checks: A token of this run is not sent to MCP endpoints of two origins. Calls to the authorization server
    itself are not counted, nor names of one machine's loopback interface.

    Why it matters: Either server can use the token at the other.

    How to fix: Client: keep one token per MCP server.

    When it is a false alarm: One server under two names, or an audience that names both.

    References: MCP 2025-06-18 Token Handling; RFC 9700 section 2.3.
    """
    sent: dict[str, dict[str, int]] = {}
    bearing = [m for m in run.of(Kind.MCP) if m.bearer]
    observed(bearing, "N1", "no request with a token in the capture")
    if len({message.url for message in bearing}) == 1:
        return
    for message in bearing:
        sent.setdefault(message.bearer or "", {}).setdefault(urls.origin(message.url), message.id)
    by_id = {message.id: message for message in bearing}
    for places in sent.values():
        origins = list(places)
        if len(origins) > 1 and urls.compare(origins[0], origins[1]).grade is not Grade.LOOPBACK_ALIAS:
            yield Fault(
                "The client sent one access token to two servers.",
                tuple(place(by_id[number], "header", "authorization") for number in places.values()),
                expected="one token per server",
                found=joined(origins),
            )


@rule(
    "token-passthrough",
    title="MCP server forwards the client's token upstream",
    phase=Phase.RESOURCE_ACCESS,
    party=Party.MCP_SERVER,
    severity=Severity.ERROR,
    levels="- | MUST NOT | MUST NOT | MUST NOT",
    confidence=Confidence.LIKELY,
)
def token_passthrough(run: Run) -> Iterator[Fault | NotObserved]:
    """The server acts with a token that was given to it, not for it.

    What it checks: A token sent to the MCP server does not appear in a request to a third origin while that request
    to the MCP server is open. Introspection, userinfo, revocation and key requests are not counted.

    Why it matters: The upstream takes the call for the user's own.

    How to fix: MCP server: exchange the token (RFC 8693), or use credentials of its own.

    When it is a false alarm: The client itself called the third origin at that moment.

    References: MCP 2025-06-18 Access Token Privilege Restriction.
    """
    outgoing = [m for m in run.of(Kind.OTHER, Kind.INTERACTION) if m.bearer]
    observed(outgoing, "N8", "what the MCP server itself sends was not captured")
    open_calls = [(u.request, u.request.exchange.response_end or run.last_at) for u in run.uses]
    for message in outgoing:
        for call, end in open_calls:
            same = call.bearer == message.bearer and call.at < message.at < end
            if same and not urls.same_origin(call.url, message.url):
                yield Fault(
                    "The client's token went to a third origin while the MCP server worked on a call.",
                    (place(message, "header", "authorization"), place(call, "header", "authorization")),
                    expected="a token of the server's own",
                    found=urls.origin(message.url),
                )
                return
