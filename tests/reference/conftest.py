"""Both servers on free ports, and the single requests of an OAuth flow to send at them."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from inspector.reference.pair import Reference
from inspector.reference.settings import DEMO, Settings

# The pair of RFC 7636 appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
CALLBACK = "http://127.0.0.1:33418/callback"

type StartPair = Callable[[Settings], AbstractAsyncContextManager["Pair"]]


@dataclass(frozen=True)
class Pair:
    """Running servers with a client that keeps to the rules where a test does not say otherwise."""

    reference: Reference
    http: httpx.AsyncClient

    def at_authkit(self, path: str) -> str:
        """A URL of the emulator."""
        return self.reference.issuer + path

    async def register(self, **metadata: Any) -> dict[str, Any]:
        """Register a public client, or what `metadata` makes of it; its information response."""
        body = {"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none", "client_name": "test"} | metadata
        answer = await self.http.post(self.at_authkit("/oauth2/register"), json=body)
        assert answer.status_code == 201, answer.text
        registered: dict[str, Any] = answer.json()
        return registered

    async def authorize(self, client_id: str, **changes: str | list[str] | None) -> httpx.Response:
        """Send an authorization request; a parameter that is None is left out, a list is repeated."""
        parameters: dict[str, str | list[str] | None] = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": CALLBACK,
            "state": "opaque state",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        query = {name: value for name, value in (parameters | changes).items() if value is not None}
        return await self.http.get(self.at_authkit("/oauth2/authorize?" + urlencode(query, doseq=True)))

    async def code(self, client_id: str, **changes: str | list[str] | None) -> str:
        """The code of an approved authorization request."""
        return returned(await self.authorize(client_id, **changes))["code"]

    async def token(self, form: dict[str, str], basic: tuple[str, str] | None = None) -> httpx.Response:
        """Send a token request, with client id and secret in the header if `basic` is given."""
        auth = httpx.BasicAuth(*basic) if basic else httpx.Auth()
        return await self.http.post(self.at_authkit("/oauth2/token"), data=form, auth=auth)

    async def redeem(self, client_id: str, code: str, **changes: str) -> httpx.Response:
        """Redeem a code at the token endpoint as the public client that asked for it."""
        form = {
            "grant_type": "authorization_code",
            "client_id": client_id,
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        }
        return await self.token(form | changes)

    async def tokens(self, resource: str | None = None, scope: str = "openid offline_access") -> dict[str, Any]:
        """The token response of a whole flow, with the `client_id` it was issued to."""
        client_id = (await self.register())["client_id"]
        code = await self.code(client_id, resource=resource, scope=scope)
        answer = await self.redeem(client_id, code)
        assert answer.status_code == 200, answer.text
        return {"client_id": client_id, **answer.json()}

    async def call_tool(self, access_token: str, tool: str) -> httpx.Response:
        """Call a tool as a client of 2026-07-28, which needs no session."""
        meta = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        params = {"name": tool, "arguments": {}, "_meta": meta}
        headers = {
            "Accept": "application/json, text/event-stream",
            "Authorization": f"Bearer {access_token}",
            "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": "tools/call",
            "Mcp-Name": tool,
        }
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        return await self.http.post(self.reference.mcp_url, json=message, headers=headers)


def returned(answer: httpx.Response) -> dict[str, str]:
    """The parameters of an authorization response that was sent to the callback."""
    location = answer.headers["location"]
    assert location.startswith(CALLBACK + "?")
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


@pytest.fixture
def start() -> StartPair:
    """Starts a pair with these settings."""

    @asynccontextmanager
    async def started(settings: Settings) -> AsyncIterator[Pair]:
        async with Reference(settings) as reference, httpx.AsyncClient(trust_env=False) as http:
            yield Pair(reference, http)

    return started


@pytest.fixture
async def pair(start: StartPair) -> AsyncIterator[Pair]:
    """A well configured pair."""
    async with start(DEMO) as running:
        yield running
