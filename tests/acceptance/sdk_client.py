"""The official Python SDK's client as a program of its own (python -m): sign in, list the tools, call one.

Arguments: the MCP server's URL, and where the client has a metadata document the URL of that.
"""

import asyncio
import sys
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl

from tests.acceptance.browser import visit

CALLBACK = "http://127.0.0.1:33419/callback"


class Memory:
    """The token storage the SDK asks for."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class Browser:
    """Follows the redirects of an authorization server that asks nothing, up to the client's own address."""

    url = ""

    async def open(self, url: str) -> None:
        self.url = url

    async def answer(self) -> AuthorizationCodeResult:
        while not self.url.startswith(CALLBACK):
            self.url = (await asyncio.to_thread(visit, self.url)).headers["location"]
        query = parse_qs(urlsplit(self.url).query)
        return AuthorizationCodeResult(code=query["code"][0], state=query["state"][0])


async def main(url: str, document: str | None = None) -> None:
    browser = Browser()
    auth = OAuthClientProvider(
        server_url=url,
        client_metadata=OAuthClientMetadata(
            client_name="SDK client",
            redirect_uris=[AnyUrl(CALLBACK)],
            grant_types=["authorization_code", "refresh_token"],
            response_types=["code"],
            token_endpoint_auth_method="none",
        ),
        storage=Memory(),
        redirect_handler=browser.open,
        callback_handler=browser.answer,
        client_metadata_url=document,
    )
    async with (
        httpx2.AsyncClient(auth=auth) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        await client.list_tools()
        await client.call_tool("get-user-info", {})


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
