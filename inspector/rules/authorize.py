"""Rules about PKCE in the authorization request and about the authorization response."""

import re
from collections.abc import Iterator

from inspector.protocol import content
from inspector.rules.facts import (
    authorization_story,
    is_document_url,
    open_authorizations,
    registrations,
    stated_issuer,
    where,
)
from inspector.rules.model import (
    Confidence,
    Fault,
    NotObserved,
    Party,
    Phase,
    Severity,
    observed,
    place,
)
from inspector.rules.registry import rule
from inspector.timeline.flow import Authorization
from inspector.timeline.message import Message
from inspector.timeline.run import Run


@rule(
    "pkce-missing",
    title="Authorization request without code_challenge",
    phase=Phase.AUTHORIZE,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="MUST | MUST | MUST | MUST",
)
def pkce_missing(run: Run) -> Iterator[Fault | NotObserved]:
    """PKCE is required of every MCP client.

    What it checks: Every authorization request has `code_challenge`.

    Why it matters: Without it a stolen code can be redeemed by anybody; AuthKit refuses the request.

    How to fix: Client: send a fresh S256 `code_challenge` with each request and the verifier with the token request.

    When it is a false alarm: The parameters are in a pushed request.

    References: MCP 2025-03-26 Implementation Requirements; MCP 2025-06-18 Authorization Code Protection; RFC 7636.
    """
    for authorization in open_authorizations(run):
        if not authorization.params.get("code_challenge"):
            yield Fault(
                "The authorization request has no code challenge.",
                (place(authorization.request, where(authorization.request), "code_challenge"),),
                expected="code_challenge=BASE64URL(SHA256(code_verifier))",
                found="not sent",
            )


@rule(
    "pkce-method-not-s256",
    title="code_challenge_method is absent or not S256",
    phase=Phase.AUTHORIZE,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="rfc-MUST | rfc-MUST | MUST | MUST",
)
def pkce_method_not_s256(run: Run) -> Iterator[Fault | NotObserved]:
    """An absent method means plain, which protects nothing that is read on the way.

    What it checks: Where there is a `code_challenge`, `code_challenge_method` is S256.

    Why it matters: With plain, the challenge is the verifier. AuthKit accepts S256 only.

    How to fix: Client: send `code_challenge_method=S256` and the hashed challenge.

    When it is a false alarm: None known.

    References: RFC 7636 section 4.3; OAuth 2.1 section 4.1.1; MCP 2025-11-25 Authorization Code Protection.
    """
    with_challenge = [a for a in open_authorizations(run) if a.params.get("code_challenge")]
    for authorization in observed(with_challenge, "N1", "no code challenge in the capture"):
        method = authorization.params.get("code_challenge_method")
        if method != "S256":
            yield Fault(
                "The code challenge is not made with S256.",
                (place(authorization.request, where(authorization.request), "code_challenge_method"),),
                expected="S256",
                found=method or "not sent, which means plain",
            )


@rule(
    "iss-mismatch",
    title="Authorization response iss differs from the recorded issuer",
    phase=Phase.AUTHORIZE,
    party=Party.AUTHORIZATION_SERVER,
    severity=Severity.ERROR,
    levels="rfc-MUST | rfc-MUST | rfc-MUST | MUST",
)
def iss_mismatch(run: Run) -> Iterator[Fault | NotObserved]:
    """The response must come from the authorization server that was asked.

    What it checks: `iss` of the authorization response, where present, is byte for byte the issuer of the metadata.

    Why it matters: It is the protection against mix-up attacks; a client of 2026-07-28 must discard the response.

    How to fix: Authorization server: send exactly the issuer of the metadata, slash included.

    When it is a false alarm: A proxy in the capture translates origins.

    References: RFC 9207 section 2.4; MCP 2026-07-28 Authorization Response Validation.
    """
    answered = [a for a in run.authorizations if a.response]
    for authorization in observed(answered, "N1", "the authorization response was not captured"):
        metadata, issuer = stated_issuer(run, authorization)
        hop, given = authorization.response or (authorization.request, authorization.params)
        found = given.get("iss")
        if found is not None and found != issuer:
            yield Fault(
                "The authorization response names another issuer than the metadata.",
                (place(hop, "header", "location"), place(metadata, "json", "issuer")),
                expected=issuer,
                found=found,
            )


