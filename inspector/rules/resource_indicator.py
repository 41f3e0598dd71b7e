"""Rules about `resource`, the resource indicator of RFC 8707, on every leg."""

from collections.abc import Iterator

from inspector.protocol import urls
from inspector.protocol.urls import Grade
from inspector.rules.facts import (
    authorization_behind,
    differing_rule,
    knows_no_resource,
    open_authorizations,
    readable_exchanges,
    requires_resource,
    resource_legs,
    where,
)
from inspector.rules.model import (
    Fault,
    NotObserved,
    Party,
    Phase,
    Severity,
    joined,
    observed,
    place,
    present,
)
from inspector.rules.registry import rule
from inspector.rules.translated import hidden, translated
from inspector.timeline.message import Message
from inspector.timeline.run import Run


def _is_a_note(run: Run) -> bool:
    """Whether the client follows a revision without `resource`: it is a note then, and only after a refusal."""
    if not knows_no_resource(run):
        return False
    errors = {t.error for t in run.token_exchanges}
    errors |= {a.response[1].get("error") for a in run.authorizations if a.response}
    if not any(use.rejected for use in run.uses) and "invalid_target" not in errors:
        raise NotObserved("N6", "the client follows a revision that has no resource")
    return True


@rule(
    "resource-missing-authorize",
    title="Authorization request without resource",
    phase=Phase.AUTHORIZE,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="diag | MUST | MUST | MUST",
)
def resource_missing_authorize(run: Run) -> Iterator[Fault | NotObserved]:
    """The client must say which server the token is for.

    What it checks: Every authorization request carries `resource`, once the server has shown protected resource
    metadata.

    Why it matters: Without it the authorization server mints a token for its default audience. AuthKit then puts the
    environment's client id into `aud`, and a server that checks the audience answers 401.

    How to fix: Client: send `resource` with the exact value of `resource` in the protected resource metadata.
    Operator: until the client is fixed, set a default resource indicator in AuthKit.

    When it is a false alarm: The parameters are in a pushed request. A server of 2025-03-26 has no resource to name.
    A client of that revision does not know the parameter: it is then a note, where a token was refused.

    References: MCP 2025-06-18 Resource Parameter Implementation; RFC 8707 section 2.1.
    """
    requests = open_authorizations(run)
    requires_resource(run)
    wanted = run.expected_resource
    is_note = _is_a_note(run)
    for authorization in requests:
        if not authorization.resources:
            yield Fault(
                "The authorization request does not say which resource the token is for.",
                (place(authorization.request, where(authorization.request), "resource"),),
                expected=f"resource={wanted.value}" if wanted else "resource",
                found="not sent",
                severity=Severity.INFO if is_note else None,
                party=Party.CONFIGURATION if is_note else None,
            )


@rule(
    "resource-missing-token",
    title="Token request without resource",
    phase=Phase.TOKEN,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="diag | MUST | MUST | MUST",
)
def resource_missing_token(run: Run) -> Iterator[Fault | NotObserved]:
    """The resource must be named on both legs.

    What it checks: A token request that redeems a code, or uses client credentials, carries `resource`.

    Why it matters: Most authorization servers keep what was authorized, some take only what the token request says.

    How to fix: Client: repeat the `resource` of the authorization request on the token request.

    When it is a false alarm: The server shows no protected resource metadata, so there is nothing to name. A client
    of 2025-03-26 does not know the parameter: it is then a note, where a token was refused.

    References: MCP 2025-06-18 Resource Parameter Implementation; RFC 8707 section 2.2.
    """
    exchanges = readable_exchanges(run, "authorization_code", "client_credentials")
    requires_resource(run)
    wanted = run.expected_resource
    is_note = _is_a_note(run)
    for exchange in exchanges:
        if not exchange.resources:
            yield Fault(
                "The token request does not say which resource the token is for.",
                (place(exchange.request, "form", "resource"),),
                expected=f"resource={wanted.value}" if wanted else "resource",
                found="not sent",
                severity=Severity.INFO if is_note else None,
                party=Party.CONFIGURATION if is_note else None,
            )


