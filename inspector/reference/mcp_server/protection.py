"""The authorization layer in front of the MCP endpoint: bearer tokens in, challenges out."""

from typing import Any

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from inspector.reference.mcp_server.tools import CLAIMS
from inspector.reference.mcp_server.verification import InvalidToken, KeysUnavailable, TokenVerifier


class Protection:
    """Lets a request through to `app` only with a valid access token; answers 401 with a challenge otherwise."""

    def __init__(self, app: ASGIApp, verifier: TokenVerifier, resource_metadata: str, scope: str) -> None:
        self._app = app
        self._verifier = verifier
        self._resource_metadata = resource_metadata
        self._scope = scope

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI request."""
        token = _bearer_token(Headers(scope=scope))
        if token is None:
            await self._challenge()(scope, receive, send)
            return
        try:
            claims = await self._verifier.verify(token)
        except InvalidToken as problem:
            await self._challenge(str(problem))(scope, receive, send)
            return
        except KeysUnavailable:
            answer = {"error": "temporarily_unavailable", "error_description": "The signing keys cannot be fetched."}
            await JSONResponse(answer, status_code=503)(scope, receive, send)
            return
        await self._app({**scope, CLAIMS: claims, "user": _principal(token, claims)}, receive, send)

    def _challenge(self, problem: str | None = None) -> Response:
        """401 with the Bearer challenge of RFC 9728 section 5.1; `error` only when a token was sent (RFC 6750 3.1)."""
        parameters = {"resource_metadata": self._resource_metadata, "scope": self._scope}
        if problem is None:
            return Response(status_code=401, headers={"WWW-Authenticate": _bearer(parameters)})
        error = {"error": "invalid_token", "error_description": problem}
        return JSONResponse(error, status_code=401, headers={"WWW-Authenticate": _bearer(error | parameters)})


def _bearer(parameters: dict[str, str]) -> str:
    return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in parameters.items())


def _bearer_token(headers: Headers) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _principal(token: str, claims: dict[str, Any]) -> AuthenticatedUser:
    """What the SDK binds a session to: the same client, issuer and user must come back with the session id."""
    return AuthenticatedUser(
        AccessToken(
            token=token,
            client_id=str(claims.get("client_id", "")),
            scopes=str(claims.get("scope", "")).split(),
            subject=claims["sub"],
            claims=claims,
        )
    )
