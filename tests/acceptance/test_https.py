"""Clients and https servers under names that the proxy alone can find: by our certificate, and with none at all."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from inspector.capture.proxy import RunningProxy
from tests.acceptance.browser import CA_VARIABLE
from tests.acceptance.capture import PATIENCE, Client, report, started
from tests.acceptance.conftest import Start, stand_before
from tests.acceptance.secure_pair import SecurePair, secure_pair
from tests.acceptance.test_clients import (
    ENDED_WELL,
    INITIALIZE,
    blames_the_client,
    fastmcp,
    mcp_remote,
    phases,
    python_sdk,
    rules,
    sign_in_and_call,
    typescript_1,
    typescript_2,
)
from tests.acceptance.test_codex import codex

pytestmark = pytest.mark.acceptance

type Talk = Callable[[Client], Awaitable[None]]


def options(pair: SecurePair) -> tuple[str, ...]:
    """What `run` has to be told of such servers."""
    names = (word for entry in pair.resolve for word in ("--resolve", entry))
    return ("--server", pair.mcp_url, "--upstream-ca", str(pair.ca), *names)


async def its_end(client: Client) -> None:
    """Wait for a client that does everything by itself."""
    assert await client.process.wait() == 0


async def is_found_out(client: Client) -> None:
    """Wait until a client that omits `resource` is named for it."""
    client.send({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE})
    await client.until(blames_the_client)


async def told(command: Sequence[str], talk: Talk, folder: Path, pair: SecurePair, gateway: RunningProxy | None) -> Any:
    """What is said of a client that was started under `run`, or given the gateway's URL."""
    session = gateway.session if gateway else folder / "session.mcpauth"
    trust = {CA_VARIABLE: str(pair.ca)}
    async with started(
        command, folder, session, under_run=gateway is None, options=options(pair), variables=trust
    ) as client:
        async with asyncio.timeout(PATIENCE):
            await talk(client)
    _, document = await report(session)
    # A look whether there is a sign-in to make may come before or after the sign-in.
    run = next((run for run in document["runs"] if phases(run) >= ENDED_WELL), None)
    assert run, (document["runs"], (folder / "narration.txt").read_text())
    assert (run["server"], run["authorization_server"]) == (pair.mcp_url, pair.issuer)
    verdict = {name: run["verdict"][name] for name in ("party", "cause", "confidence")}
    return {"rules": rules(run), "verdict": verdict, **{name: run[name] for name in ("client", "protocol_version")}}


def old_mcp_remote(url: str) -> Sequence[str]:
    return mcp_remote("0.1.16", url)


def new_mcp_remote(url: str) -> Sequence[str]:
    return mcp_remote("latest", url)


def by_itself(client: Callable[[], Sequence[str]]) -> Callable[[str], Sequence[str]]:
    return lambda url: (*client(), url)


@pytest.mark.parametrize(
    ("client", "talk", "party"),
    [
        pytest.param(by_itself(python_sdk), its_end, "none", id="Python SDK"),
        pytest.param(by_itself(fastmcp), its_end, "none", id="FastMCP"),
        pytest.param(by_itself(typescript_1), its_end, "none", id="TypeScript SDK 1"),
        pytest.param(by_itself(typescript_2), its_end, "none", id="TypeScript SDK 2"),
        pytest.param(by_itself(codex), its_end, "none", id="Codex"),
        pytest.param(new_mcp_remote, sign_in_and_call, "none", id="newest mcp-remote"),
        pytest.param(old_mcp_remote, is_found_out, "client", id="mcp-remote 0.1.16"),
    ],
)
async def test_a_client_is_judged_alike_in_both_modes(
    start: Start, tmp_path: Path, client: Callable[[str], Sequence[str]], talk: Talk, party: str
) -> None:
    async with secure_pair(tmp_path) as pair:
        through_proxy = await told(client(pair.mcp_url), talk, tmp_path / "run", pair, None)
        gateway = stand_before(start, pair.mcp_url, upstream_ca=pair.ca, resolve=pair.resolve)
        assert gateway.gateway.startswith("http://127.0.0.1:")
        through_gateway = await told(client(gateway.gateway), talk, tmp_path / "gateway", pair, gateway)
    assert through_proxy["verdict"]["party"] == party
    if party == "none":
        assert through_proxy["rules"] <= {"dcr-deprecated"}
    assert through_proxy == through_gateway
