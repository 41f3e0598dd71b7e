"""What the verdict on a client that does nothing wrong has to be, fault by fault, with a reason where it needs one.

The rule that is the cause is empty where nobody is named. Faults that do not harm such a client are not listed: then
no fault is found.
"""

from collections.abc import Mapping

from inspector.rules.model import Party

_CLIENT_STOPPED_RIGHTLY = Party.AUTHORIZATION_SERVER
_NOT_ON_THE_WIRE = Party.UNKNOWN
"""The reason is in a log, or in a key set that was not captured."""

VERDICTS: Mapping[str, tuple[Party, str]] = {
    "redirect-to-slash": (Party.CONFIGURATION, "mcp-endpoint-redirect"),
    "forbidden-without-token": (_NOT_ON_THE_WIRE, ""),
    "forbidden-when-expired": (Party.MCP_SERVER, "unauthorized-status-not-401"),
    "challenge-absent": (Party.MCP_SERVER, "www-authenticate-missing"),
    "challenge-relative-url": (Party.MCP_SERVER, "resource-metadata-url-unusable"),
    "legacy-server": (Party.MCP_SERVER, "prm-undiscoverable"),
    "prm-absent": (Party.MCP_SERVER, "prm-undiscoverable"),
    "prm-not-found": (Party.MCP_SERVER, "resource-metadata-url-unusable"),
    "prm-html": (Party.MCP_SERVER, "resource-metadata-url-unusable"),
    "prm-unauthorized": (Party.MCP_SERVER, "resource-metadata-url-unusable"),
    "prm-redirected": (Party.MCP_SERVER, "resource-metadata-url-unusable"),
    "prm-resource-missing": (Party.MCP_SERVER, "prm-resource-missing"),
    "prm-resource-trailing-slash": (Party.CONFIGURATION, "endpoint-url-trailing-slash"),
    "prm-resource-origin": (Party.CONFIGURATION, "invalid-target"),
    "prm-resource-loopback-alias": (Party.CONFIGURATION, "prm-resource-mismatch"),
    "prm-resource-other": (Party.CONFIGURATION, "prm-resource-mismatch"),
    "prm-resource-with-fragment": (Party.MCP_SERVER, "prm-resource-invalid-uri"),
    "prm-issuer-without-scheme": (Party.MCP_SERVER, "prm-issuer-not-https"),
    "prm-without-authorization-servers": (Party.MCP_SERVER, "prm-authorization-servers-missing"),
    "prm-names-itself": (Party.MCP_SERVER, "legacy-as-metadata-proxy"),
    "step-up-unexplained": (Party.MCP_SERVER, "insufficient-scope-challenge-incomplete"),
    "step-up-as-401": (Party.MCP_SERVER, "bearer-error-status-mismatch"),
    "blocked-at-edge": (Party.EDGE, "edge-blocked"),
    "other-audience-expected": (_NOT_ON_THE_WIRE, "fresh-token-rejected"),
    "as-metadata-absent": (Party.AUTHORIZATION_SERVER, "as-metadata-not-found"),
    "as-metadata-html": (Party.AUTHORIZATION_SERVER, "as-metadata-not-found"),
    "as-metadata-incomplete": (Party.AUTHORIZATION_SERVER, "as-metadata-required-field-missing"),
    "as-endpoint-insecure": (Party.AUTHORIZATION_SERVER, "as-endpoint-insecure"),
    # The client must stop, and the server may well support PKCE: whose fault that is, is disputed.
    "as-metadata-openid-only": (Party.UNKNOWN, "as-metadata-pkce-not-advertised"),
    "pkce-not-advertised": (Party.UNKNOWN, "as-metadata-pkce-not-advertised"),
    "pkce-plain-only": (Party.AUTHORIZATION_SERVER, "as-metadata-s256-unsupported"),
    # The metadata and the list each have a slash or not: which of them is right, only the tokens would tell.
    "issuer-trailing-slash": (Party.CONFIGURATION, "as-metadata-issuer-mismatch"),
    "issuer-other": (_CLIENT_STOPPED_RIGHTLY, "as-metadata-issuer-mismatch"),
    "registration-off": (Party.CONFIGURATION, "as-registration-unavailable"),
    "registration-not-found": (Party.CONFIGURATION, "registration-rejected"),
    "registration-redirect-uri-refused": (Party.CONFIGURATION, "registration-rejected"),
    # Why a client ID metadata document was not taken: fetching it is between the two servers.
    "cimd-refused": (Party.UNKNOWN, "authorize-client-unknown"),
    "application-not-found": (Party.UNKNOWN, "authorize-client-unknown"),
    "access-denied": (Party.UNKNOWN, ""),
    "invalid-target-at-authorize": (Party.CONFIGURATION, "invalid-target"),
    "state-dropped": (_CLIENT_STOPPED_RIGHTLY, "state-not-returned"),
    "iss-trailing-slash": (_CLIENT_STOPPED_RIGHTLY, "iss-mismatch"),
    "iss-other": (_CLIENT_STOPPED_RIGHTLY, "iss-mismatch"),
    "iss-promised": (_CLIENT_STOPPED_RIGHTLY, "as-metadata-iss-support-inconsistent"),
    "no-resource-indicators": (Party.CONFIGURATION, "aud-is-client-id"),
    "resource-not-registered": (Party.CONFIGURATION, "invalid-target"),
    "aud-trailing-slash": (Party.CONFIGURATION, "aud-canonicalization"),
    "aud-other": (Party.CONFIGURATION, "aud-mismatch"),
    "aud-missing": (Party.AUTHORIZATION_SERVER, "aud-missing"),
    "token-opaque": (_NOT_ON_THE_WIRE, "fresh-token-rejected"),
    "token-issuer-trailing-slash": (Party.CONFIGURATION, "token-iss-mismatch"),
    "token-issuer-other": (Party.CONFIGURATION, "token-iss-mismatch"),
    "clock-behind": (Party.AUTHORIZATION_SERVER, "fresh-token-rejected"),
    "clock-ahead": (Party.AUTHORIZATION_SERVER, "fresh-token-rejected"),
    "keys-unpublished": (_NOT_ON_THE_WIRE, "fresh-token-rejected"),
    "token-type-missing": (Party.AUTHORIZATION_SERVER, "token-response-invalid"),
    "refresh-drops-resource": (Party.CONFIGURATION, "aud-changed-after-refresh"),
}
