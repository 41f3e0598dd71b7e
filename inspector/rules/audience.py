"""Rules about whom the access token is for and who issued it."""

from collections.abc import Iterator

from inspector.protocol import urls
from inspector.protocol.urls import Grade
from inspector.rules.facts import (
    NAMED,
    accepted_by_server,
    asked_by_name,
    authorization_behind,
    decoded_exchanges,
    is_client_id,
    is_web_resource,
    names_this_server,
    resource_story,
    spelling_story,
    stated_issuer,
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
    place,
    present,
)
from inspector.rules.registry import rule
from inspector.timeline.flow import TokenExchange
from inspector.timeline.message import Message
from inspector.timeline.run import Run


def _audience_places(run: Run, exchange: TokenExchange) -> tuple[Place, ...]:
    metadata = (place(run.resource_metadata, "json", "resource"),) if run.resource_metadata else ()
    return (place(exchange.request, "claim", "aud"), *metadata)


@rule(
    "aud-is-client-id",
    title="Access token aud is a client id (AS default audience)",
    phase=Phase.TOKEN,
    party=Party.CONFIGURATION,
    severity=Severity.ERROR,
    levels="- | rfc-SHOULD | rfc-SHOULD | rfc-SHOULD",
)
def aud_is_client_id(run: Run) -> Iterator[Fault | NotObserved]:
    """The fingerprint of a token that was minted without a resource.

    What it checks: `aud` of the access token is the flow's client id or has the form of a WorkOS client id, and does
    not name this server.

    Why it matters: A server that checks the audience answers 401, and the wire shows nothing else.

    How to fix: Client: send `resource` on authorize and token. Operator: add the MCP URL as a resource indicator, or
    set it as the default one. Server: do not allow-list the client id, it would accept tokens of every application.

    When it is a false alarm: An ID token has the client id as its audience; this looks at access tokens only.

    References: RFC 8707 section 2.1; MCP 2025-06-18 Token Audience Binding and Validation.
    """
    for exchange in decoded_exchanges(run):
        audiences = (exchange.token.audiences if exchange.token else None) or ()
        if any(names_this_server(run, audience) in NAMED for audience in audiences):
            continue
        client_ids = [audience for audience in audiences if is_client_id(run, audience)]
        if client_ids and run.expected_resource:
            party, cause, reason = resource_story(run, exchange)
            yield Fault(
                f"The access token is for a client id and not for this MCP server: {reason}.",
                _audience_places(run, exchange),
                expected=f"aud = {run.expected_resource.value}",
                found=f"aud = {joined(audiences)}",
                party=party,
                cause=cause,
            )


@rule(
    "aud-mismatch",
    title="Access token aud does not contain the requested resource",
    phase=Phase.TOKEN,
    party=Party.CONFIGURATION,
    severity=Severity.ERROR,
    levels="- | rfc-SHOULD | rfc-SHOULD | rfc-SHOULD",
)
def aud_mismatch(run: Run) -> Iterator[Fault | NotObserved]:
    """A token for another resource.

    What it checks: `aud` names neither the published resource nor the MCP endpoint, nor a parent of them, and is not
    a client id.

    Why it matters: The MCP server must refuse the token.

    How to fix: Client: send the published `resource`. Operator: register it at the authorization server; Auth0 wants
    `audience`, Entra an application id URI.

    When it is a false alarm: Some authorization servers map resources to identifiers of their own. Where the server
    accepts a token whose audience is not a web address, or is what the client asked for with `audience`, this is only
    a note.

    References: RFC 8707 section 2.2; RFC 9068 section 3; MCP 2025-06-18 Token Audience Binding and Validation.
    """
    for exchange in decoded_exchanges(run):
        audiences = exchange.token.audiences if exchange.token else None
        wanted = present(run.expected_resource, "N3", "the resource to expect is not in the capture")
        if not audiences or any(names_this_server(run, a) in NAMED or is_client_id(run, a) for a in audiences):
            continue
        mapped = asked_by_name(run, audiences) or not any(is_web_resource(audience) for audience in audiences)
        party, cause, reason = resource_story(run, exchange)
        fine = mapped and accepted_by_server(run, exchange)
        yield Fault(
            "The audience is an identifier that cannot be derived from the resource; the server accepts it."
            if fine
            else f"The access token is for another resource: {reason}.",
            _audience_places(run, exchange),
            expected=f"aud = {wanted.value}",
            found=f"aud = {joined(audiences)}",
            severity=Severity.INFO if fine else None,
            confidence=Confidence.LIKELY if mapped else None,
            party=party,
            cause=None if fine else cause,
        )


