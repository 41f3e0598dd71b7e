"""Rules about redirect URI, state, scope and the issuer check around the authorization request."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from inspector.protocol import urls
from inspector.rules.facts import open_authorizations, registrations, scope_requests, stated_issuer, where
from inspector.rules.model import Fault, NotObserved, Party, Phase, Severity, joined, observed, place
from inspector.rules.registry import rule
from inspector.rules.translated import (
    hidden,
    redirect_uri_sent,
    redirect_uris_answered,
    redirect_uris_sent,
    translated,
)
from inspector.timeline.run import Run


@rule(
    "redirect-uri-unregistered",
    title="redirect_uri not among the registered ones",
    phase=Phase.AUTHORIZE,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="rfc-MUST | MUST | MUST | MUST",
)
def redirect_uri_unregistered(run: Run) -> Iterator[Fault | NotObserved]:
    """The address a code may be sent to is agreed on beforehand.

    What it checks: The redirect URI of the authorization request is one of those in the registration or in the
    metadata document of that client id. On loopback hosts the port may differ.

    Why it matters: The authorization server shows an error page, and the client waits for a redirect that never comes.

    How to fix: Client: register the URI it listens on, or register again when the port is part of the agreement.

    When it is a false alarm: The client was registered before the capture or by hand; nothing is then reported.

    References: MCP 2025-06-18 Open Redirection; OAuth 2.1 section 2.3.1; RFC 8252 section 7.3.
    """
    registered = _registered_uris(run)
    known = [a for a in open_authorizations(run) if (a.params.get("client_id") or "") in registered]
    for authorization in observed(known, "N1", "the registration of this client id was not captured"):
        uris = registered[authorization.params.get("client_id") or ""]
        requested = redirect_uri_sent(authorization.request)
        if requested is not None and not any(_same_redirect(uri, requested) for uri in uris):
            yield Fault(
                "The redirect URI is not one of those the client registered.",
                (place(authorization.request, where(authorization.request), "redirect_uri"),),
                expected=joined(uris),
                found=requested,
            )


def _registered_uris(run: Run) -> dict[str, tuple[str, ...]]:
    """The redirect URIs by client id: from registration responses, else the requests, and from metadata documents."""
    found: dict[str, tuple[str, ...]] = {}
    for client_id, answered in registrations(run).items():
        for message in answered:
            known = redirect_uris_answered(message) or redirect_uris_sent(message)
            found[client_id] = (*found.get(client_id, ()), *known)
    client_ids = {a.params.get("client_id") for a in run.authorizations}
    for message in run.messages:
        document = message.good_document if message.exchange.url in client_ids else None
        if document:
            found[message.exchange.url] = document.texts("redirect_uris") or ()
    return {client_id: uris for client_id, uris in found.items() if uris}


def _same_redirect(registered: str, requested: str) -> bool:
    if registered == requested:
        return True
    if not (urls.is_loopback(registered) and urls.is_loopback(requested)):
        return False
    left, right = urlsplit(registered), urlsplit(requested)
    return (left.scheme, left.hostname, left.path, left.query) == (
        right.scheme,
        right.hostname,
        right.path,
        right.query,
    )


@rule(
    "state-missing",
    title="Authorization request without state",
    phase=Phase.AUTHORIZE,
    party=Party.CLIENT,
    severity=Severity.INFO,
    levels="rfc-SHOULD | SHOULD | SHOULD | SHOULD",
)
def state_missing(run: Run) -> Iterator[Fault | NotObserved]:
    """What ties the answer to the question.

    What it checks: Every authorization request has `state`. With S256 PKCE it is a note, without it a warning.

    Why it matters: Without it an answer can be slipped to the client that it never asked for.

    How to fix: Client: send a fresh random state and compare it with the one that comes back.

    When it is a false alarm: PKCE gives the same protection.

    References: MCP 2025-06-18 Open Redirection; OAuth 2.1 section 2.3.3.
    """
    for authorization in open_authorizations(run):
        if not authorization.params.get("state"):
            hashed = authorization.params.get("code_challenge_method") == "S256"
            proven = hashed and authorization.params.get("code_challenge")
            yield Fault(
                "The authorization request has no state.",
                (place(authorization.request, where(authorization.request), "state"),),
                expected="state",
                found="not sent",
                severity=None if proven else Severity.WARNING,
            )


@rule(
    "state-not-returned",
    title="AS returned no state or another state",
    phase=Phase.AUTHORIZE,
    party=Party.AUTHORIZATION_SERVER,
    severity=Severity.ERROR,
    levels="rfc-MUST | rfc-MUST | rfc-MUST | rfc-MUST",
)
def state_not_returned(run: Run) -> Iterator[Fault | NotObserved]:
    """The value comes back as it was sent.

    What it checks: `state` of the authorization response equals that of the request, after decoding.

    Why it matters: A careful client discards the response.

    How to fix: Authorization server: return the exact value, encoded once.

    When it is a false alarm: None known.

    References: RFC 6749 section 4.1.2; OAuth 2.1 section 4.1.2.
    """
    answered = [a for a in run.authorizations if a.response and a.params.get("state")]
    for authorization in observed(answered, "N1", "no authorization response to a request with state"):
        hop, given = authorization.response or (authorization.request, authorization.params)
        if given.get("state") != authorization.params.get("state"):
            yield Fault(
                "The authorization response does not return the state it was sent.",
                (place(hop, "header", "location"), place(authorization.request, where(authorization.request), "state")),
                expected="the state of the request",
                found="another state" if given.get("state") else "no state",
            )


@rule(
    "scope-not-from-challenge",
    title="Requested scope ignores the challenge scope",
    phase=Phase.AUTHORIZE,
    party=Party.CLIENT,
    severity=Severity.WARNING,
    levels="- | - | SHOULD | SHOULD",
)
def scope_not_from_challenge(run: Run) -> Iterator[Fault | NotObserved]:
    """The server said what it needs.

    What it checks: The scope of an authorization request has every scope of the last challenge before it, which has
    to name some. offline_access is the client's to ask for or not.

    Why it matters: The token is refused with insufficient_scope, and the user signs in again.

    How to fix: Client: ask for the scopes the challenge names.

    When it is a false alarm: The user or an administrator narrowed the scopes.

    References: MCP 2025-11-25 Scope Selection Strategy.
    """
    asked = [(each.authorization, each.challenge) for each in scope_requests(run) if each.challenge]
    challenged = [(a, m, scope) for a, m in asked if m.bearer_challenge and (scope := m.bearer_challenge.get("scope"))]
    for authorization, message, scope in observed(challenged, "N1", "no challenge with a scope before the request"):
        requested = {*(authorization.params.get("scope") or "").split(), "offline_access"}
        lacking = [each for each in scope.split() if each not in requested]
        if lacking:
            yield Fault(
                f"The authorization request leaves out what the challenge asks for: {joined(lacking)}.",
                (
                    place(authorization.request, where(authorization.request), "scope"),
                    place(message, "header", "www-authenticate"),
                ),
                expected=scope,
                found=authorization.params.get("scope") or "not sent",
            )


@rule(
    "scope-malformed",
    title="scope is not a list of scope tokens separated by single spaces",
    phase=Phase.AUTHORIZE,
    party=Party.CLIENT,
    severity=Severity.WARNING,
    levels="rfc-MUST | rfc-MUST | rfc-MUST | rfc-MUST",
)
def scope_malformed(run: Run) -> Iterator[Fault | NotObserved]:
    """Commas and stray spaces make other scopes.

    What it checks: `scope` has no leading, trailing or double space, no comma, quote or control character.

    Why it matters: The authorization server answers invalid_scope, or grants nothing.

    How to fix: Client: join scope tokens with one space, and leave the parameter out when there is none.

    When it is a false alarm: A scope whose name has a comma.

    References: RFC 6749 section 3.3.
    """
    scoped = [a for a in open_authorizations(run) if "scope" in a.params]
    for authorization in observed(scoped, "N1", "no request with a scope"):
        scope = authorization.params.get("scope") or ""
        odd = any(not 0x21 <= ord(c) <= 0x7E or c in '",\\' for c in scope if c != " ")
        if odd or scope != " ".join(scope.split()) or not scope:
            yield Fault(
                "The scope is not a list of tokens with single spaces between them.",
                (place(authorization.request, where(authorization.request), "scope"),),
                expected="one two three",
                found=f'"{scope}"',
            )


@rule(
    "client-redeems-after-iss-failure",
    title="Client sends the code although iss validation must fail",
    phase=Phase.AUTHORIZE,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="rfc-MUST NOT | rfc-MUST NOT | rfc-MUST NOT | MUST NOT",
)
def client_redeems_after_iss_failure(run: Run) -> Iterator[Fault | NotObserved]:
    """A response of another issuer must be thrown away.

    What it checks: The response's `iss` is not the issuer, or is missing although the metadata promises it, and the
    client redeems that code all the same.

    Why it matters: It is how a mix-up attack succeeds.

    How to fix: Client: compare `iss` with the issuer recorded before the redirect, byte for byte, and stop.

    When it is a false alarm: A proxy in the capture translates issuers.

    References: RFC 9207 section 2.4; MCP 2026-07-28 Authorization Response Validation.
    """
    redeemed = [t for t in run.code_exchanges if t.authorization and t.authorization.response]
    for exchange in observed(redeemed, "N1", "no authorization response with the request that redeems it"):
        if exchange.authorization is None or exchange.authorization.response is None:
            continue
        metadata, issuer = stated_issuer(run, exchange.authorization)
        flags = metadata.document.raw if metadata.document else {}
        promised = flags.get("authorization_response_iss_parameter_supported") is True
        hop, given = exchange.authorization.response
        found = given.get("iss")
        if found is not None and hidden(hop, issuer, found):
            yield translated()
            continue
        if (found is None and promised) or (found is not None and found != issuer):
            yield Fault(
                "The client redeemed a code from a response it had to discard.",
                (place(exchange.request, "form", "code"), place(hop, "header", "location")),
                expected=f"iss={issuer}, or no token request",
                found="no iss" if found is None else f"iss={found}",
                cause="as-metadata-iss-support-inconsistent" if found is None else "iss-mismatch",
            )
