"""What can be switched on to go wrong at the MCP server, and the rules it provokes."""

from typing import Any

from inspector.reference.fault import Fault, Side


def _fault(name: str, description: str, *provokes: str, **changes: Any) -> Fault:
    return Fault(name, Side.MCP_SERVER, description, provokes, changes)


SERVER_FAULTS: tuple[Fault, ...] = (
    # The 401
    _fault(
        "redirect-to-slash",
        "Redirects the endpoint to the same URL with a slash at its end.",
        "mcp-endpoint-redirect",
        redirects_to_slash=True,
    ),
    _fault(
        "forbidden-without-token",
        "Answers a request without a token with 403 instead of 401.",
        missing_token_status=403,
    ),
    _fault(
        "forbidden-when-expired",
        "Answers an expired token with 403 instead of 401; tokens live for two seconds.",
        "unauthorized-status-not-401",
        expired_token_status=403,
        token_lifetime=2,
    ),
    _fault("challenge-absent", "Answers 401 without WWW-Authenticate.", "www-authenticate-missing", challenge="absent"),
    _fault(
        "challenge-without-metadata-url",
        "Leaves resource_metadata out of the challenge.",
        "challenge-resource-metadata-missing",
        challenge="without-metadata-url",
    ),
    _fault(
        "challenge-relative-url",
        "Gives resource_metadata as a path without scheme and host.",
        "resource-metadata-url-unusable",
        challenge="relative-url",
    ),
    _fault(
        "challenge-other-origin",
        "Gives resource_metadata with 127.0.0.1 where clients use localhost.",
        "resource-metadata-url-cross-origin",
        challenge="other-origin",
    ),
    _fault(
        "challenge-unterminated",
        "Forgets the closing quote of the challenge's last parameter.",
        "challenge-header-malformed",
        challenge="unterminated",
    ),
    _fault("challenge-without-scope", "Leaves the scope out of the challenge.", challenge="without-scope"),
    _fault(
        "challenge-error-without-token",
        "Says invalid_token to a request that had no token.",
        challenge="error-without-token",
    ),
    _fault(
        "challenge-unregistered-error",
        "Says error=unauthorized, which is no code of RFC 6750, in every challenge.",
        challenge="unregistered-error",
    ),
    _fault("challenge-without-error", "Does not say invalid_token when it refuses a token.", challenge="without-error"),
    _fault(
        "cors-headers-hidden",
        "Does not let scripts of other origins read WWW-Authenticate and Mcp-Session-Id.",
        cross_origin="headers-hidden",
    ),
    _fault(
        "cors-preflight-refused",
        "Treats the preflight of a browser like any other request without a token.",
        cross_origin="preflight-refused",
    ),
    # Protected resource metadata
    _fault(
        "legacy-server",
        "Knows only revision 2025-03-26: a bare challenge, no protected resource metadata, no stateless requests.",
        "prm-undiscoverable",
        "challenge-resource-metadata-missing",
        revision="2025-03-26",
    ),
    _fault(
        "prm-absent",
        "Publishes no protected resource metadata, and names none.",
        "prm-undiscoverable",
        "challenge-resource-metadata-missing",
        metadata="unnamed-and-absent",
    ),
    _fault(
        "prm-not-found",
        "Names protected resource metadata that is not there.",
        "resource-metadata-url-unusable",
        metadata="named-and-absent",
    ),
    _fault("prm-root-only", "Publishes protected resource metadata at the root only.", metadata="root-only"),
    _fault(
        "prm-html",
        "Answers requests for protected resource metadata with a web page.",
        "prm-response-invalid",
        "resource-metadata-url-unusable",
        metadata="html",
    ),
    _fault(
        "prm-unauthorized",
        "Answers requests for protected resource metadata with 401.",
        "prm-not-public",
        "resource-metadata-url-unusable",
        metadata="unauthorized",
    ),
    _fault(
        "prm-redirected",
        "Redirects requests for protected resource metadata to another origin.",
        "discovery-redirect-cross-origin",
        "resource-metadata-url-unusable",
        metadata="redirected",
    ),
    _fault(
        "prm-resource-missing",
        "Leaves resource out of the protected resource metadata.",
        "prm-resource-missing",
        resource="missing",
    ),
    _fault(
        "prm-resource-trailing-slash",
        "Publishes its URL with a slash at the end as the resource.",
        "endpoint-url-trailing-slash",
        "prm-resource-trailing-slash",
        resource="trailing-slash",
    ),
    _fault(
        "prm-resource-origin",
        "Publishes its origin as the resource.",
        "invalid-target",
        "prm-resource-parent-of-endpoint",
        resource="origin",
    ),
    _fault(
        "prm-resource-loopback-alias",
        "Publishes 127.0.0.1 as its host where clients use localhost.",
        "prm-resource-mismatch",
        resource="loopback-alias",
    ),
    _fault(
        "prm-resource-other",
        "Publishes another server's URL as the resource.",
        "prm-resource-mismatch",
        resource="other",
    ),
    _fault(
        "prm-resource-with-fragment",
        "Publishes its URL with a fragment as the resource.",
        "prm-resource-invalid-uri",
        "prm-resource-mismatch",
        resource="with-fragment",
    ),
    _fault(
        "prm-issuer-without-scheme",
        "Names the authorization server by host and port only.",
        "prm-issuer-not-https",
        authorization_servers="without-scheme",
    ),
    _fault(
        "prm-without-authorization-servers",
        "Names no authorization server in the protected resource metadata.",
        "prm-authorization-servers-missing",
        authorization_servers="none",
    ),
    _fault(
        "prm-names-itself",
        "Names itself as the authorization server, and serves a copy of the other one's metadata.",
        "legacy-as-metadata-proxy",
        authorization_servers="itself",
    ),
    # Using the token
    _fault(
        "step-up",
        "Asks for little scope at sign-in and answers 403 insufficient_scope to a tool that needs more.",
        step_up="asked-for",
    ),
    _fault(
        "step-up-unexplained",
        "Asks for little scope at sign-in, and at a tool that needs more does not say for what.",
        "insufficient-scope-challenge-incomplete",
        step_up="unexplained",
    ),
    _fault(
        "step-up-as-401",
        "Asks for little scope at sign-in and answers 401 insufficient_scope to a tool that needs more.",
        "bearer-error-status-mismatch",
        "step-up-not-attempted",
        "fresh-token-rejected",
        step_up="as-401",
    ),
    _fault(
        "blocked-at-edge",
        "Has something in front that answers requests with a token like a bot rule of a CDN.",
        "edge-blocked",
        blocked_at_edge=True,
    ),
    _fault("any-audience-accepted", "Does not look at the audience of a token.", accept_any_audience=True),
    _fault(
        "other-audience-expected",
        "Is configured to expect another audience than the resource it publishes.",
        "fresh-token-rejected",
        expects_other_audience=True,
    ),
    _fault("expired-accepted", "Accepts tokens that have expired.", accepts_expired=True),
    _fault("keys-never-refetched", "Fetches the key set once and never again.", keys_never_refetched=True),
    _fault(
        "token-checked-once",
        "Checks the token when a session begins; after that the session id is enough.",
        token_checked_once=True,
    ),
    _fault("no-api-key", "Has no key for the user API, so that get-workos-user fails.", api_key=False),
)
"""In the order in which a client would meet them."""
