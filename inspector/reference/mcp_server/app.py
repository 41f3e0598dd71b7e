"""The protected MCP server as an ASGI application: the endpoint, and the documents that lead a client to a token."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from inspector.reference.mcp_server.control import Faulty, control_route
from inspector.reference.mcp_server.deployment import Deployment
from inspector.reference.mcp_server.metadata import metadata_routes
from inspector.reference.mcp_server.oauth_proxy import OAuthProxy
from inspector.reference.mcp_server.protection import Protection
from inspector.reference.mcp_server.tools import mcp_protocol
from inspector.reference.mcp_server.user_api import fetched_user

_LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")


def mcp_server_app(server: Deployment, controlled: Faulty | None = None) -> Starlette:
    """The application that serves `server.mcp_url`; the control endpoint is there only for something controlled."""
    sessions = StreamableHTTPSessionManager(
        mcp_protocol(partial(fetched_user, server)),
        stateless=not server.settings.sessions,
        security_settings=TransportSecuritySettings(
            allowed_hosts=[f"{host}:*" for host in _LOOPBACK_HOSTS],
            allowed_origins=[f"http://{host}:*" for host in _LOOPBACK_HOSTS],
        ),
    )
    endpoint = Protection(StreamableHTTPASGIApp(sessions), server)
    proxy = OAuthProxy(server, server.application).routes if server.application else []

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with server.http, sessions.run():
            yield

    app = Starlette(
        routes=[
            *(Route(path, endpoint) for path in (server.path, server.path + "/")),
            *metadata_routes(server),
            *proxy,
            *([control_route(controlled)] if controlled else []),
        ],
        middleware=[Middleware(_CrossOrigin, server=server)],
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


class _CrossOrigin:
    """Lets scripts of every web origin call the server and read what they need of its answers (Fetch, CORS)."""

    def __init__(self, app: ASGIApp, server: Deployment) -> None:
        self._server = server
        self._apps: dict[str, ASGIApp] = {
            "allowed": _readable(app, ["WWW-Authenticate", "Mcp-Session-Id"]),
            "headers-hidden": _readable(app, []),
            "preflight-refused": app,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._apps[self._server.flaws.cross_origin](scope, receive, send)


def _readable(app: ASGIApp, headers: list[str]) -> ASGIApp:
    methods = ["GET", "POST", "DELETE", "OPTIONS"]
    return CORSMiddleware(app, allow_origins=["*"], allow_methods=methods, allow_headers=["*"], expose_headers=headers)