@rule(
    "resource-invalid-uri",
    title="resource is not an absolute URI or has a fragment",
    phase=Phase.AUTHORIZE,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="- | rfc-MUST | rfc-MUST | rfc-MUST",
)
def resource_invalid_uri(run: Run) -> Iterator[Fault | NotObserved]:
    """A resource indicator is an absolute URI.

    What it checks: Every `resource` sent has a scheme and no fragment. A query part is a note.

    Why it matters: Authorization servers answer invalid_target, or ignore the value.

    How to fix: Client: send `resource` of the protected resource metadata unchanged. MCP server, where that value
    itself is the bad one: publish an absolute URL without fragment.

    When it is a false alarm: None known.

    References: RFC 8707 section 2; MCP 2025-06-18 Canonical Server URI.
    """
    for message, values in resource_legs(run):
        for value in values:
            broken = not urls.is_absolute(value) or urls.has_fragment(value)
            if broken or "?" in value:
                yield Fault(
                    "The resource sent is not an absolute URI without fragment."
                    if broken
                    else "The resource sent has a query part.",
                    (place(message, where(message), "resource"),),
                    expected="an absolute URI without fragment and query",
                    found=value or "an empty value",
                    severity=None if broken else Severity.INFO,
                    party=Party.MCP_SERVER if value == run.published_resource else None,
                )


def _differing(run: Run, rule_id: str) -> Iterator[tuple[Message, str, urls.Comparison, str]]:
    """Every resource sent that differs from the published one in the way this rule is about, with its grade."""
    legs = resource_legs(run)
    wanted = present(run.published_resource, "N3", "no protected resource metadata in the capture")
    for message, values in legs:
        for value in values:
            if differing_rule(run, value) == rule_id:
                yield message, value, urls.compare(wanted, value), wanted


@rule(
    "resource-not-this-server",
    title="resource identifies another server",
    phase=Phase.AUTHORIZE,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="- | MUST | MUST | MUST",
)
def resource_not_this_server(run: Run) -> Iterator[Fault | NotObserved]:
    """A token for somebody else is useless here and dangerous there.

    What it checks: `resource` has another origin than both the published resource and the MCP endpoint.

    Why it matters: The token is minted for another server, which could be handed a token it should never see.

    How to fix: Client: send `resource` of the protected resource metadata.

    When it is a false alarm: A reverse proxy in the capture changes the URLs.

    References: MCP 2025-06-18 Resource Parameter Implementation.
    """
    for message, value, _, wanted in _differing(run, "resource-not-this-server"):
        yield Fault(
            "The resource sent is another server's.",
            (place(message, where(message), "resource"),),
            expected=wanted,
            found=value,
        )


@rule(
    "resource-mismatch-prm",
    title="resource differs from the PRM resource value",
    phase=Phase.AUTHORIZE,
    party=Party.CLIENT,
    severity=Severity.WARNING,
    levels="- | MUST | MUST | MUST",
)
def resource_mismatch_prm(run: Run) -> Iterator[Fault | NotObserved]:
    """The value to send is the published one.

    What it checks: `resource` names the published resource's server but not the same resource: another path, a parent
    below the origin, a child, localhost for 127.0.0.1, http for https.

    Why it matters: An authorization server that compares byte for byte answers invalid_target or falls back to its
    default audience.

    How to fix: Client: send `resource` of the protected resource metadata verbatim.

    When it is a false alarm: The user configured another resource by hand.

    References: MCP 2025-06-18 Canonical Server URI ("aligns with the resource parameter in RFC 9728").
    """
    for message, value, comparison, wanted in _differing(run, "resource-mismatch-prm"):
        if hidden(message, wanted, value):
            yield translated()
            continue
        close = comparison.grade in (Grade.ANCESTOR, Grade.DESCENDANT)
        yield Fault(
            f"The resource sent is not the published one ({comparison.grade}).",
            (place(message, where(message), "resource"),),
            expected=wanted,
            found=value,
            severity=Severity.WARNING if close else Severity.ERROR,
            cause="resource-invalid-uri" if not urls.is_absolute(value) or urls.has_fragment(value) else None,
        )


