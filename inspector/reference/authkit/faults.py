"""What can be switched on to go wrong at the emulator, and the rules it provokes."""

from typing import Any

from inspector.reference.fault import Fault, Side


def _fault(name: str, description: str, *provokes: str, **changes: Any) -> Fault:
    return Fault(name, Side.AUTHORIZATION_SERVER, description, provokes, changes)


AUTHKIT_FAULTS: tuple[Fault, ...] = (
    # Authorization server metadata
    _fault("as-metadata-absent", "Publishes no metadata.", "as-metadata-not-found", metadata="none"),
    _fault(
        "as-metadata-html",
        "Answers requests for its metadata with a web page.",
        "as-metadata-not-found",
        "as-metadata-response-invalid",
        metadata="html",
    ),
    _fault(
        "as-metadata-incomplete",
        "Leaves token_endpoint out of its metadata.",
        "as-metadata-required-field-missing",
        metadata_incomplete=True,
    ),
    _fault(
        "as-endpoint-insecure",
        "Advertises an endpoint at http on another machine.",
        "as-endpoint-insecure",
        endpoint_insecure=True,
    ),
    _fault(
        "as-metadata-openid-only",
        "Publishes openid-configuration only, which at AuthKit says nothing of PKCE.",
        "as-metadata-pkce-not-advertised",
        "as-registration-unavailable",
        metadata="openid-only",
    ),
    _fault(
        "issuer-trailing-slash",
        "States its issuer with a slash at the end.",
        "as-metadata-issuer-mismatch",
        issuer="trailing-slash",
    ),
    _fault(
        "issuer-other",
        "States another issuer than the one its metadata was asked for.",
        "as-metadata-issuer-mismatch",
        issuer="other",
    ),
    _fault(
        "pkce-not-advertised",
        "Leaves code_challenge_methods_supported out of its metadata.",
        "as-metadata-pkce-not-advertised",
        pkce="unadvertised",
    ),
    _fault(
        "pkce-plain-only",
        "Advertises the PKCE method plain and not S256.",
        "as-metadata-s256-unsupported",
        pkce="plain-only",
    ),
    # Registration
    _fault(
        "registration-off",
        "Takes neither registrations nor client ID metadata documents, as AuthKit at first.",
        "as-registration-unavailable",
        dcr=False,
        cimd=False,
    ),
    _fault(
        "registration-not-found",
        "Advertises a registration endpoint that answers 404, and nothing else.",
        "registration-rejected",
        "dcr-deprecated",
        registration="not-found",
        cimd=False,
    ),
    _fault(
        "registration-redirect-uri-refused",
        "Refuses to register a redirect URI on loopback or of an app's own scheme.",
        "registration-rejected",
        "dcr-deprecated",
        registration="redirect-uri-refused",
        cimd=False,
    ),
    _fault(
        "registration-secret-forced",
        "Registers every client as confidential, whatever it asked for.",
        "dcr-deprecated",
        registration="secret-forced",
        cimd=False,
    ),
    _fault(
        "cimd-off",
        "Has client ID metadata documents switched off, as AuthKit has at first.",
        "dcr-deprecated",
        cimd=False,
    ),
    _fault(
        "cimd-refused",
        "Advertises client ID metadata documents and knows no client by them.",
        "authorize-client-unknown",
        cimd_refused=True,
    ),
    # The authorization response
    _fault(
        "application-not-found",
        "Forgets every client as soon as it has registered.",
        "authorize-client-unknown",
        clients_forgotten=True,
    ),
    _fault(
        "access-denied",
        "Refuses every authorization request for reasons of policy.",
        "authorization-error-response",
        access_denied=True,
    ),
    _fault(
        "invalid-target-at-authorize",
        "Refuses every resource at the authorization endpoint.",
        "authorization-error-response",
        "invalid-target",
        resource_refused_early=True,
    ),
    _fault(
        "state-dropped", "Leaves state out of the authorization response.", "state-not-returned", state_dropped=True
    ),
    _fault(
        "iss-sent",
        "Sends the right iss in the authorization response and says so, which AuthKit does not do.",
        response_iss="right",
    ),
    _fault(
        "iss-trailing-slash",
        "Sends iss with a slash at the end in the authorization response.",
        "iss-mismatch",
        response_iss="trailing-slash",
    ),
    _fault(
        "iss-other",
        "Sends the iss of another authorization server in the authorization response.",
        "iss-mismatch",
        response_iss="other",
    ),
    _fault(
        "iss-promised",
        "Promises iss in its metadata and sends none.",
        "as-metadata-iss-support-inconsistent",
        response_iss="promised",
    ),
    # The token response
    _fault(
        "no-resource-indicators",
        "Has no resource indicator, so that every token is for the environment's client id.",
        "aud-is-client-id",
        "fresh-token-rejected",
        resource_indicators=(),
    ),
    _fault(
        "resource-not-registered",
        "Has only another server's resource indicator, and refuses the token request with invalid_target.",
        "invalid-target",
        resource_indicators=("https://other-resource.example/mcp",),
    ),
    _fault(
        "aud-trailing-slash",
        "Adds a slash to the audience of access tokens.",
        "aud-canonicalization",
        "fresh-token-rejected",
        audience="trailing-slash",
    ),
    _fault(
        "aud-other",
        "Issues access tokens for its default resource, whichever was asked for.",
        "aud-mismatch",
        "wrong-audience-token-sent",
        "fresh-token-rejected",
        audience="other",
    ),
    _fault(
        "aud-missing",
        "Issues access tokens without an audience.",
        "aud-missing",
        "fresh-token-rejected",
        audience="missing",
    ),
    _fault("token-opaque", "Issues access tokens that are no JWT.", "fresh-token-rejected", opaque_tokens=True),
    _fault(
        "token-issuer-trailing-slash",
        "Adds a slash to the issuer in access tokens.",
        "token-iss-mismatch",
        "fresh-token-rejected",
        claimed_issuer="trailing-slash",
    ),
    _fault(
        "token-issuer-other",
        "Puts another issuer into access tokens than into its metadata.",
        "token-iss-mismatch",
        "fresh-token-rejected",
        claimed_issuer="other",
    ),
    _fault(
        "clock-behind",
        "Has a clock two hours behind, so that tokens have expired when they are issued.",
        "fresh-token-rejected",
        clock_offset=-7200,
    ),
    _fault(
        "clock-ahead",
        "Has a clock two hours ahead, so that tokens are not valid yet.",
        "fresh-token-rejected",
        clock_offset=7200,
    ),
    _fault(
        "keys-unpublished",
        "Signs access tokens with a key that its key set does not hold.",
        "fresh-token-rejected",
        signing_key="unpublished",
    ),
    _fault(
        "keys-rotated",
        "Signs each access token with a new key, and publishes all of them.",
        signing_key="new-each-time",
    ),
    _fault(
        "token-type-missing",
        "Leaves token_type out of the token response.",
        "token-response-invalid",
        token_type_missing=True,
    ),
    _fault(
        "token-cacheable",
        "Leaves Cache-Control: no-store out of the token response.",
        "token-response-cacheable",
        cacheable=True,
    ),
    _fault("pkce-unchecked", "Redeems codes without looking at the code verifier.", pkce_unchecked=True),
    # Refresh
    _fault(
        "refresh-token-missing", "Issues no refresh token although offline_access was granted.", refresh_tokens="none"
    ),
    _fault(
        "refresh-token-kept",
        "Does not rotate refresh tokens; takes no client ID metadata documents.",
        "refresh-token-not-rotated",
        "dcr-deprecated",
        refresh_tokens="kept",
        cimd=False,
    ),
    _fault(
        "refresh-drops-resource",
        "Forgets at a refresh which resource the token was for.",
        "aud-changed-after-refresh",
        "aud-is-client-id",
        "fresh-token-rejected",
        refresh_drops_resource=True,
    ),
)
"""In the order in which a client would meet them."""
