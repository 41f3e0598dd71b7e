import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inspector.reference.faults import with_faults
from inspector.reference.settings import DEMO

if TYPE_CHECKING:
    from tests.reference.conftest import Pair, StartPair

ACCEPT = {"Accept": "application/json, text/event-stream"}


async def send(pair: "Pair", method: str, url: str = "", **headers: str) -> httpx.Response:
    """A JSON-RPC request of a client with a handshake."""
    information = {"name": "test", "version": "1"}
    params: dict[str, Any] = {}
    if method == "initialize":
        params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": information}
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return await pair.http.post(url or pair.reference.mcp_url, json=message, headers=ACCEPT | headers)


async def bearer(pair: "Pair") -> dict[str, str]:
    tokens = await pair.tokens(resource=pair.reference.mcp_url, scope="openid profile email")
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def test_the_endpoint_can_redirect_to_the_url_with_a_slash(start: "StartPair") -> None:
    async with start(with_faults(DEMO, ["redirect-to-slash"])) as pair:
        token = await bearer(pair)
        redirected = await send(pair, "initialize", **token)
        assert (redirected.status_code, redirected.headers["location"]) == (307, pair.reference.mcp_url + "/")
        assert (await send(pair, "initialize", redirected.headers["location"], **token)).status_code == 200


async def test_the_url_with_a_slash_is_otherwise_not_there(pair: "Pair") -> None:
    assert (await send(pair, "initialize", pair.reference.mcp_url + "/", **await bearer(pair))).status_code == 404


@pytest.mark.parametrize(("fault", "status"), [(None, 401), ("token-checked-once", 200)])
async def test_a_session_id_alone_is_enough_only_with_the_fault(
    start: "StartPair", fault: str | None, status: int
) -> None:
    async with start(with_faults(DEMO, [fault] if fault else [])) as pair:
        opened = await send(pair, "initialize", **await bearer(pair))
        session = {"Mcp-Session-Id": opened.headers["mcp-session-id"], "MCP-Protocol-Version": "2025-11-25"}
        answer = await send(pair, "tools/list", **session)
        other = await send(pair, "tools/list", **session | {"Mcp-Session-Id": "unknown"})
    assert answer.status_code == status
    assert other.status_code == 401


async def test_the_stateless_revision_is_refused_by_an_older_server(start: "StartPair") -> None:
    async with start(replace(DEMO, revision="2025-11-25")) as pair:
        token = (await bearer(pair))["Authorization"].partition(" ")[2]
        answer = await pair.call_tool(token, "get-user-info")
    assert answer.status_code == 400
    assert "Unsupported protocol version" in json.dumps(answer.json()["error"])


async def test_a_block_at_the_edge_hits_requests_with_a_token(start: "StartPair") -> None:
    async with start(with_faults(DEMO, ["blocked-at-edge"])) as pair:
        blocked = await send(pair, "initialize", **await bearer(pair))
        assert (await send(pair, "initialize")).status_code == 401
    assert blocked.status_code == 403
    assert blocked.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("fault", "status", "exposed"),
    [(None, 200, True), ("cors-headers-hidden", 200, False), ("cors-preflight-refused", 401, False)],
)
async def test_what_a_script_in_a_browser_gets(
    start: "StartPair", fault: str | None, status: int, exposed: bool
) -> None:
    origin = {"Origin": "http://localhost:6274"}
    async with start(with_faults(DEMO, [fault] if fault else [])) as pair:
        preflight = await pair.http.options(
            pair.reference.mcp_url, headers=origin | {"Access-Control-Request-Method": "POST"}
        )
        answer = await send(pair, "initialize", **origin)
    assert preflight.status_code == status
    named = answer.headers.get("access-control-expose-headers", "")
    assert ("WWW-Authenticate" in named, "Mcp-Session-Id" in named) == (exposed, exposed)


async def test_unreachable_keys_are_no_refusal_of_the_token(pair: "Pair", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pair.reference.authkit.keys, "jwk_set", lambda: {"keys": "none"})
    answer = await send(pair, "initialize", **await bearer(pair))
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert "www-authenticate" not in answer.headers
