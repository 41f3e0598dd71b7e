"""The protected MCP server as an ASGI application: the endpoint, and the documents that lead a client to a token."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from inspector.reference.mcp_server.protection import Protection
from inspector.reference.mcp_server.tools import mcp_protocol
from inspector.reference.mcp_server.verification import TokenVerifier
from inspector.reference.settings import Settings

SCOPE = "openid profile email"
"""What the challenge and the metadata ask for; `offline_access` is the client's own choice."""

_LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")


def mcp_server_app(settings: Callable[[], Settings], mcp_url: str, issuer: str) -> Starlette:
    """The application that serves `mcp_url` for tokens of `issuer`; `settings` is asked anew for each token."""
    url = urlsplit(mcp_url)
    origin = f"{url.scheme}://{url.netloc}"
    resource_metadata = f"/.well-known/oauth-protected-resource{url.path}"
    # The server's own requests must reach the emulator and nothing else, whatever proxy this process is told to use.
    http = httpx.AsyncClient(trust_env=False, timeout=10)
    sessions = StreamableHTTPSessionManager(
        mcp_protocol(),
        security_settings=TransportSecuritySettings(
            allowed_hosts=[f"{host}:*" for host in _LOOPBACK_HOSTS],
            allowed_origins=[f"http://{host}:*" for host in _LOOPBACK_HOSTS],
        ),
    )
    endpoint = Protection(
        StreamableHTTPASGIApp(sessions),
        TokenVerifier(settings, mcp_url, issuer, http),
        origin + resource_metadata,
        SCOPE,
    )

    async def protected_resource(request: Request) -> Response:
        """Protected resource metadata (RFC 9728 section 2)."""
        document = {
            "resource": mcp_url,
            "authorization_servers": [issuer],
            "bearer_methods_supported": ["header"],
            "scopes_supported": SCOPE.split(),
            "resource_name": "Reference MCP server",
        }
        return JSONResponse(document)

    async def authorization_server(request: Request) -> Response:
        """The issuer's own metadata, for clients of revision 2025-03-26 that look for it here."""
        document = "openid-configuration" if "openid" in request.scope["path"] else "oauth-authorization-server"
        try:
            answer = await http.get(f"{issuer}/.well-known/{document}")
        except httpx.HTTPError:
            return JSONResponse({"error": "temporarily_unavailable"}, status_code=502)
        return Response(answer.content, answer.status_code, media_type=answer.headers.get("content-type"))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with http, sessions.run():
            yield

    app = Starlette(
        routes=[
            Route(url.path, endpoint),
            *(Route(path, protected_resource) for path in (resource_metadata, "/.well-known/oauth-protected-resource")),
            *(
                Route(f"/.well-known/{document}{path}", authorization_server)
                for document in ("oauth-authorization-server", "openid-configuration")
                for path in (url.path, "")
            ),
        ],
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origins=["*"],
                allow_methods=["GET", "POST", "DELETE", "OPTIONS"],
                allow_headers=["*"],
                expose_headers=["WWW-Authenticate", "Mcp-Session-Id"],
            )
        ],
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app
