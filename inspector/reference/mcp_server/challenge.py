"""The `WWW-Authenticate` challenges of the MCP server, as its revision of MCP asks for them."""

from collections.abc import Mapping

from inspector.reference.mcp_server.deployment import Deployment, loopback_alias
from inspector.reference.mcp_server.tools import FULL_SCOPE, SIGN_IN_SCOPE

WELL_KNOWN_RESOURCE = "/.well-known/oauth-protected-resource"


def challenge(server: Deployment, error: Mapping[str, str], scope: str | None = None) -> str | None:
    """The header's value, or None with the flaw of sending none.

    `error` holds `error` and `error_description`, or nothing when no token was sent (RFC 6750 section 3.1). From
    2025-06-18 on the challenge names the metadata (RFC 9728 section 5.1), from 2025-11-25 on the scope too.
    """
    flaw, revision = server.flaws.challenge, server.settings.revision
    if flaw == "absent":
        return None
    if flaw == "unregistered-error":
        error = {"error": "unauthorized", "error_description": "Authorization needed"}
    elif flaw == "error-without-token" and not error:
        error = {"error": "invalid_token", "error_description": "There is no token."}
    elif flaw == "without-error":
        error = {}
    parameters = dict(error)
    unnamed = flaw == "without-metadata-url" or server.flaws.metadata == "unnamed-and-absent"
    if revision >= "2025-06-18" and not unnamed:
        parameters["resource_metadata"] = _metadata_url(server)
    if revision >= "2025-11-25" and flaw != "without-scope":
        parameters["scope"] = scope or sign_in_scope(server)
    listed = ", ".join(f'{name}="{value}"' for name, value in parameters.items())
    return f"Bearer {listed.removesuffix('"') if flaw == 'unterminated' else listed}".strip()


def sign_in_scope(server: Deployment) -> str:
    """What a client is asked to sign in with; `offline_access` is its own choice."""
    return FULL_SCOPE if server.flaws.step_up == "unneeded" else SIGN_IN_SCOPE


def _metadata_url(server: Deployment) -> str:
    path = WELL_KNOWN_RESOURCE + ("" if server.flaws.metadata == "root-only" else server.path)
    match server.flaws.challenge:
        case "relative-url":
            return path
        case "other-origin":
            return loopback_alias(server.origin) + path
        case _:
            return server.origin + path
