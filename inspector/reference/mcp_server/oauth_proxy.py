"""OAuth for clients that cannot register: their requests are passed on under one client id of the server's own.

The MCP server stands between its clients and the authorization server as a confidential client with a fixed
redirect URI. PKCE and `resource` go through unchanged, so the token is the same as without it.
"""

import json
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from inspector.reference.authkit.redirects import matches, problem_with, with_parameters
from inspector.reference.mcp_server.deployment import Application, Deployment

CALLBACK = "/oauth/callback"
"""Path of the redirect URI that the operator enters for the server's application."""

_LONGEST_BODY = 64 * 1024  # bytes
_MOST_KEPT = 1000

type Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A client whose user is at the authorization server."""

    redirect_uri: str
    state: str | None


class OAuthProxy:
    """The four endpoints, and what is remembered between them."""

    def __init__(self, server: Deployment, application: Application) -> None:
        self._server = server
        self._application = application
        self._redirect_uris: dict[str, None] = {}
        self._waiting: dict[str, _Waiting] = {}

    @property
    def routes(self) -> list[Route]:
        """Where revision 2025-03-26 has its default endpoints."""
        return [
            Route("/register", self.register, methods=["POST"]),
            Route("/authorize", self.authorize, methods=["GET"]),
            Route(CALLBACK, self.callback, methods=["GET"]),
            Route("/token", self.token, methods=["POST"]),
        ]

    async def register(self, request: Request) -> Response:
        """Dynamic registration (RFC 7591) that gives every client the same id and remembers its redirect URIs."""
        try:
            metadata: Any = json.loads(await _limited_body(request))
        except (ValueError, RecursionError):
            metadata = None
        uris = metadata.get("redirect_uris") if isinstance(metadata, dict) else None
        if not isinstance(uris, list) or not uris:
            return _refusal("invalid_client_metadata", "The body is not a JSON object with redirect_uris.")
        if any(not isinstance(uri, str) or problem_with(uri) for uri in uris):
            return _refusal("invalid_redirect_uri", "A redirect URI is not https, loopback, or of an app's own scheme.")
        self._redirect_uris |= dict.fromkeys(uris)
        _forget_oldest(self._redirect_uris)
        registered = {
            "client_id": self._application.client_id,
            "redirect_uris": uris,
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        }
        return JSONResponse(registered, status_code=201, headers={"Cache-Control": "no-store"})

    async def authorize(self, request: Request) -> Response:
        """Send the browser on to the authorization server, with client id, redirect URI and state exchanged."""
        query = parse_qsl(request.scope["query_string"].decode("latin-1"), errors="replace")
        own = {"client_id", "redirect_uri", "state"}
        asked = {name: value for name, value in reversed(query) if name in own}
        redirect_uri = asked.get("redirect_uri", "")
        if not any(matches(redirect_uri, registered) for registered in self._redirect_uris):
            return _refusal("invalid_request", "No client has registered this redirect_uri; register first.")
        state = secrets.token_urlsafe(24)
        self._waiting[state] = _Waiting(redirect_uri, asked.get("state"))
        _forget_oldest(self._waiting)
        passed_on: Pairs = [(name, value) for name, value in query if name not in own]
        passed_on += [
            ("client_id", self._application.client_id),
            ("redirect_uri", self._server.origin + CALLBACK),
            ("state", state),
        ]
        return _redirect(f"{self._server.issuer}/oauth2/authorize?{urlencode(passed_on)}")

    async def callback(self, request: Request) -> Response:
        """Hand the authorization response to the client that waits for it, with its own state."""
        answer = dict(parse_qsl(request.scope["query_string"].decode("latin-1"), errors="replace"))
        waiting = self._waiting.pop(answer.pop("state", ""), None)
        if waiting is None:
            return _refusal("invalid_request", "Nobody waits for this answer; start again in the application.")
        answer.pop("iss", None)  # for the client, this server is the issuer
        return _redirect(with_parameters(waiting.redirect_uri, answer | {"state": waiting.state}))

    async def token(self, request: Request) -> Response:
        """Send a token request on with the application's own credentials, and its answer back."""
        try:
            form = parse_qsl((await _limited_body(request)).decode(), max_num_fields=100)
        except ValueError:
            return _refusal("invalid_request", "The body is not a form.")
        own = {"client_id", "client_secret", "redirect_uri"}
        passed_on: Pairs = [(name, value) for name, value in form if name not in own]
        passed_on += [("client_id", self._application.client_id), ("client_secret", self._application.secret)]
        if ("grant_type", "authorization_code") in form:
            passed_on.append(("redirect_uri", self._server.origin + CALLBACK))
        try:
            answer = await self._server.http.post(
                f"{self._server.issuer}/oauth2/token",
                content=urlencode(passed_on),
                headers={"Content-Type": "application/x-www-form-urlencoded"},
            )
        except httpx.HTTPError:
            return _refusal("temporarily_unavailable", "The authorization server does not answer.", status=502)
        headers = {name: answer.headers[name] for name in ("content-type", "cache-control") if name in answer.headers}
        return Response(answer.content, answer.status_code, headers=headers)


async def _limited_body(request: Request) -> bytes:
    """The body. ValueError when it is too long."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_BODY:
            raise ValueError
    return bytes(body)


def _forget_oldest(kept: dict[str, Any]) -> None:
    while len(kept) > _MOST_KEPT:
        del kept[next(iter(kept))]


def _redirect(location: str) -> Response:
    # Not RedirectResponse: it re-encodes the URL, and the client must get its own redirect URI back unchanged.
    return Response(status_code=302, headers={"Location": location, "Cache-Control": "no-store"})


def _refusal(error: str, description: str, status: int = 400) -> Response:
    return JSONResponse({"error": error, "error_description": description}, status_code=status)
