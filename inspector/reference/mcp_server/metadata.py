"""The documents that lead a client from the MCP server to a token."""

from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from inspector.reference.mcp_server.challenge import WELL_KNOWN_RESOURCE, sign_in_scope
from inspector.reference.mcp_server.deployment import Deployment, loopback_alias

_HOME_PAGE = "<!doctype html><title>Reference MCP server</title><p>Every path shows this page.</p>"


def metadata_routes(server: Deployment) -> list[Route]:
    """Both locations of the protected resource metadata, and of the authorization server's for old clients."""

    async def protected_resource(request: Request) -> Response:
        return _protected_resource(server, at_root=request.scope["path"] == WELL_KNOWN_RESOURCE)

    async def authorization_server(request: Request) -> Response:
        """The issuer's own metadata, for clients of revision 2025-03-26 that look for it here."""
        document = "openid-configuration" if "openid" in request.scope["path"] else "oauth-authorization-server"
        try:
            answer = await server.http.get(f"{server.issuer}/.well-known/{document}")
        except httpx.HTTPError:
            return JSONResponse({"error": "temporarily_unavailable"}, status_code=502)
        return Response(answer.content, answer.status_code, media_type=answer.headers.get("content-type"))

    async def own_authorization_server(request: Request) -> Response:
        return JSONResponse(_own_authorization_server(server))

    for_servers = own_authorization_server if server.application else authorization_server
    return [
        *(Route(WELL_KNOWN_RESOURCE + path, protected_resource) for path in (server.path, "")),
        *(
            Route(f"/.well-known/{document}{path}", for_servers)
            for document in ("oauth-authorization-server", "openid-configuration")
            for path in (server.path, "")
        ),
    ]


def _protected_resource(server: Deployment, *, at_root: bool) -> Response:
    """Protected resource metadata (RFC 9728 section 2)."""
    flaw = server.flaws.metadata
    absent = flaw.endswith("absent") or (flaw == "root-only" and not at_root)
    if absent or server.settings.revision < "2025-06-18":
        return JSONResponse({"error": "not_found"}, status_code=404)
    if flaw == "html":
        return HTMLResponse(_HOME_PAGE)
    if flaw == "redirected":
        path = WELL_KNOWN_RESOURCE + ("" if at_root else server.path)
        return RedirectResponse(loopback_alias(server.origin) + path)
    if flaw == "unauthorized":
        return JSONResponse({"error": "unauthorized"}, status_code=401)
    document: dict[str, Any] = {
        "resource": _published_resource(server),
        "authorization_servers": _authorization_servers(server),
        "bearer_methods_supported": ["header"],
        "scopes_supported": sign_in_scope(server).split(),
        "resource_name": "Reference MCP server",
    }
    return JSONResponse({name: value for name, value in document.items() if value})


def _published_resource(server: Deployment) -> str:
    return {
        "trailing-slash": server.mcp_url + "/",
        "origin": server.origin,
        "loopback-alias": loopback_alias(server.mcp_url),
        "with-fragment": server.mcp_url + "#tools",
        "other": "https://other-server.example/mcp",
        "missing": "",
    }.get(server.flaws.resource, server.mcp_url)


def _authorization_servers(server: Deployment) -> list[str]:
    match server.flaws.authorization_servers:
        case "none":
            return []
        case "without-scheme":
            return [server.issuer.removeprefix("http://")]
        case "itself":
            return [server.origin]
        case "issuer":
            return [server.origin if server.application else server.issuer]


def _own_authorization_server(server: Deployment) -> dict[str, Any]:
    """Authorization server metadata (RFC 8414) of a server that passes OAuth requests on under its own client id."""
    return {
        "issuer": server.origin,
        "authorization_endpoint": f"{server.origin}/authorize",
        "token_endpoint": f"{server.origin}/token",
        "registration_endpoint": f"{server.origin}/register",
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": [*sign_in_scope(server).split(), "offline_access"],
    }
