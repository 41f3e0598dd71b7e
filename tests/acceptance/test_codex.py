"""Codex, a native program: signed in through the proxy and through the gateway, with one verdict."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from inspector.reference.pair import Reference
from tests.acceptance.capture import PATIENCE, report, started
from tests.acceptance.conftest import Start, stand_before
from tests.acceptance.packages import entry_point, node, npm_package
from tests.acceptance.test_clients import ENDED_WELL, phases, rules

pytestmark = pytest.mark.acceptance


def codex() -> Sequence[str]:
    """Its starter is a script for Node, the program itself is not."""
    script = entry_point(npm_package("@openai/codex", "0.169.0"), "codex")
    return (sys.executable, str(Path(__file__).with_name("codex_client.py")), str(node()), str(script))


async def signed_in(session: Path) -> dict[str, Any]:
    """Its one attempt, to which the look belongs that it takes after it has signed in."""
    _, document = await report(session)
    (run,) = document["runs"]
    assert phases(run) >= ENDED_WELL
    return {"rules": rules(run), **{name: run[name] for name in ("verdict", "server", "client", "protocol_version")}}


async def test_it_gets_in_through_the_proxy_and_through_the_gateway(
    start: Start, pair: Reference, tmp_path: Path
) -> None:
    seen = []
    for number, gateway in enumerate((None, stand_before(start, pair.mcp_url))):
        folder = tmp_path / f"client-{number}"
        folder.mkdir()
        session = gateway.session if gateway else folder / "session.mcpauth"
        command = (*codex(), gateway.gateway if gateway else pair.mcp_url)
        async with started(command, folder, session, under_run=gateway is None) as client:
            async with asyncio.timeout(PATIENCE):
                await client.process.wait()
        assert client.process.returncode == 0, (folder / "narration.txt").read_text()
        seen.append(await signed_in(session))
    through_proxy, through_gateway = seen
    assert through_proxy["verdict"]["party"] == through_gateway["verdict"]["party"] == "none"
    assert through_proxy["rules"] == through_gateway["rules"] == {"dcr-deprecated"}
    assert through_proxy["server"] == through_gateway["server"] == pair.mcp_url
    assert through_proxy["protocol_version"] == through_gateway["protocol_version"]
    assert through_proxy["client"] == through_gateway["client"]
    assert through_proxy["client"]["name"] == "codex-mcp-client"
