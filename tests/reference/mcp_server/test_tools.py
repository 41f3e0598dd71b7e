import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from inspector.reference.settings import DEMO

if TYPE_CHECKING:
    from tests.reference.conftest import Pair, StartPair

SCOPE = "openid profile email"


async def call(pair: "Pair", tool: str) -> dict[str, Any]:
    """The result of a tool for somebody who signed in with full scope."""
    tokens = await pair.tokens(resource=pair.reference.mcp_url, scope=SCOPE)
    answer = await pair.call_tool(tokens["access_token"], tool)
    assert answer.status_code == 200
    result: dict[str, Any] = answer.json()["result"]
    return result


async def test_what_the_token_says(start: "StartPair") -> None:
    async with start(replace(DEMO, organization_id="org_1", permissions=("posts:read",))) as pair:
        who = await call(pair, "get-user-info")
        what = await call(pair, "get-user-permissions")
    assert who["structuredContent"]["org_id"] == "org_1"
    assert who["structuredContent"]["aud"] == pair.reference.mcp_url
    assert json.loads(who["content"][0]["text"]) == who["structuredContent"]
    assert what["structuredContent"] == {"scope": SCOPE.split(), "permissions": ["posts:read"]}


async def test_what_the_user_api_says(pair: "Pair") -> None:
    user = (await call(pair, "get-workos-user"))["structuredContent"]
    assert (user["object"], user["email"]) == ("user", "ada@example.com")


@pytest.mark.parametrize("tool", ["get-user-info", "get-workos-user"])
async def test_the_api_key_is_never_told(pair: "Pair", tool: str) -> None:
    assert pair.reference.authkit.api_key not in json.dumps(await call(pair, tool))


async def test_without_an_api_key_the_tool_says_what_to_do(start: "StartPair") -> None:
    async with start(replace(DEMO, api_key=False)) as pair:
        result = await call(pair, "get-workos-user")
    assert result["isError"] is True
    assert "no API key" in result["content"][0]["text"]


async def test_a_refused_api_key_is_a_tool_error(pair: "Pair") -> None:
    pair.reference.authkit.api_key = "sk_test_another"
    result = await call(pair, "get-workos-user")
    assert result["isError"] is True
    assert "answered 401" in result["content"][0]["text"]


async def test_a_user_the_api_does_not_know_is_a_tool_error(pair: "Pair") -> None:
    tokens = await pair.tokens(resource=pair.reference.mcp_url, scope=SCOPE)
    pair.reference.authkit.store.users.clear()
    result = (await pair.call_tool(tokens["access_token"], "get-workos-user")).json()["result"]
    assert result["isError"] is True
    assert "answered 404" in result["content"][0]["text"]


async def test_an_unknown_tool_is_a_protocol_error(pair: "Pair") -> None:
    tokens = await pair.tokens(resource=pair.reference.mcp_url, scope=SCOPE)
    answer = await pair.call_tool(tokens["access_token"], "no-such-tool")
    assert answer.json()["error"]["code"] == -32602
