"""The requests of a probe: what a client sends before a sign-in, and what a browser asks before a page may."""

import json

from inspector.protocol import urls
from inspector.session.model import Headers

CLIENT_NAME = "mcp-auth-inspector probe"
"""How a probe calls itself, in `initialize`, in its User-Agent and in a registration."""

AGENT = "mcp-auth-inspector-probe"
MADE_UP_TOKEN = "made-up-by-mcp-auth-inspector-probe"  # noqa: S105 - it opens nothing, which is what it is for
REDIRECT_URI = "http://127.0.0.1:8976/callback"
"""Where a registration of the probe would have its codes sent. Nothing listens there: it never signs in."""

_REVISION = "2025-11-25"

GET_JSON: Headers = (("Accept", "application/json"), ("User-Agent", AGENT), ("MCP-Protocol-Version", _REVISION))
CALL: Headers = (
    ("Accept", "application/json, text/event-stream"),
    ("Content-Type", "application/json"),
    ("User-Agent", AGENT),
)
POST_JSON: Headers = (("Accept", "application/json"), ("Content-Type", "application/json"), ("User-Agent", AGENT))


def initialize() -> bytes:
    """The first message of every MCP client (MCP 2025-11-25, Lifecycle)."""
    return json.dumps(
        {
            "jsonrpc": "2.0",
            "id": 0,
            "method": "initialize",
            "params": {
                "protocolVersion": _REVISION,
                "capabilities": {},
                "clientInfo": {"name": CLIENT_NAME, "version": "1"},
            },
        }
    ).encode()


def registration() -> bytes:
    """A public client that never signs in (RFC 7591 section 2)."""
    return json.dumps(
        {
            "client_name": CLIENT_NAME,
            "redirect_uris": [REDIRECT_URI],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        }
    ).encode()


def preflight(page: str, method: str, headers: str) -> Headers:
    """What a browser sends before a page of another origin may make a request (Fetch Standard section 3.2.2)."""
    asked = (("Access-Control-Request-Method", method), ("Access-Control-Request-Headers", headers))
    return (("Origin", page), *asked, ("User-Agent", AGENT))


def resource_metadata_locations(mcp_url: str, named: str | None) -> tuple[str, ...]:
    """Where protected resource metadata can be: as the challenge says, with the path inserted, at the root."""
    suffix = "oauth-protected-resource"
    root = f"{urls.origin(mcp_url)}/.well-known/{suffix}"
    stated = (named,) if named and urls.is_absolute(named) else ()
    return tuple(dict.fromkeys((*stated, urls.insert_well_known(mcp_url, suffix), root)))


def server_metadata_locations(issuer: str) -> tuple[str, ...]:
    """Where the metadata of an issuer can be, in the order of MCP 2025-11-25 (RFC 8414 section 3, OIDC Discovery 4)."""
    inserted = [urls.insert_well_known(issuer, name) for name in ("oauth-authorization-server", "openid-configuration")]
    appended = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    return tuple(dict.fromkeys((*inserted, appended)))
