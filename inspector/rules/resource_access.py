"""Rules about using the token at the MCP server."""

from collections.abc import Iterator

from inspector.protocol import urls
from inspector.protocol.jwt import Signature
from inspector.protocol.urls import Grade
from inspector.rules.facts import (
    asked_by_name,
    is_client_id,
    is_web_resource,
    names_this_server,
    resource_story,
    spelling_story,
)
from inspector.rules.model import (
    Confidence,
    Fault,
    NotObserved,
    Party,
    Phase,
    Place,
    Severity,
    joined,
    observed,
    place,
    present,
)
from inspector.rules.registry import rule
from inspector.timeline.flow import TokenExchange, Use
from inspector.timeline.message import Kind, Message
from inspector.timeline.run import Run

FRESH_SECONDS = 300
_LEEWAY_SECONDS = 60


def decoded_uses(run: Run) -> tuple[Use, ...]:
    """Requests to the MCP server whose token can be decoded."""
    seen = observed(run.uses, "N1", "no request with a token in the capture")
    return tuple(observed([use for use in seen if use.token], "N4", "the access token is opaque"))


@rule(
    "authorization-header-missing",
    title="Client that holds a token omits it on a request",
    phase=Phase.RESOURCE_ACCESS,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="MUST | MUST | MUST | MUST",
)
def authorization_header_missing(run: Run) -> Iterator[Fault | NotObserved]:
    """Every request carries the token, the stream and the goodbye too.

    What it checks: After a request with a token, the same client's requests to the endpoint carry one as well.

    Why it matters: The server answers 401 to a client that is signed in, which looks like a bad token.

    How to fix: Client: attach the header to every request, including the GET stream and DELETE.

    When it is a false alarm: The client dropped the token after a 401 in order to sign in again, or another process
    is at work; only requests that continue a session are counted.

    References: MCP 2025-03-26 Token Requirements ("MUST be included in every HTTP request").
    """
    uses = {use.request.id: use for use in observed(run.uses, "N1", "no request with a token in the capture")}
    last: Use | None = None
    for message in run.of(Kind.MCP):
        use = uses.get(message.id)
        last = use if use and (use.accepted or use.rejected) else last
        continues = message.exchange.request_header("mcp-session-id") is not None or message.rpc_method.startswith(
            "tools/"
        )
        if message.bearer is None and last and last.accepted and continues and message.status == 401:
            yield Fault(
                "The client left its token out of a request.",
                (place(message, "header", "authorization"), place(last.request, "header", "authorization")),
                expected="Authorization: Bearer ...",
                found="no such header",
            )


@rule(
    "token-in-query",
    title="Access token in the URI query string",
    phase=Phase.RESOURCE_ACCESS,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="MUST NOT | MUST NOT | MUST NOT | MUST NOT",
)
def token_in_query(run: Run) -> Iterator[Fault | NotObserved]:
    """URLs end up in logs, histories and referrers.

    What it checks: No request to the MCP server has `access_token` or a known token's value in its query.

    Why it matters: Whoever reads the log holds the token.

    How to fix: Client: send the token in the Authorization header only.

    When it is a false alarm: None known.

    References: MCP 2025-03-26 Token Requirements; OAuth 2.1 section 5.1.
    """
    requests = observed(run.of(Kind.MCP), "N1", "no request to the MCP endpoint")
    tokens = {exchange.access_token for exchange in run.token_exchanges if exchange.access_token}
    for message in requests:
        for name, value in message.query.pairs:
            if (name == "access_token" and value) or value in tokens:
                yield Fault(
                    "The client put the access token into the URL.",
                    (place(message, "query", name),),
                    expected="Authorization: Bearer ...",
                    found=f"{name} in the query",
                )


@rule(
    "wrong-audience-token-sent",
    title="Client sends a token whose aud is another resource",
    phase=Phase.RESOURCE_ACCESS,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="- | MUST NOT | MUST NOT | MUST NOT",
)
def wrong_audience_token_sent(run: Run) -> Iterator[Fault | NotObserved]:
    """A token belongs to one server.

    What it checks: `aud` of the token at the MCP server is the URL of another resource. A client id as audience is
    aud-is-client-id, and not counted here; nor is an audience that the client asked for with `audience`.

    Why it matters: The other server's token is in the hands of this one, which could use it there.

    How to fix: Client: keep tokens per resource, and ask for one with this server's `resource`.

    When it is a false alarm: The same server is reachable under two names.

    References: MCP 2025-06-18 Token Handling.
    """
    present(run.expected_resource, "N3", "the resource to expect is not in the capture")
    reported = set()
    for use in decoded_uses(run):
        audiences = (use.token.audiences if use.token else None) or ()
        resources = [audience for audience in audiences if is_web_resource(audience)]
        if not resources or audiences in reported or len(resources) < len(audiences):
            continue
        if asked_by_name(run, audiences):
            continue
        if all(names_this_server(run, a) in _FOREIGN for a in resources) and run.expected_resource:
            reported.add(audiences)
            party, cause = (Party.CLIENT, None)
            if use.exchange:
                party, cause, _ = resource_story(run, use.exchange)
            yield Fault(
                "The client sent a token that was issued for another resource.",
                (place(use.request, "claim", "aud"),),
                expected=f"aud = {run.expected_resource.value}",
                found=f"aud = {joined(audiences)}",
                party=party,
                cause=cause or ("aud-mismatch" if use.exchange else None),
            )


