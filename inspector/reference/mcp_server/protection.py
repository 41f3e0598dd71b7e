"""The authorization layer in front of the MCP endpoint: bearer tokens in, challenges out."""

from collections.abc import Mapping
from typing import Any

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inspector.reference.mcp_server.called_tools import called_tools
from inspector.reference.mcp_server.challenge import challenge
from inspector.reference.mcp_server.deployment import Deployment
from inspector.reference.mcp_server.tools import CLAIMS, FULL_SCOPE, TOOL_SCOPES
from inspector.reference.mcp_server.verification import ExpiredToken, InvalidToken, KeysUnavailable, TokenVerifier

_SESSION = "Mcp-Session-Id"
_FIRST_STATELESS = "2026-07-28"
_BLOCK_PAGE = "<!doctype html><title>Attention Required!</title><p>You have been blocked.</p>"
_UNSUPPORTED = {"code": -32000, "message": "Bad Request: Unsupported protocol version"}

type Claims = dict[str, Any]


class Protection:
    """Lets a request through to `app` only with a valid access token of sufficient scope; challenges it otherwise."""

    def __init__(self, app: ASGIApp, server: Deployment) -> None:
        self._app = app
        self._server = server
        self._verifier = TokenVerifier(server)
        self._sessions: dict[str, tuple[str, Claims]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI request."""
        answer = self._wrong_path(scope["path"])
        if answer is None:
            answer = await self._authorized(scope, receive, send)
        if answer is not None:
            await answer(scope, receive, send)

    def _wrong_path(self, path: str) -> Response | None:
        has_slash = path.endswith("/")
        if has_slash == self._server.flaws.redirects_to_slash:
            return None
        if has_slash:
            return PlainTextResponse("Not Found", status_code=404)
        return Response(status_code=307, headers={"Location": self._server.mcp_url + "/"})

    async def _authorized(self, scope: Scope, receive: Receive, send: Send) -> Response | None:
        """Pass the request on, or say what to answer instead."""
        headers = Headers(scope=scope)
        token = _bearer_token(headers)
        if token is not None and self._server.flaws.blocked_at_edge:
            return HTMLResponse(_BLOCK_PAGE, status_code=403, headers={"cf-mitigated": "challenge"})
        if token is None:
            remembered = self._sessions.get(headers.get(_SESSION, ""))
            if not (remembered and self._server.flaws.token_checked_once):
                return self._refusal({}, self._server.flaws.missing_token_status)
            token, claims = remembered
        else:
            try:
                claims = await self._verifier.verify(token)
            except ExpiredToken as problem:
                return self._refusal(_invalid(problem), self._server.flaws.expired_token_status)
            except InvalidToken as problem:
                return self._refusal(_invalid(problem), 401)
            except KeysUnavailable:
                unavailable = "The signing keys cannot be fetched."
                return JSONResponse(
                    {"error": "temporarily_unavailable", "error_description": unavailable}, status_code=503
                )
        if headers.get("mcp-protocol-version") == _FIRST_STATELESS > self._server.settings.revision:
            return JSONResponse({"jsonrpc": "2.0", "id": None, "error": _UNSUPPORTED}, status_code=400)
        if scope["method"] == "POST":
            tools, receive = await called_tools(receive)
            granted = str(claims.get("scope", "")).split()
            if any(TOOL_SCOPES[tool] not in granted for tool in tools & TOOL_SCOPES.keys()):
                return self._insufficient_scope(granted)
        passed_on = {**scope, "path": self._server.path, CLAIMS: claims, "user": _principal(token, claims)}
        await self._app(passed_on, receive, self._remembering(send, token, claims))
        return None

    def _refusal(self, error: Mapping[str, str], status: int) -> Response:
        """The answer to a request without a good token; 403, which is a flaw, comes without a challenge."""
        if status != 401:
            return JSONResponse({"error": "forbidden"}, status_code=status)
        value = challenge(self._server, error)
        headers = {} if value is None else {"WWW-Authenticate": value}
        return JSONResponse(error, 401, headers) if error else Response(status_code=401, headers=headers)

    def _insufficient_scope(self, granted: list[str]) -> Response:
        """403 that asks for what was granted and for what every tool needs (MCP 2025-11-25, Scope Challenge)."""
        error = {"error": "insufficient_scope", "error_description": "The tool needs more scope."}
        wanted = dict.fromkeys([name for name in granted if name != "offline_access"] + FULL_SCOPE.split())
        flaw = self._server.flaws.step_up
        value = challenge(self._server, error, scope=" ".join(wanted))
        if flaw == "unexplained":
            value = 'Bearer error="insufficient_scope"'
        headers = {} if value is None else {"WWW-Authenticate": value}
        return JSONResponse(error, 401 if flaw == "as-401" else 403, headers)

    def _remembering(self, send: Send, token: str, claims: Claims) -> Send:
        """`send`, noting which session a token opens where that is all the server will ever check."""
        if not self._server.flaws.token_checked_once:
            return send

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start" and (opened := Headers(raw=message["headers"]).get(_SESSION)):
                self._sessions[opened] = token, claims
            await send(message)

        return noting


def _invalid(problem: InvalidToken) -> dict[str, str]:
    return {"error": "invalid_token", "error_description": str(problem)}


def _bearer_token(headers: Headers) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _principal(token: str, claims: Claims) -> AuthenticatedUser:
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
