"""Our addon in a mitmproxy that its user has started: it records there too, and is found by `open`."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from inspector.capture.proxy import ADDON, RunningProxy, find_running
from inspector.session.model import Exchange
from inspector.session.reader import Session
from inspector.session.writer import SessionWriter
from tests.capture.rows import row
from tests.capture.upstream import Upstream


@contextmanager
def mitmproxy(tool: str, folder: Path, *options: str) -> Iterator[str]:
    """One of mitmproxy's programs with our addon, as a user starts it; gives its log up to the start."""
    program = f"from mitmproxy.tools.main import {tool}; {tool}()"
    web = ("--no-web-open-browser", "--web-port", "0") if tool == "mitmweb" else ()
    command = [sys.executable, "-c", program, "-s", str(ADDON), "--set", f"confdir={folder}", "-p", "0", *web]
    process = subprocess.Popen(
        [*command, "--listen-host", "127.0.0.1", *options],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    log = ""
    try:
        while "HTTP(S) proxy listening" not in log:
            line = process.stdout.readline()
            assert line, log
            log += line
        yield log
    finally:
        process.terminate()
        process.communicate()


def attached() -> RunningProxy:
    """The proxy, which leaves its note a moment after it has said that it listens."""
    for _ in range(1000):
        for proxy in find_running():
            return proxy
        time.sleep(0.01)
    raise AssertionError("it left no note")


@pytest.mark.parametrize("tool", ["mitmdump", "mitmweb"])
async def test_it_records_into_a_new_session_that_the_log_names(
    tool: str, home: Path, tmp_path: Path, server: Upstream
) -> None:
    server.answer("/mcp", b"{}")
    with mitmproxy(tool, tmp_path, "--set", f"inspector_targets={server.at('/mcp')}") as log:
        proxy = attached()
        assert proxy.attached
        assert f"inspector: Recording into {proxy.session}" in log
        assert proxy.session.parent == home / "sessions"
        async with httpx.AsyncClient(proxy=proxy.url, trust_env=False) as client:
            assert (await client.get(server.at("/mcp"))).content == b"{}"
        assert (await row(proxy, server.at("/mcp"))).status == 200
    assert find_running() == []


async def test_it_records_into_the_session_that_is_named(home: Path, tmp_path: Path, server: Upstream) -> None:
    session = tmp_path / "mine.mcpauth"
    target = f"inspector_targets={server.at('/mcp')}"
    with mitmproxy("mitmdump", tmp_path, "--set", f"inspector_session={session}", "--set", target):
        proxy = attached()
        assert proxy.session == session
        async with httpx.AsyncClient(proxy=proxy.url, trust_env=False) as client:
            await client.get(server.at("/mcp"))
        assert (await row(proxy, server.at("/mcp"))).status == 404


async def test_it_can_be_a_gateway_there_and_leaves_mitmproxys_own_file_alone(
    home: Path, tmp_path: Path, server: Upstream
) -> None:
    flows = tmp_path / "flows"
    with mitmproxy("mitmdump", tmp_path, "-w", str(flows), "--set", f"inspector_gateway={server.at('/mcp')}"):
        proxy = attached()
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.get(proxy.gateway)
        assert (await row(proxy, server.at("/mcp"))).status == 404
    assert b"404" in flows.read_bytes()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere local mode does without sudo, and might begin")
def test_a_local_mode_that_cannot_start_leaves_no_session_and_says_what_else_there_is(
    home: Path, tmp_path: Path
) -> None:
    program = "from mitmproxy.tools.main import mitmdump; mitmdump()"
    options = ("-s", str(ADDON), "--set", f"confdir={tmp_path}", "--mode", "local:no-such-process")
    done = subprocess.run(
        [sys.executable, "-c", program, *options],
        env={**os.environ, "PATH": "/nonexistent"},  # no sudo
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert done.stderr.count("inspector: ") == 1
    assert "inspector: Nothing is being recorded, because mitmproxy did not start" in done.stderr
    assert "`mcp-auth-inspector doctor` says whether local mode can work on this machine" in done.stderr
    assert [path for path in home.rglob("*") if path.is_file()] == []


def test_a_session_that_was_there_stays_when_mitmproxy_does_not_start(home: Path, tmp_path: Path) -> None:
    session = tmp_path / "mine.mcpauth"
    with SessionWriter.create(session, meta={}) as writer:
        writer.record(Exchange(0, "GET", "http://localhost/first"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        starting = mitmproxy(
            "mitmdump", tmp_path, "-p", str(taken.getsockname()[1]), "--set", f"inspector_session={session}"
        )
        with pytest.raises(AssertionError, match="address already in use"):
            starting.__enter__()
    with Session.open(session) as kept:
        assert kept.count == 1
    assert {path.name for path in tmp_path.glob("mine*")} == {"mine.mcpauth"}