_FOREIGN = (Grade.SAME_ORIGIN, Grade.SCHEME_ONLY, Grade.OTHER, Grade.DESCENDANT)


@rule(
    "wrong-audience-token-accepted",
    title="Server accepts a token that is not for it",
    phase=Phase.RESOURCE_ACCESS,
    party=Party.MCP_SERVER,
    severity=Severity.ERROR,
    levels="rfc-MUST | MUST | MUST | MUST",
)
def wrong_audience_token_accepted(run: Run) -> Iterator[Fault | NotObserved]:
    """Everything works, and that is the fault.

    What it checks: A token whose audience is another resource, or a client id, got a JSON-RPC result for a method
    that needs authorization. A handshake, a ping or an acknowledgement is not counted.

    Why it matters: Any application of the same authorization server can call this server with its own users' tokens.

    How to fix: MCP server: verify that `aud` contains exactly its resource and answer 401 invalid_token otherwise.
    Allow-listing a client id has the same effect as not checking: every token of the environment is accepted.

    When it is a false alarm: The server verifies in another way, such as introspection. An audience that is an
    identifier of the authorization server's own, or what the client asked for with `audience`, is a warning only.

    References: MCP 2025-06-18 Token Handling and Access Token Privilege Restriction; OAuth 2.1 section 5.2.
    """
    wanted = present(run.expected_resource, "N3", "the resource to expect is not in the capture")
    candidates = [use for use in decoded_uses(run) if use.accepted_protected]
    reported = set()
    for use in observed(candidates, "N1", "no method that needs authorization succeeded with a decodable token"):
        audiences = (use.token.audiences if use.token else None) or ()
        if not audiences or audiences in reported:
            continue
        if any(names_this_server(run, audience) not in _FOREIGN for audience in audiences):
            continue
        reported.add(audiences)
        plain = any(is_web_resource(a) or is_client_id(run, a) for a in audiences) and not asked_by_name(run, audiences)
        yield Fault(
            f"The MCP server answered {use.request.rpc_method} for a token that is not for it.",
            (place(use.request, "claim", "aud"), *_published(run)),
            expected=f"401, because aud is not {wanted.value}",
            found=f"{use.request.status} with aud = {joined(audiences)}",
            severity=None if plain else Severity.WARNING,
            confidence=None if plain and not wanted.assumed else Confidence.LIKELY,
        )


def _published(run: Run) -> tuple[Place, ...]:
    return (place(run.resource_metadata, "json", "resource"),) if run.resource_metadata else ()


@rule(
    "unauthenticated-access-accepted",
    title="Protected method answered without a token",
    phase=Phase.RESOURCE_ACCESS,
    party=Party.MCP_SERVER,
    severity=Severity.ERROR,
    levels="MUST | MUST | MUST | MUST",
)
def unauthenticated_access_accepted(run: Run) -> Iterator[Fault | NotObserved]:
    """A lock that is not always locked.

    What it checks: A method, and for a tool the same tool, that was once answered 401 because there was no token was
    later answered with a result although again no token was sent.

    Why it matters: Everybody can call it.

    How to fix: MCP server: enforce authorization on every request, on every replica.

    When it is a false alarm: The operator switched authorization off in between.

    References: MCP 2025-03-26 Authorization Flow; MCP 2025-06-18 Token Handling.
    """
    refused = [m for m in run.unauthorized if m.rpc_method]
    for first in observed(refused, "N11", "no method was answered 401 for want of a token"):
        for message in run.of(Kind.MCP):
            open_door = message.at > first.at and message.bearer is None and "access_token" not in message.query
            answered = any(answer.result is not None for answer in message.rpc_received)
            if open_door and _called(message) == _called(first) and answered and message.status == 200:
                yield Fault(
                    f"{message.rpc_method} was answered without a token after it had been refused without one.",
                    (place(message, "status"), place(first, "status")),
                    expected="401",
                    found=str(message.status),
                )
                return


def _called(message: Message) -> tuple[str, object]:
    """The method and, for a tool, a prompt or a resource, which one."""
    sent = next((sent for sent in message.rpc_sent if sent.method), None)
    return message.rpc_method, (sent.params.get("name") or sent.params.get("uri")) if sent else None


