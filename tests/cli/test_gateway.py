import asyncio
import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from inspector.reference.client import perform
from inspector.reference.pair import Reference
from inspector.reference.profile import load_profile
from tests.cli.conftest import PROGRAM, Run

type Ended = Callable[[], Awaitable[tuple[int | None, str]]]


@asynccontextmanager
async def gateway(home: Path, *arguments: str) -> AsyncIterator[tuple[str, Ended]]:
    """The command while it runs: the URL it printed, and a way to press ctrl+c that gives exit code and narration."""
    process = await asyncio.create_subprocess_exec(
        *(*PROGRAM, "gateway", *arguments),
        env={**os.environ, "MCP_AUTH_INSPECTOR_HOME": str(home)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None

    async def end() -> tuple[int | None, str]:
        process.send_signal(signal.SIGINT)
        output, narration = await process.communicate()
        assert output == b""  # the URL was all
        return process.returncode, narration.decode()

    try:
        async with asyncio.timeout(60):
            line = await process.stdout.readline()
            yield line.decode().strip(), end
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize(("profile", "code", "says"), [("warp", 1, "resource"), ("compliant", 0, "No fault")])
async def test_the_verdict_comes_with_ctrl_c(tmp_path: Path, profile: str, code: int, says: str) -> None:
    session = tmp_path / "s.mcpauth"
    async with Reference() as pair, gateway(tmp_path, pair.mcp_url, "--session", str(session)) as (url, end):
        assert url.startswith("http://127.0.0.1:")
        assert url.endswith("/mcp")
        await perform(load_profile(profile), url)
        ended, narration = await end()
    assert ended == code
    assert f"give this URL to the client in place of {pair.mcp_url}" in narration
    assert says in narration
    assert f"the whole sign-in: mcp-auth-inspector open {session}" in narration
    assert "Traceback" not in narration


async def test_silence_is_explained(tmp_path: Path) -> None:
    async with gateway(tmp_path, "http://localhost:3001/mcp") as (url, end):
        code, narration = await end()
    assert code == 0
    assert f"no request to an MCP server was seen: No connection has come in: give the client {url}" in narration


async def test_a_server_that_moves_aside_leaves_its_url(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as before, socket.create_server(("127.0.0.1", 0)) as after:
        here, there = before.getsockname()[1], after.getsockname()[1]
    url = f"http://localhost:{here}/mcp"
    async with gateway(tmp_path, url, "--takeover", str(there)) as (printed, end):
        _, narration = await end()
    assert printed == url
    assert f"standing in for the server at {url}" in narration
    assert f"nobody answers at http://localhost:{there} yet: start the server there" in narration


def test_a_server_that_is_still_there_is_asked_to_move(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = run("gateway", f"http://localhost:{port}/mcp", "--takeover", "3999")
    assert done.returncode == 2
    assert f"Port {port} is in use, most likely by the server itself: stop it, start it on port 3999" in done.stderr
    assert done.stdout == ""


def test_a_url_that_is_none(run: Run) -> None:
    done = run("gateway", "mcp.example.com")
    assert done.returncode == 2
    assert "'mcp.example.com' is not a URL; give one such as" in done.stderr


def test_the_addon_is_where_it_is_said_to_be(run: Run) -> None:
    done = run("addon-path")
    assert Path(done.stdout.strip()).is_file()
    assert done.stderr == ""
