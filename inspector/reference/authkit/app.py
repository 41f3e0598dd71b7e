"""The emulator as an ASGI application."""

from functools import partial

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inspector.reference.authkit import authorize, clients, metadata, token_status, tokens, users
from inspector.reference.authkit.emulator import AuthKit
from inspector.reference.authkit.errors import OAuthError, error_response

_ENDPOINTS = (
    ("GET", "/.well-known/oauth-authorization-server", metadata.authorization_server),
    ("GET", "/.well-known/openid-configuration", metadata.openid_configuration),
    ("GET", "/oauth2/jwks", metadata.key_set),
    ("POST", "/oauth2/register", clients.register),
    ("GET", "/oauth2/authorize", authorize.authorize),
    ("POST", "/oauth2/consent", authorize.consent),
    ("GET", "/oauth2/error", authorize.error),
    ("POST", "/oauth2/token", tokens.token),
    ("POST", "/oauth2/introspection", token_status.introspection),
    ("POST", "/oauth2/revoke", token_status.revocation),
    ("POST", "/oauth2/device_authorization", tokens.device_authorization),
    ("GET", "/oauth2/userinfo", token_status.userinfo),
    ("GET", "/user_management/users/{user_id}", users.user),
)


def authkit_app(authkit: AuthKit) -> Starlette:
    """The application that serves this environment at its issuer's origin."""
    app = Starlette(
        routes=[Route(path, partial(endpoint, authkit), methods=[method]) for method, path, endpoint in _ENDPOINTS],
        exception_handlers={OAuthError: error_response},
        middleware=[Middleware(_CrossOrigin, authkit=authkit)],
    )
    app.router.redirect_slashes = False
    return app


class _CrossOrigin:
    """Allows every preflight, as AuthKit does, but lets only configured web origins read the answers themselves."""

    def __init__(self, app: ASGIApp, authkit: AuthKit) -> None:
        self._app = app
        self._authkit = authkit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "OPTIONS":
            await _allow(send)
            return
        origin = Headers(scope=scope).get("origin") if scope["type"] == "http" else None
        if origin not in self._authkit.settings.web_origins:
            await self._app(scope, receive, send)
            return

        async def send_readable(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Access-Control-Allow-Origin", origin)
                headers.add_vary_header("Origin")
            await send(message)

        await self._app(scope, receive, send_readable)


async def _allow(send: Send) -> None:
    headers = [
        (b"access-control-allow-origin", b"*"),
        (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
        (b"access-control-allow-headers", b"*, Authorization"),
        (b"content-length", b"0"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