@rule(
    "resource-less-specific",
    title="resource is the origin although PRM names a path",
    phase=Phase.AUTHORIZE,
    party=Party.CLIENT,
    severity=Severity.WARNING,
    levels="- | SHOULD | SHOULD | SHOULD",
)
def resource_less_specific(run: Run) -> Iterator[Fault | NotObserved]:
    """The most specific URI protects best.

    What it checks: `resource` is only the origin while the published resource has a path.

    Why it matters: The token is good for everything on that origin, and byte-exact comparers refuse it.

    How to fix: Client: send `resource` of the protected resource metadata verbatim.

    When it is a false alarm: The server accepts its origin as audience on purpose.

    References: MCP 2025-06-18 Canonical Server URI.
    """
    for message, value, _, wanted in _differing(run, "resource-less-specific"):
        yield Fault(
            "The resource sent is only the origin of the published one.",
            (place(message, where(message), "resource"),),
            expected=wanted,
            found=value,
        )


@rule(
    "resource-trailing-slash",
    title="resource differs from PRM resource only by a trailing slash, case or default port",
    phase=Phase.AUTHORIZE,
    party=Party.CLIENT,
    severity=Severity.WARNING,
    levels="- | SHOULD | SHOULD | SHOULD",
)
def resource_trailing_slash(run: Run) -> Iterator[Fault | NotObserved]:
    """Equal for people, different for a byte comparison.

    What it checks: `resource` becomes the published value only after URL normalisation.

    Why it matters: AuthKit and Keycloak compare byte for byte: invalid_target, or the default audience.

    How to fix: Client: do not pass the value through a URL class that adds a slash; send the published string.

    When it is a false alarm: The authorization server normalises.

    References: MCP 2025-06-18 Canonical Server URI; RFC 3986 section 6.2.
    """
    for message, value, comparison, wanted in _differing(run, "resource-trailing-slash"):
        if hidden(message, wanted, value):
            yield translated()
            continue
        yield Fault(
            f"The resource sent differs from the published one in: {joined(comparison.steps)}.",
            (place(message, where(message), "resource"),),
            expected=wanted,
            found=value,
        )


@rule(
    "resource-repeated",
    title="More than one resource parameter",
    phase=Phase.AUTHORIZE,
    party=Party.CLIENT,
    severity=Severity.INFO,
    levels="- | diag | diag | diag",
)
def resource_repeated(run: Run) -> Iterator[Fault | NotObserved]:
    """Allowed by the RFC, unexpected by most servers.

    What it checks: No request carries `resource` more than once. It is a note, and an error where the authorization
    server refused the request.

    Why it matters: Many authorization servers read a list where they expect one value, and answer invalid_request or
    invalid_target.

    How to fix: Client: send exactly one `resource`. The usual reason is an authorization_endpoint that has one already.

    When it is a false alarm: The client wants a token for several resources, which RFC 8707 allows.

    References: RFC 8707 section 2; OAuth 2.1 section 3.1; MCP 2025-06-18 Resource Parameter Implementation.
    """
    refused = {exchange.request.id for exchange in run.token_exchanges if exchange.error}
    refused |= {a.request.id for a in run.authorizations if a.response and "error" in a.response[1]}
    for message, values in resource_legs(run):
        if len(values) > 1:
            yield Fault(
                f"The request carries resource {len(values)} times.",
                (place(message, where(message), "resource"),),
                expected="one resource",
                found=joined(values),
                severity=Severity.ERROR if message.id in refused else None,
            )


@rule(
    "resource-inconsistent",
    title="resource changes between authorize, token and refresh",
    phase=Phase.AUTHORIZE,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="- | rfc-MUST | rfc-MUST | rfc-MUST",
)
def resource_inconsistent(run: Run) -> Iterator[Fault | NotObserved]:
    """A token request may only name resources that were authorized.

    What it checks: Each resource of a token request or refresh was also in the authorization request it goes back to.

    Why it matters: The authorization server answers invalid_target, or mints a token nobody consented to.

    How to fix: Client: keep one value and send it on every leg.

    When it is a false alarm: Several resources were authorized and one of them is asked for: that is allowed and not
    reported.

    References: RFC 8707 section 2.2.
    """
    named = [(t, authorization_behind(run, t)) for t in run.token_exchanges if t.resources]
    linked = [(t, authorization) for t, authorization in named if authorization and authorization.resources]
    for exchange, authorization in observed(linked, "N1", "no two linked requests with a resource"):
        extra = [value for value in exchange.resources if value not in authorization.resources]
        if extra:
            asked = authorization.request
            yield Fault(
                "The token request names a resource that was not authorized.",
                (place(exchange.request, "form", "resource"), place(asked, where(asked), "resource")),
                expected=joined(authorization.resources),
                found=joined(extra),
            )
