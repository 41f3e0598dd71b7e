"""Proxies and servers for clients that nobody here wrote."""

import socket
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from inspector.capture.proxy import ProxySettings, RunningProxy, start_proxy
from inspector.reference.pair import Reference
from inspector.reference.settings import DEMO
from inspector.session.location import HOME_VARIABLE

type Start = Callable[..., RunningProxy]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start a proxy; keyword arguments are its settings."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    running: list[RunningProxy] = []

    def started_proxy(**settings: object) -> RunningProxy:
        session = tmp_path / f"{len(running)}.mcpauth"
        running.append(start_proxy(ProxySettings(session, **settings)))  # type: ignore[arg-type]  # as the caller says
        return running[-1]

    yield started_proxy
    for proxy in running:
        proxy.stop()


@pytest.fixture
async def pair() -> AsyncIterator[Reference]:
    """Servers that clients can only register with: few of them have a document to be known by."""
    async with Reference(replace(DEMO, cimd=False)) as running:
        yield running


def stand_before(start: Start, mcp_url: str, **settings: object) -> RunningProxy:
    """A gateway at a port of its own: mcp-remote derives its callback port from the URL, and lingers."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return start(gateway=mcp_url, gateway_port=port, **settings)
