"""Real clients through the running proxy, against the reference server and the AuthKit emulator."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from inspector.reference.pair import Reference
from inspector.verdict.model import Judged
from tests.acceptance.capture import PATIENCE, Client, report, started
from tests.acceptance.packages import FASTMCP, entry_point, node, npm_package, python_environment

pytestmark = pytest.mark.acceptance

INITIALIZE = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "desktop", "version": "1.0"},
}
ENDED_WELL = {1, 2, 3, 4, 5}


def phases(run: dict[str, Any]) -> set[int]:
    return {step["phase"] for step in run["steps"]}


def rules(run: dict[str, Any]) -> set[str]:
    return {finding["rule"] for finding in run["findings"]}


async def sign_in_and_call(client: Client) -> None:
    """What a desktop application does with a bridge: the handshake, then a tool."""
    answer = await client.ask(1, "initialize", INITIALIZE)
    assert "result" in answer
    client.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
    tools = await client.ask(2, "tools/list", {})
    assert tools["result"]["tools"]
    result = await client.ask(3, "tools/call", {"name": "get-user-info", "arguments": {}})
    assert "error" not in result


def mcp_remote(version: str, url: str) -> Sequence[str]:
    script = entry_point(npm_package("mcp-remote", version), "mcp-remote")
    return (str(node()), str(script), url, "--transport", "http-only")


def blames_the_client(runs: Sequence[Judged]) -> bool:
    return any(judged.verdict.party == "client" and judged.checked.of("aud-is-client-id") for judged in runs)


async def test_mcp_remote_that_omits_resource_is_found_out(tmp_path: Path) -> None:
    session = tmp_path / "old.mcpauth"
    async with Reference() as pair:
        command = mcp_remote("0.1.16", pair.mcp_url)
        async with started(command, tmp_path, session) as client:
            client.send({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE})
            await client.until(blames_the_client)
    code, document = await report(session)
    run = document["runs"][0]
    assert code == 1
    assert run["verdict"]["party"] == "client"
    assert run["verdict"]["cause"].startswith("resource-missing-")
    assert {"resource-missing-authorize", "resource-missing-token", "aud-is-client-id"} <= rules(run)
    assert phases(run) >= ENDED_WELL
    assert run["server"] == pair.mcp_url
    assert run["authorization_server"] == pair.issuer


async def test_the_newest_mcp_remote_gets_in(tmp_path: Path) -> None:
    session = tmp_path / "new.mcpauth"
    async with Reference() as pair, started(mcp_remote("latest", pair.mcp_url), tmp_path, session) as client:
        await sign_in_and_call(client)
    code, document = await report(session)
    run = document["runs"][-1]
    assert (code, run["verdict"]["party"]) == (0, "none"), (run["verdict"], run["findings"])
    assert phases(run) >= ENDED_WELL


def program(name: str) -> str:
    return str(Path(__file__).with_name(name))


def python_sdk() -> Sequence[str]:
    return (sys.executable, program("sdk_client.py"))


def fastmcp() -> Sequence[str]:
    return (str(python_environment("fastmcp", FASTMCP)), program("fastmcp_client.py"))


def typescript(name: str, version: str) -> Sequence[str]:
    package = npm_package(name, version)
    return (str(node()), program("typescript_client.mjs"), str(package.parents[2]), name)


@pytest.mark.parametrize(
    ("client", "options", "revision"),
    [
        pytest.param(python_sdk, (), "2026-07-28", id="Python SDK"),
        pytest.param(fastmcp, (), "2026-07-28", id="FastMCP"),
        pytest.param(partial(typescript, "@modelcontextprotocol/sdk", "1"), (), "2025-11-25", id="TypeScript SDK 1"),
        pytest.param(partial(typescript, "@modelcontextprotocol/client", "2"), (), "2025-11-25", id="TypeScript SDK 2"),
        pytest.param(
            partial(typescript, "@modelcontextprotocol/client", "2"),
            ("auto",),
            "2026-07-28",
            id="TypeScript SDK 2, auto",
        ),
    ],
)
async def test_a_client_that_does_it_right_gets_in_and_is_told_so(
    tmp_path: Path, client: Callable[[], Sequence[str]], options: Sequence[str], revision: str
) -> None:
    session = tmp_path / "clean.mcpauth"
    async with Reference() as pair, started((*client(), pair.mcp_url, *options), tmp_path, session) as running:
        async with asyncio.timeout(PATIENCE):
            assert await running.process.wait() == 0, (tmp_path / "narration.txt").read_text()
    code, document = await report(session)
    (run,) = document["runs"]
    assert (code, run["verdict"]["party"]) == (0, "none"), (run["verdict"], run["findings"])
    assert run["findings"] == []
    assert phases(run) >= ENDED_WELL
    assert run["protocol_version"] == revision
