import asyncio
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace

import httpx
import pytest

from inspector.errors import ReferenceFailure
from inspector.reference.pair import Reference, serve
from inspector.reference.settings import DEMO


async def ok(url: str) -> bool:
    async with httpx.AsyncClient(trust_env=False) as http:
        return (await http.get(url)).status_code == 200


async def test_both_servers_run_for_the_time_of_the_context() -> None:
    async with Reference(DEMO) as reference:
        metadata = reference.issuer + "/.well-known/oauth-authorization-server"
        assert await ok(metadata)
        assert reference.mcp_url.startswith("http://localhost:")
        assert reference.mcp_url.endswith("/mcp")
        assert reference.settings.resource_indicators == (reference.mcp_url,)
    with pytest.raises(httpx.ConnectError):
        await ok(metadata)


async def test_an_open_event_stream_neither_delays_the_end_nor_fills_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with (
        httpx.AsyncClient(trust_env=False) as http,
        AsyncExitStack() as open_stream,
        Reference(DEMO) as reference,
    ):
        token = reference.authkit.keys.sign(
            {"iss": reference.issuer, "aud": reference.mcp_url, "sub": "user_1", "iat": 0, "exp": 9_999_999_999}
        )
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"}
        information = {"name": "test", "version": "1"}
        params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": information}
        message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
        opened = await http.post(reference.mcp_url, json=message, headers=headers)
        headers["Mcp-Session-Id"] = opened.headers["mcp-session-id"]
        stream = await open_stream.enter_async_context(http.stream("GET", reference.mcp_url, headers=headers))
        assert stream.status_code == 200
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR", "CRITICAL")]


async def test_two_pairs_run_side_by_side() -> None:
    async with Reference(DEMO) as one, Reference(DEMO) as other:
        assert one.mcp_url != other.mcp_url
        assert one.issuer != other.issuer


async def test_an_error_inside_the_context_comes_out_as_it_is() -> None:
    with pytest.raises(KeyError):
        async with Reference(DEMO):
            raise KeyError


@pytest.mark.parametrize("which", ["mcp_port", "authkit_port"])
async def test_a_taken_port_is_one_sentence(which: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ReferenceFailure, match=f"port {port}.*choose another port"):
            async with Reference(DEMO, **{which: port}):
                pass


async def test_an_impossible_port_is_one_sentence() -> None:
    with pytest.raises(ReferenceFailure, match="65535"):
        async with Reference(DEMO, mcp_port=70_000):
            pass


async def serving(ready: asyncio.Future[Reference], on_ready: Callable[[Reference], None]) -> None:
    await serve(replace(DEMO, auto_approve=False), mcp_port=0, authkit_port=0, on_ready=on_ready)


async def test_serve_runs_until_it_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCP_ALLOWED_TOKEN_AUDIENCES", "client_01")
    ready = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serving(ready, ready.set_result))
    reference = await ready
    metadata = reference.issuer + "/.well-known/oauth-authorization-server"
    assert await ok(metadata)
    assert reference.settings.allowed_token_audiences == ("client_01",)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(httpx.ConnectError):
        await ok(metadata)