_REFUSED = 400
_CLIENT_UNKNOWN = re.compile(
    r"\b(unknown|unregistered|unrecognized) (oauth )?(client|application)\b"
    r"|\b(client|application)\b[^.<>]{0,60}\b(is |was )?(not|never) (been )?(registered|found|known|exist)",
    re.IGNORECASE,
)
"""What authorization servers write about a client id that they do not have."""
_ERROR_PARTIES = {
    "invalid_request": Party.CLIENT,
    "invalid_scope": Party.CLIENT,
    "unsupported_response_type": Party.CLIENT,
    "server_error": Party.AUTHORIZATION_SERVER,
    "temporarily_unavailable": Party.AUTHORIZATION_SERVER,
}


@rule(
    "authorization-error-response",
    title="AS returned an OAuth error to the client",
    phase=Phase.AUTHORIZE,
    party=Party.CONFIGURATION,
    severity=Severity.ERROR,
    levels="diag | diag | diag | diag",
)
def authorization_error_response(run: Run) -> Iterator[Fault | NotObserved]:
    """The authorization server said no, and why.

    What it checks: The redirect back to the client carries `error`. It is a note when a later attempt got a code.

    Why it matters: The flow ends there, and clients seldom show the code.

    How to fix: It depends on the code. invalid_scope, invalid_request: client. invalid_target: operator, add the
    resource indicator. access_denied: the user or a policy declined. server_error: authorization server.

    When it is a false alarm: The user pressed cancel.

    References: RFC 6749 section 4.1.2.1; RFC 8707 section 2.
    """
    answered = [a for a in run.authorizations if a.response]
    for authorization in observed(answered, "N1", "the authorization response was not captured"):
        hop, given = authorization.response or (authorization.request, authorization.params)
        if error := given.get("error"):
            # MCP 2026-07-28: what comes with the iss of another issuer must not be displayed.
            foreign = given.get("iss") not in (None, run.issuer)
            description = None if foreign else given.get("error_description")
            declined = error == "access_denied"
            got_later = any(a.code and a.request.at > authorization.request.at for a in answered)
            severity = Severity.WARNING if declined else None
            party, cause = _behind(run, authorization, error, description or "")
            said = f": {description.rstrip('.')}" if description else ""
            yield Fault(
                f"The user or a policy declined{said}."
                if declined
                else f"The authorization server refused with {error}{said}.",
                (place(hop, "header", "location"),),
                expected="code",
                found=f"{error}: {description}" if description else error,
                party=party,
                confidence=Confidence.LIKELY if cause is None else None,
                severity=Severity.INFO if got_later else severity,
                cause=cause,
            )


def _behind(run: Run, authorization: Authorization, error: str, description: str) -> tuple[Party, str | None]:
    """Who is behind an error response, and the rule that says why where the request shows it."""
    if error == "invalid_target":
        return authorization_story(run, authorization)[0], "invalid-target"
    party, params = _ERROR_PARTIES.get(error, Party.UNKNOWN), authorization.params
    if error == "invalid_scope":
        return _behind_scope(run, authorization)
    if error != "invalid_request" or authorization.pushed:
        return party, None
    if not params.get("code_challenge"):
        return party, "pkce-missing"
    if params.get("code_challenge_method") != "S256":
        return party, "pkce-method-not-s256"
    if len(authorization.resources) > 1:
        return party, "resource-repeated"
    # What is left shows no fault: a request that the server calls invalid is not so because it says it is.
    if "resource" not in description.lower() or not run.offers_resource_metadata:
        return Party.UNKNOWN, None
    if not authorization.resources:
        return party, "resource-missing-authorize"
    return _of_resource(run, authorization), None


def _of_resource(run: Run, authorization: Authorization) -> Party:
    """Who is behind a refusal of a resource that was sent: a server that knows none, where it is the published one."""
    right = authorization.resources == (run.published_resource,)
    return Party.AUTHORIZATION_SERVER if right else Party.UNKNOWN


