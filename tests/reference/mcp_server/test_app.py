from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from inspector.reference.settings import DEMO

if TYPE_CHECKING:
    from tests.reference.conftest import Pair, StartPair

INITIALIZE: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}
ACCEPT = {"Accept": "application/json, text/event-stream"}


async def initialize(pair: "Pair", **headers: str) -> Any:
    return await pair.http.post(pair.reference.mcp_url, json=INITIALIZE, headers=ACCEPT | headers)


async def test_without_a_token_the_challenge_leads_on_and_names_no_error(pair: "Pair") -> None:
    origin = pair.reference.mcp_url.removesuffix("/mcp")
    answer = await initialize(pair)
    assert answer.status_code == 401
    assert answer.headers.get_list("www-authenticate") == [
        f'Bearer resource_metadata="{origin}/.well-known/oauth-protected-resource/mcp", scope="openid profile email"'
    ]


@pytest.mark.parametrize("authorization", ["Basic dXNlcjpwYXNz", "Bearer"])
async def test_what_is_no_bearer_token_counts_as_no_token(pair: "Pair", authorization: str) -> None:
    answer = await initialize(pair, Authorization=authorization)
    assert answer.status_code == 401
    assert "error" not in answer.headers["www-authenticate"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
async def test_every_method_is_protected(pair: "Pair", method: str) -> None:
    assert (await pair.http.request(method, pair.reference.mcp_url)).status_code == 401


@pytest.mark.parametrize("path", ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"])
async def test_resource_metadata_is_served_at_both_locations(pair: "Pair", path: str) -> None:
    answer = await pair.http.get(pair.reference.mcp_url.removesuffix("/mcp") + path)
    document = answer.json()
    assert document["resource"] == pair.reference.mcp_url
    assert document["authorization_servers"] == [pair.reference.issuer]
    assert document["bearer_methods_supported"] == ["header"]


@pytest.mark.parametrize("document", ["oauth-authorization-server", "openid-configuration"])
@pytest.mark.parametrize("suffix", ["", "/mcp"])
async def test_authorization_server_metadata_is_proxied_for_old_clients(
    pair: "Pair", document: str, suffix: str
) -> None:
    proxied = await pair.http.get(pair.reference.mcp_url.removesuffix("/mcp") + f"/.well-known/{document}{suffix}")
    original = await pair.http.get(pair.at_authkit(f"/.well-known/{document}"))
    assert proxied.json() == original.json()
    assert proxied.headers["content-type"] == original.headers["content-type"]


async def test_a_browser_may_read_the_challenge(pair: "Pair") -> None:
    origin = {"Origin": "http://localhost:6274"}
    preflight = await pair.http.options(
        pair.reference.mcp_url,
        headers=origin
        | {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,mcp-method"},
    )
    answer = await initialize(pair, **origin)
    assert preflight.status_code == 200
    assert "mcp-method" in preflight.headers["access-control-allow-headers"]
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "WWW-Authenticate" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_valid_token_gets_in_by_either_name_of_this_machine(pair: "Pair", host: str) -> None:
    tokens = await pair.tokens(resource=pair.reference.mcp_url)
    answer = await pair.http.post(
        pair.reference.mcp_url.replace("localhost", host),
        json=INITIALIZE,
        headers=ACCEPT | {"Authorization": f"Bearer {tokens['access_token']}"},
    )
    assert answer.status_code == 200
    assert answer.headers["mcp-session-id"]


async def test_another_host_name_is_refused_as_dns_rebinding(pair: "Pair") -> None:
    tokens = await pair.tokens(resource=pair.reference.mcp_url)
    answer = await initialize(pair, Host="evil.example", Authorization=f"Bearer {tokens['access_token']}")
    assert answer.status_code == 421


async def test_a_session_belongs_to_its_user(pair: "Pair") -> None:
    mine, yours = [await pair.tokens(resource=pair.reference.mcp_url) for _ in range(2)]
    opened = await initialize(pair, Authorization=f"Bearer {mine['access_token']}")
    stolen = await pair.http.post(
        pair.reference.mcp_url,
        json={"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}},
        headers=ACCEPT
        | {
            "Mcp-Session-Id": opened.headers["mcp-session-id"],
            "MCP-Protocol-Version": "2025-11-25",
            "Authorization": f"Bearer {yours['access_token']}",
        },
    )
    assert stolen.status_code == 404


@pytest.mark.parametrize("protocol_version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
async def test_every_revision_with_a_handshake_is_spoken(pair: "Pair", protocol_version: str) -> None:
    tokens = await pair.tokens(resource=pair.reference.mcp_url)
    answer = await pair.http.post(
        pair.reference.mcp_url,
        json={**INITIALIZE, "params": INITIALIZE["params"] | {"protocolVersion": protocol_version}},
        headers=ACCEPT | {"Authorization": f"Bearer {tokens['access_token']}"},
    )
    assert f'"protocolVersion":"{protocol_version}"' in answer.text


async def test_the_2026_revision_is_spoken_without_a_session(start: "StartPair") -> None:
    async with start(replace(DEMO, permissions=("posts:read",))) as pair:
        tokens = await pair.tokens(resource=pair.reference.mcp_url)
        answer = await pair.call_tool(tokens["access_token"], "get-user-permissions")
    assert answer.status_code == 200
    assert "mcp-session-id" not in answer.headers
    assert answer.json()["result"]["structuredContent"] == {
        "scope": ["openid", "offline_access"],
        "permissions": ["posts:read"],
    }
