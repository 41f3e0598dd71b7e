"""Real clients through the running proxy, against the reference server and the AuthKit emulator."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from inspector.reference.authkit.client_documents import ClientDocuments
from inspector.reference.pair import Reference
from inspector.reference.settings import DEMO, Settings
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
DOCUMENT = "https://client.example/metadata.json"


def phases(run: dict[str, Any]) -> set[int]:
    return {step["phase"] for step in run["steps"]}


def rules(run: dict[str, Any]) -> set[str]:
    return {finding["rule"] for finding in run["findings"]}


def is_clean(code: int, run: dict[str, Any]) -> bool:
    """Nobody is at fault; that registration is deprecated may be said to who registers as a client of 2026-07-28."""
    return (code, run["verdict"]["party"]) == (0, "none") and rules(run) <= {"dcr-deprecated"}


async def public_address(host: str, port: int) -> list[str]:
    return ["203.0.114.1"]


def served(request: httpx.Request) -> httpx.Response:
    """The document of a client that is known by its own URL, without the internet in between."""
    redirect_uris = [f"http://{place}/callback" for place in ("localhost", "127.0.0.1", "localhost/oauth")]
    document = {"client_id": DOCUMENT, "client_name": "Documented", "redirect_uris": redirect_uris}
    return httpx.Response(200, json=document)


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
    """Whether a token was refused, and the client is named for it."""
    return any(
        judged.verdict.party == "client" and judged.checked.of("aud-is-client-id") and judged.run.uses
        for judged in runs
    )


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


@pytest.mark.parametrize("options", [(), ("--client-metadata-url", DOCUMENT)], ids=["registers", "has a document"])
async def test_the_newest_mcp_remote_gets_in_and_is_told_so(tmp_path: Path, options: Sequence[str]) -> None:
    session = tmp_path / "new.mcpauth"
    async with Reference(replace(DEMO, dcr=not options, cimd=bool(options))) as pair:
        pair.authkit.documents = ClientDocuments(public_address, httpx.MockTransport(served))
        async with started((*mcp_remote("latest", pair.mcp_url), *options), tmp_path, session) as client:
            await sign_in_and_call(client)
    code, document = await report(session)
    run = document["runs"][-1]
    assert is_clean(code, run), (run["verdict"], run["findings"])
    assert phases(run) == (ENDED_WELL - {2} if options else ENDED_WELL)


def program(name: str) -> str:
    return str(Path(__file__).with_name(name))


def python_sdk() -> Sequence[str]:
    return (sys.executable, "-m", "tests.acceptance.sdk_client")


def fastmcp() -> Sequence[str]:
    return (str(python_environment("fastmcp", FASTMCP)), program("fastmcp_client.py"))


def typescript(name: str, version: str, negotiation: str = "legacy") -> Sequence[str]:
    prefix = npm_package(name, version).parents[2]
    return (str(node()), program("typescript_client.mjs"), str(prefix), name, negotiation)


typescript_1 = partial(typescript, "@modelcontextprotocol/sdk", "1")
typescript_2 = partial(typescript, "@modelcontextprotocol/client", "2")
typescript_2_auto = partial(typescript_2, "auto")
typescript_before_resource = partial(typescript, "@modelcontextprotocol/sdk", "1.12.3")

NEGOTIATED = [
    pytest.param(python_sdk, "2026-07-28", id="Python SDK"),
    pytest.param(fastmcp, "2026-07-28", id="FastMCP"),
    pytest.param(typescript_1, "2025-11-25", id="TypeScript SDK 1"),
    pytest.param(typescript_2, "2025-11-25", id="TypeScript SDK 2"),
    pytest.param(typescript_2_auto, "2026-07-28", id="TypeScript SDK 2, stateless"),
]


async def finished(client: Sequence[str], tmp_path: Path) -> tuple[int, dict[str, Any]]:
    """What is said about a client that was started and ended by itself: the exit code of `check`, and its one run."""
    session = tmp_path / "session.mcpauth"
    async with started(client, tmp_path, session) as running, asyncio.timeout(PATIENCE):
        await running.process.wait()
    code, document = await report(session)
    assert len(document["runs"]) == 1, (tmp_path / "narration.txt").read_text()
    return code, document["runs"][0]


@pytest.mark.parametrize(("client", "revision"), NEGOTIATED)
async def test_a_client_that_registers_gets_in_and_is_told_so(
    tmp_path: Path, client: Callable[[], Sequence[str]], revision: str
) -> None:
    async with Reference(replace(DEMO, cimd=False)) as pair:
        code, run = await finished((*client(), pair.mcp_url), tmp_path)
    assert is_clean(code, run), (run["verdict"], run["findings"])
    assert phases(run) >= ENDED_WELL
    assert run["protocol_version"] == revision


@pytest.mark.parametrize(("client", "revision"), NEGOTIATED[:4])
async def test_a_client_with_a_metadata_document_gets_in_and_is_told_so(
    tmp_path: Path, client: Callable[[], Sequence[str]], revision: str
) -> None:
    async with Reference(replace(DEMO, dcr=False)) as pair:
        pair.authkit.documents = ClientDocuments(public_address, httpx.MockTransport(served))
        code, run = await finished((*client(), pair.mcp_url, DOCUMENT), tmp_path)
    assert is_clean(code, run), (run["verdict"], run["findings"])
    assert phases(run) == ENDED_WELL - {2}
    assert run["protocol_version"] == revision


@pytest.mark.parametrize(
    ("client", "settings", "party", "cause"),
    [
        (typescript_before_resource, DEMO, "client", "resource-missing-authorize"),
        (typescript_1, replace(DEMO, resource_indicators=()), "configuration", "aud-is-client-id"),
        (
            python_sdk,
            replace(DEMO, resource_indicators=("https://other.example/mcp",)),
            "configuration",
            "invalid-target",
        ),
        (typescript_2, replace(DEMO, accept_any_audience=True), "none", None),
    ],
)
async def test_a_client_is_blamed_only_for_what_it_does(
    tmp_path: Path, client: Callable[[], Sequence[str]], settings: Settings, party: str, cause: str | None
) -> None:
    async with Reference(settings) as pair:
        _, run = await finished((*client(), pair.mcp_url), tmp_path)
    assert (run["verdict"]["party"], run["verdict"]["cause"]) == (party, cause)