def _behind_scope(run: Run, authorization: Authorization) -> tuple[Party, str | None]:
    """Who is behind a refused scope: whoever names scopes that the other does not have, else the client."""
    asked = set((authorization.params.get("scope") or "").split())
    published = run.resource_metadata.document if run.resource_metadata else None
    named = set((published.texts("scopes_supported") if published else None) or ())
    for refusal in run.refusals:
        challenge = refusal.bearer_challenge
        named.update((challenge.get("scope") or "").split() if challenge else ())
    metadata = run.server_metadata.document if run.server_metadata else None
    offered = set((metadata.texts("scopes_supported") if metadata else None) or ())
    unknown = asked - offered
    if asked and (not unknown or unknown <= named):
        return Party.CONFIGURATION, None
    return Party.CLIENT if unknown and offered else Party.UNKNOWN, "scope-exceeds-metadata"


@rule(
    "authorize-client-unknown",
    title="AS does not know the client_id",
    phase=Phase.AUTHORIZE,
    party=Party.CONFIGURATION,
    severity=Severity.ERROR,
    levels="diag | diag | diag | diag",
)
def authorize_client_unknown(run: Run) -> Iterator[Fault | NotObserved]:
    """An error page in the browser that the client never hears of.

    What it checks: The authorization request ended on AuthKit's application_not_found page, or on an answer of 4xx
    that names the client as invalid. An answer that names the redirect URI instead, though it is registered for that
    client byte for byte, is the authorization server's. A client that could have registered and brought a stored id
    instead is at fault.

    Why it matters: The user sees a page, the client waits for a redirect that never comes.

    How to fix: Client: register again, the stored client id is gone. Operator: use a Connect application's client
    id, not the environment's or the AuthKit application's.

    When it is a false alarm: None known.

    References: RFC 6749 section 4.1.2.1 (the resource owner must be informed).
    """
    readable = [a for a in run.authorizations if a.request.answered]
    for authorization in observed(readable, "N1", "what the authorization server answered was not captured"):
        for hop in (authorization.request, *authorization.hops):
            target = hop.location or hop.exchange.url
            if _refuses_registered_redirect(run, authorization, hop):
                yield Fault(
                    "The authorization server refuses a redirect URI that it has registered for this client id.",
                    (place(authorization.request, "query", "redirect_uri"), place(hop, "status")),
                    expected="a redirect",
                    found=str(hop.status),
                    party=Party.AUTHORIZATION_SERVER,
                )
                break
            named = hop.oauth_error in ("invalid_client", "unauthorized_client") and not _names_redirect(hop)
            named = named or _names_client(hop)
            if "application_not_found" in target or named:
                client_id = authorization.params.get("client_id") or "none"
                yield Fault(
                    "The authorization server does not know this client id.",
                    (place(authorization.request, "query", "client_id"), place(hop, "status")),
                    expected="a registered client id",
                    found=client_id,
                    party=(party := _behind_unknown_client(run, client_id)),
                    confidence=Confidence.LIKELY if party is Party.CLIENT else None,
                )
                break


def _behind_unknown_client(run: Run, client_id: str) -> Party | None:
    """Who brought the id: a client with a stored registration, or whoever configured it where none can be made."""
    if registrations(run).get(client_id):
        return None
    metadata = run.server_metadata.document if run.server_metadata else None
    if metadata is None:
        return Party.UNKNOWN
    if is_document_url(client_id):
        # How the server fetched the document is between the two; that it never said it would is not. Some say it in
        # the OAuth document alone.
        says_all = run.server_metadata is not None and "openid-configuration" not in run.server_metadata.url
        silent = "client_id_metadata_document_supported" not in metadata
        return Party.CLIENT if says_all and silent else Party.UNKNOWN
    return Party.CLIENT if "registration_endpoint" in metadata else None


def _refuses_registered_redirect(run: Run, authorization: Authorization, hop: Message) -> bool:
    known = registrations(run).get(authorization.params.get("client_id") or "", [])
    listed = [uri for m in known if m.document for uri in m.document.texts("redirect_uris") or ()]
    return _names_redirect(hop) and authorization.params.get("redirect_uri") in listed


def _names_client(hop: Message) -> bool:
    """Whether an answer says in words that the client is not known there."""
    reason = (hop.document.text("error_description") if hop.document and hop.oauth_error else None) or ""
    if hop.is_page and (hop.status or 0) >= _REFUSED:
        reason = content.text(hop.exchange.response_headers, hop.exchange.response_body)[:20_000]
    return _CLIENT_UNKNOWN.search(reason) is not None


def _names_redirect(hop: Message) -> bool:
    reason = (hop.document.text("error_description") if hop.document and hop.oauth_error else None) or ""
    return "redirect" in reason.lower()
