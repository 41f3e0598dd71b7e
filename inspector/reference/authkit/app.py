"""The emulator as an ASGI application."""

from functools import partial

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from inspector.reference.authkit import authorize, clients, metadata, tokens
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
    ("POST", "/oauth2/introspection", tokens.introspection),
    ("POST", "/oauth2/device_authorization", tokens.device_authorization),
    ("GET", "/oauth2/userinfo", tokens.userinfo),
)


def authkit_app(authkit: AuthKit) -> Starlette:
    """The application that serves this environment at its issuer's origin."""
    app = Starlette(
        routes=[Route(path, partial(endpoint, authkit), methods=[method]) for method, path, endpoint in _ENDPOINTS],
        exception_handlers={OAuthError: error_response},
        middleware=[Middleware(_Preflight)],
    )
    app.router.redirect_slashes = False
    return app


class _Preflight:
    """Allows every cross-origin preflight, as AuthKit does even where the answer itself names no origin."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "OPTIONS":
            await self._app(scope, receive, send)
            return
        headers = [
            (b"access-control-allow-origin", b"*"),
            (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
            (b"access-control-allow-headers", b"*, Authorization"),
            (b"content-length", b"0"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
