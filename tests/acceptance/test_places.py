"""Clients and servers that stand elsewhere than usual: moved aside, side by side, behind the proxy of a network."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from inspector.capture.ca_bundle import write_ca_bundle
from inspector.capture.environment import client_environment
from inspector.capture.proxy import RunningProxy
from inspector.reference.authkit.app import authkit_app
from inspector.reference.authkit.emulator import AuthKit
from inspector.reference.listener import bound_socket, serving
from inspector.reference.mcp_server.app import mcp_server_app
from inspector.reference.mcp_server.deployment import Deployment
from inspector.reference.pair import Reference
from inspector.reference.settings import DEMO
from tests.acceptance.browser import CA_VARIABLE
from tests.acceptance.capture import PATIENCE, Client, report, started
from tests.acceptance.conftest import Start
from tests.acceptance.secure_pair import secure_pair
from tests.acceptance.test_clients import (
    ENDED_WELL,
    is_clean,
    mcp_remote,
    phases,
    python_sdk,
    sign_in_and_call,
    typescript_1,
    typescript_before_resource,
)
from tests.capture.test_upstream_proxy import corporate

pytestmark = pytest.mark.acceptance


@asynccontextmanager
async def moved() -> AsyncIterator[tuple[str, str, str]]:
    """The URL that an MCP server calls itself and clients know, where it listens instead, and its issuer."""
    with socket.create_server(("127.0.0.1", 0)) as before:
        mcp_url = f"http://localhost:{before.getsockname()[1]}/mcp"
    with bound_socket(0, "moved MCP server") as mcp_socket, bound_socket(0, "emulator") as authkit_socket:
        issuer, server = (f"http://localhost:{each.getsockname()[1]}" for each in (authkit_socket, mcp_socket))
        authkit = AuthKit(issuer, replace(DEMO, cimd=False).for_server(mcp_url))
        http = httpx.AsyncClient(trust_env=False)
        deployment = Deployment(lambda: authkit.settings, mcp_url, issuer, http, authkit.api_key)
        async with serving((authkit_app(authkit), authkit_socket), (mcp_server_app(deployment), mcp_socket)):
            yield mcp_url, server, issuer


async def ended(client: Client) -> int:
    async with asyncio.timeout(PATIENCE):
        return await client.process.wait()


async def judged(session: Path, mcp_url: str) -> tuple[int, dict[str, Any]]:
    """What is said about the one run at a server."""
    code, document = await report(session)
    (run,) = (run for run in document["runs"] if run["server"] == mcp_url)
    return code, run


async def test_a_server_that_has_moved_leaves_its_clients_as_they_are(start: Start, tmp_path: Path) -> None:
    async with moved() as (mcp_url, server, issuer):
        proxy = start(gateway=mcp_url, takeover=server)
        async with started((*python_sdk(), mcp_url), tmp_path, proxy.session, under_run=False) as client:
            assert await ended(client) == 0
        code, run = await judged(proxy.session, mcp_url)
        assert is_clean(code, run), (run["verdict"], run["findings"])
        assert phases(run) == ENDED_WELL
        assert run["authorization_server"] == issuer
        async with started(mcp_remote("latest", mcp_url), tmp_path, proxy.session, under_run=False) as client:
            await sign_in_and_call(client)
        code, document = await report(proxy.session)
        assert {run["verdict"]["party"] for run in document["runs"]} == {"none"}
        assert {run["server"] for run in document["runs"]} == {mcp_url}
        assert sum(phases(run) >= ENDED_WELL for run in document["runs"]) == 2


def through(proxy: RunningProxy) -> dict[str, str]:
    """The environment of a client of a proxy that several share."""
    return client_environment(proxy.url, write_ca_bundle(proxy.ca_certificate, os.environ), {})


async def test_two_clients_at_two_servers_are_two_runs_each_with_its_own_verdict(start: Start, tmp_path: Path) -> None:
    proxy, good = start(), replace(DEMO, cimd=False)
    async with Reference(good) as one, Reference(good) as other:
        careful, careless = (*typescript_1(), one.mcp_url), (*typescript_before_resource(), other.mcp_url)
        options: dict[str, Any] = {"under_run": False, "variables": through(proxy)}
        async with (
            started(careful, tmp_path / "careful", proxy.session, **options) as first,
            started(careless, tmp_path / "careless", proxy.session, **options) as second,
        ):
            await asyncio.gather(ended(first), ended(second))
        _, document = await report(proxy.session)
        assert len(document["runs"]) == 2
        for run, pair, verdict in (
            (await judged(proxy.session, one.mcp_url), one, ("none", None)),
            (await judged(proxy.session, other.mcp_url), other, ("client", "resource-missing-authorize")),
        ):
            assert (run[1]["verdict"]["party"], run[1]["verdict"]["cause"]) == verdict
            assert run[1]["authorization_server"] == pair.issuer
            assert phases(run[1]) >= ENDED_WELL


async def test_two_clients_of_one_program_at_one_server_are_two_runs(start: Start, tmp_path: Path) -> None:
    proxy = start()
    async with Reference(replace(DEMO, cimd=False)) as pair:
        command = (*python_sdk(), pair.mcp_url)
        options: dict[str, Any] = {"under_run": False, "variables": through(proxy)}
        async with (
            started(command, tmp_path / "1", proxy.session, **options) as first,
            started(command, tmp_path / "2", proxy.session, **options) as second,
        ):
            assert list(await asyncio.gather(ended(first), ended(second))) == [0, 0]
    code, document = await report(proxy.session)
    assert [is_clean(code, run) and phases(run) == ENDED_WELL for run in document["runs"]] == [True, True]


async def test_a_client_gets_out_through_the_proxy_of_its_network(tmp_path: Path) -> None:
    session = tmp_path / "session.mcpauth"
    async with secure_pair(tmp_path) as pair, corporate() as network:
        variables = {CA_VARIABLE: str(pair.ca), "MCP_AUTH_INSPECTOR_UPSTREAM_PROXY": network.url}
        options = ("--server", pair.mcp_url, "--upstream-ca", str(pair.ca))
        command = (*typescript_1(), pair.mcp_url)
        async with started(command, tmp_path, session, options=options, variables=variables) as client:
            assert await ended(client) == 0, (tmp_path / "narration.txt").read_text()
        hosts = {each.partition(" ")[2].partition(":")[0] for each in network.asked}
        assert hosts == {"mcp.lab.test", "auth.lab.test"}
        code, run = await judged(session, pair.mcp_url)
    assert is_clean(code, run), (run["verdict"], run["findings"])
    assert phases(run) == ENDED_WELL
