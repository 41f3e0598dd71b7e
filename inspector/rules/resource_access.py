"""Rules about using the token at the MCP server."""

from collections.abc import Iterator

from inspector.protocol.urls import Grade
from inspector.rules.facts import (
    asked_by_name,
    is_client_id,
    is_web_resource,
    names_this_server,
    resource_story,
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
from inspector.timeline.flow import Use
from inspector.timeline.message import Kind, Message
from inspector.timeline.run import Run


def decoded_uses(run: Run) -> tuple[Use, ...]:
    """The first use of each token that can be decoded."""
    seen = observed(run.first_uses, "N1", "no request with a token in the capture")
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
    observed(run.uses, "N1", "no request with a token in the capture")
    if not run.unauthorized:
        return
    uses = {use.request.id: use for use in run.uses}
    last: Use | None = None
    for message in run.of(Kind.MCP):
        use = uses.get(message.id)
        last = use if use and (use.accepted or use.rejected) else last
        continues = message.request_header("mcp-session-id") is not None or message.rpc_method.startswith("tools/")
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
        if "?" not in message.exchange.url:
            continue
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
        if all(names_this_server(run, a) in FOREIGN for a in resources) and run.expected_resource:
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


FOREIGN = (Grade.SAME_ORIGIN, Grade.SCHEME_ONLY, Grade.OTHER, Grade.DESCENDANT)
"""Grades of an audience that names somebody else."""


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
    decoded_uses(run)
    candidates = [use for use in run.first_protected_uses if use.token]
    reported = set()
    for use in observed(candidates, "N1", "no method that needs authorization succeeded with a decodable token"):
        audiences = (use.token.audiences if use.token else None) or ()
        if not audiences or audiences in reported:
            continue
        if any(names_this_server(run, audience) not in FOREIGN for audience in audiences):
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
        for message in run.without_token:
            open_door = message.at > first.at and "access_token" not in message.query
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