@rule(
    "aud-canonicalization",
    title="aud equals the resource only after URL normalisation",
    phase=Phase.TOKEN,
    party=Party.CONFIGURATION,
    severity=Severity.WARNING,
    levels="- | rfc-SHOULD | rfc-SHOULD | rfc-SHOULD",
)
def aud_canonicalization(run: Run) -> Iterator[Fault | NotObserved]:
    """Audiences are compared as strings.

    What it checks: `aud` equals the published resource except for a trailing slash, letter case, default port,
    percent-encoding, or localhost against 127.0.0.1.

    Why it matters: jose, PyJWT and FastMCP compare byte for byte and refuse; the Python SDK ignores one slash.

    How to fix: Everybody: one byte-identical string in the metadata, the resource indicator and the audience check.
    Client, where the audience is the resource it asked for: send the published string.

    When it is a false alarm: The server accepts the token; then it is a note about other servers.

    References: RFC 7519 section 4.1.3; MCP 2025-06-18 Canonical Server URI.
    """
    for exchange in decoded_exchanges(run):
        audiences = (exchange.token.audiences if exchange.token else None) or ()
        wanted = present(run.expected_resource, "N3", "the resource to expect is not in the capture")
        if wanted.value in audiences:
            continue
        for audience in audiences:
            comparison = urls.compare(wanted.value, audience)
            if comparison.grade in (Grade.NORMALIZED, Grade.LOOPBACK_ALIAS):
                rejected = any(use.rejected for use in run.uses if use.exchange is exchange)
                party, cause = spelling_story(run, exchange, audience)
                yield Fault(
                    f"The audience differs from the resource in: {joined(comparison.steps)}.",
                    _audience_places(run, exchange),
                    expected=f"aud = {wanted.value}",
                    found=f"aud = {audience}",
                    severity=Severity.ERROR if rejected else None,
                    party=party,
                    cause=cause,
                )


@rule(
    "aud-missing",
    title="JWT access token without aud",
    phase=Phase.TOKEN,
    party=Party.AUTHORIZATION_SERVER,
    severity=Severity.WARNING,
    levels="- | rfc-MUST | rfc-MUST | rfc-MUST",
)
def aud_missing(run: Run) -> Iterator[Fault | NotObserved]:
    """A token that does not say whom it is for.

    What it checks: A JWT access token has `aud` with at least one value.

    Why it matters: The MCP server cannot tell that the token was meant for it, and strict ones refuse.

    How to fix: Client, where it sent no `resource`: send it. Authorization server: put the resource into `aud`; Hydra
    needs `audience` to be requested and allowed.

    When it is a false alarm: The server verifies in another way, such as introspection.

    References: RFC 9068 section 2.2; MCP 2025-06-18 Token Handling ("or otherwise verify").
    """
    for exchange in decoded_exchanges(run):
        if not (exchange.token and exchange.token.audiences):
            rejected = any(use.rejected for use in run.uses if use.exchange is exchange)
            party, cause, _ = resource_story(run, exchange)
            left_out = cause is not None and not exchange.resources
            yield Fault(
                "The access token has no audience.",
                (place(exchange.request, "claim", "aud"),),
                expected=f"aud = {run.expected_resource.value}" if run.expected_resource else "aud",
                found="none",
                severity=Severity.ERROR if rejected else None,
                party=party if left_out else None if authorization_behind(run, exchange) else Party.UNKNOWN,
                confidence=Confidence.LIKELY if left_out else None,
                cause=cause if left_out else None,
            )


@rule(
    "token-iss-mismatch",
    title="JWT iss is not the issuer that PRM/metadata names",
    phase=Phase.TOKEN,
    party=Party.CONFIGURATION,
    severity=Severity.ERROR,
    levels="rfc-SHOULD | rfc-SHOULD | rfc-SHOULD | rfc-SHOULD",
)
def token_iss_mismatch(run: Run) -> Iterator[Fault | NotObserved]:
    """The token must come from the authorization server the MCP server trusts.

    What it checks: `iss` of the access token is the issuer of the metadata. Only a slash more or less is a warning,
    and a token that the MCP server accepts all the same is a note.

    Why it matters: The MCP server verifies with the keys and the name of its issuer, and refuses others.

    How to fix: Operator: align the issuer in metadata and tokens; with AuthKit, use Connect tokens and not session
    tokens (whose issuer is api.workos.com), and one of custom domain and authkit.app host throughout.

    When it is a false alarm: A server that signs clients in itself, with another authorization server behind it,
    passes on that one's tokens: which issuer it trusts is not on the wire, and nothing is said. Entra ID states another
    issuer in tokens of version 1 than in its metadata.

    References: RFC 9068 section 4.
    """
    for exchange in decoded_exchanges(run):
        metadata, issuer = stated_issuer(run, authorization_behind(run, exchange), exchange)
        found = exchange.token.text("iss") if exchange.token else None
        if found is None or found == issuer:
            continue
        if urls.same_origin(issuer, run.server_url) and not urls.same_origin(found, run.server_url):
            yield NotObserved("N8", "the MCP server signs clients in itself, in front of the issuer of the token")
            continue
        if accepted_by_server(run, exchange):
            yield _other_issuer_accepted(exchange, metadata, issuer, found)
            continue
        close = urls.compare(issuer, found).grade is Grade.NORMALIZED
        rejected = any(use.rejected for use in run.uses if use.exchange is exchange)
        yield Fault(
            "The access token names another issuer than the metadata.",
            (place(exchange.request, "claim", "iss"), place(metadata, "json", "issuer")),
            expected=f"iss = {issuer}",
            found=f"iss = {found}",
            severity=Severity.WARNING if close and not rejected else None,
        )


def _other_issuer_accepted(exchange: TokenExchange, metadata: Message, issuer: str, found: str) -> Fault:
    return Fault(
        "The access token names another issuer than the metadata; the MCP server accepts it.",
        (place(exchange.request, "claim", "iss"), place(metadata, "json", "issuer")),
        expected=f"iss = {issuer}",
        found=f"iss = {found}",
        severity=Severity.INFO,
    )