@rule(
    "fresh-token-rejected",
    title="Token minted seconds ago is rejected",
    phase=Phase.RESOURCE_ACCESS,
    party=Party.CONFIGURATION,
    severity=Severity.ERROR,
    levels="diag | diag | diag | diag",
)
def fresh_token_rejected(run: Run) -> Iterator[Fault | NotObserved]:
    """The symptom that brings people here: signed in, and still 401.

    What it checks: A token was refused with 401 within five minutes of being issued; every claim that differs from
    what the metadata promises is named. Where all of them are right, the server is at fault; where the protected
    resource metadata was not captured, that is not known.

    Why it matters: The client only reports "401 Unauthorized".

    How to fix: See the finding named as the cause. Where there is none: MCP server, check key set URL, algorithm,
    clock and configured audience.

    When it is a false alarm: Several replicas with different configuration and propagation delays; where the same token
    was accepted afterwards, this is only a warning. A 401 that asks for a DPoP nonce is not a refusal.

    References: RFC 6750 section 3.1; MCP 2025-06-18 Token Handling.
    """
    fresh = [use for use in run.uses if use.exchange and use.request.at - use.exchange.request.at <= FRESH_SECONDS]
    observed(fresh, "N1", "no use of a token whose issuing was captured")
    reported = set()
    for use in fresh:
        if not use.rejected or use.exchange is None or use.exchange.request.id in reported or _asks_for_nonce(use):
            continue
        reported.add(use.exchange.request.id)
        later = [other for other in fresh if other.exchange is use.exchange and other.request.at > use.request.at]
        severity = Severity.WARNING if any(other.accepted for other in later) else None
        if use.token is None:
            yield Fault(
                "The MCP server refused a token that was just issued; it is opaque, so the capture cannot say why.",
                (place(use.request, "status"), place(use.exchange.request, "json", "access_token")),
                expected="2xx",
                found="401",
                severity=severity,
                confidence=Confidence.LIKELY,
                party=Party.UNKNOWN,
            )
            continue
        wrong, cause, party = _first_wrong_claim(run, use)
        known = run.expected_resource is not None and not run.expected_resource.assumed
        yield Fault(
            f"The MCP server refused a token that was just issued: {wrong or 'every claim in it is as promised'}.",
            (place(use.request, "status"), place(use.exchange.request, "claim", "aud")),
            expected="2xx",
            found="401",
            severity=severity,
            confidence=None if known and (wrong or use.signature is Signature.VALID) else Confidence.LIKELY,
            party=party,
            cause=cause,
        )


def _asks_for_nonce(use: Use) -> bool:
    """Whether the server only wants the proof again with its nonce (RFC 9449 section 9)."""
    return any(challenge.get("error") == "use_dpop_nonce" for challenge in use.request.challenges)


def _first_wrong_claim(run: Run, use: Use) -> tuple[str, str | None, Party]:
    """What is wrong with the token, the rule that says so, and the party behind it."""
    token, exchange = use.token, use.exchange
    if token is None or exchange is None:
        return "", None, Party.UNKNOWN
    if use.signature in (Signature.INVALID, Signature.NONE):
        return "its signature does not verify", None, Party.AUTHORIZATION_SERVER
    wanted, audiences = run.expected_resource, token.audiences or ()
    if wanted and wanted.value not in audiences:
        return _wrong_audience(run, exchange, wanted.value, audiences)
    issued_by = token.text("iss")
    if issued_by not in (None, run.issuer):
        party = Party.CONFIGURATION if run.server_metadata else Party.UNKNOWN
        return f"iss is {issued_by}", "token-iss-mismatch" if run.server_metadata else None, party
    expires, not_before = token.number("exp"), token.number("nbf")
    if expires is not None and expires + _LEEWAY_SECONDS < use.request.at:
        return "it has expired", None, Party.CLIENT
    if not_before is not None and not_before - _LEEWAY_SECONDS > use.request.at:
        return "it is not valid yet", None, Party.AUTHORIZATION_SERVER
    if not _resource_is_known(run):
        return "the metadata that says whom it must be for was not captured", None, Party.UNKNOWN
    return "", None, Party.MCP_SERVER


def _resource_is_known(run: Run) -> bool:
    """Whether the capture has the protected resource metadata, or shows that there is none."""
    asked = run.of(Kind.RESOURCE_METADATA)
    return run.resource_metadata is not None or (bool(asked) and all((m.status or 0) >= 400 for m in asked))


def _wrong_audience(
    run: Run, exchange: TokenExchange, wanted: str, audiences: tuple[str, ...]
) -> tuple[str, str | None, Party]:
    if not audiences:
        return "it has no audience", "aud-missing", Party.AUTHORIZATION_SERVER
    what = f"aud is {joined(audiences)}"
    grades = {audience: urls.compare(wanted, audience).grade for audience in audiences}
    close = [a for a, grade in grades.items() if grade in (Grade.NORMALIZED, Grade.LOOPBACK_ALIAS)]
    if close:
        return what, "aud-canonicalization", spelling_story(run, exchange, close[0])[0]
    party, _, _ = resource_story(run, exchange)
    if any(names_this_server(run, audience) not in _FOREIGN for audience in audiences):
        return what, None, party  # a parent of the resource: allowed, and not what a strict server expects
    return what, "aud-is-client-id" if any(is_client_id(run, a) for a in audiences) else "aud-mismatch", party
