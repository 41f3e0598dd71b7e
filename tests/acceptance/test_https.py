"""Clients that trust the inspector's certificate, against https servers that the proxy alone can find."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.browser import CA_VARIABLE
from tests.acceptance.capture import PATIENCE, report, started
from tests.acceptance.secure_pair import SecurePair, secure_pair
from tests.acceptance.test_clients import (
    ENDED_WELL,
    fastmcp,
    is_clean,
    mcp_remote,
    phases,
    python_sdk,
    sign_in_and_call,
    typescript_1,
    typescript_2,
)

pytestmark = pytest.mark.acceptance


def options(pair: SecurePair) -> tuple[str, ...]:
    """What `run` has to be told of such servers."""
    names = (word for entry in pair.resolve for word in ("--resolve", entry))
    return ("--server", pair.mcp_url, "--upstream-ca", str(pair.ca), *names)


async def gets_in(pair: SecurePair, session: Path) -> dict[str, Any]:
    code, document = await report(session)
    run: dict[str, Any] = document["runs"][-1]
    assert is_clean(code, run), (run["verdict"], run["findings"])
    assert phases(run) == ENDED_WELL
    assert (run["server"], run["authorization_server"]) == (pair.mcp_url, pair.issuer)
    return run


@pytest.mark.parametrize(
    "client",
    [python_sdk, fastmcp, typescript_1, typescript_2],
    ids=["Python SDK", "FastMCP", "TypeScript SDK 1", "TypeScript SDK 2"],
)
async def test_a_client_gets_in(tmp_path: Path, client: Callable[[], Sequence[str]]) -> None:
    session = tmp_path / "session.mcpauth"
    async with secure_pair(tmp_path) as pair:
        command = (*client(), pair.mcp_url)
        async with started(
            command, tmp_path, session, options=options(pair), variables={CA_VARIABLE: str(pair.ca)}
        ) as running:
            async with asyncio.timeout(PATIENCE):
                await running.process.wait()
        await gets_in(pair, session)


async def test_the_newest_mcp_remote_gets_in(tmp_path: Path) -> None:
    session = tmp_path / "session.mcpauth"
    async with secure_pair(tmp_path) as pair:
        command = mcp_remote("latest", pair.mcp_url)
        async with started(
            command, tmp_path, session, options=options(pair), variables={CA_VARIABLE: str(pair.ca)}
        ) as running:
            await sign_in_and_call(running)
        await gets_in(pair, session)
