"""The official Python SDK client, unmodified, against the pair."""

from dataclasses import replace
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qs, urlsplit

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata
from pydantic import AnyUrl

from inspector.reference.browser import authorization_response
from inspector.reference.settings import DEMO
from tests.acceptance.sdk_client import Memory

if TYPE_CHECKING:
    from tests.reference.conftest import StartPair

CALLBACK = "http://127.0.0.1:33418/callback"


class Person:
    """Opens the authorization URL and signs in, as a person with a browser would."""

    url = ""

    async def open(self, url: str) -> None:
        self.url = url

    async def answer(self) -> AuthorizationCodeResult:
        async with httpx.AsyncClient(trust_env=False) as browser:
            callback = await authorization_response(browser, self.url, CALLBACK)
        query = parse_qs(urlsplit(callback).query)
        return AuthorizationCodeResult(code=query["code"][0], state=query["state"][0])


@pytest.mark.parametrize("mode", ["legacy", "auto"])
@pytest.mark.parametrize("auto_approve", [True, False])
async def test_the_sdk_client_signs_in_and_calls_a_tool(
    start: "StartPair", mode: Literal["legacy", "auto"], auto_approve: bool
) -> None:
    person, memory = Person(), Memory()
    async with start(replace(DEMO, auto_approve=auto_approve)) as pair:
        url = pair.reference.mcp_url
        auth = OAuthClientProvider(
            server_url=url,
            client_metadata=OAuthClientMetadata(
                client_name="SDK",
                redirect_uris=[AnyUrl(CALLBACK)],
                grant_types=["authorization_code", "refresh_token"],
                response_types=["code"],
                token_endpoint_auth_method="none",
            ),
            storage=memory,
            redirect_handler=person.open,
            callback_handler=person.answer,
        )
        async with (
            httpx2.AsyncClient(auth=auth, trust_env=False) as http,
            Client(streamable_http_client(url, http_client=http), mode=mode) as client,
        ):
            tools = await client.list_tools()
            result = await client.call_tool("get-user-info", {})
            unknown = await client.call_tool("get-user-permissions", {})
    assert [tool.name for tool in tools.tools] == ["get-user-info", "get-user-permissions", "get-workos-user"]
    assert result.structured_content is not None
    assert result.structured_content["aud"] == url
    assert unknown.is_error is False
    assert memory.tokens is not None
    assert memory.tokens.refresh_token is not None
    assert parse_qs(urlsplit(person.url).query)["resource"] == [url]
