"""An event stream on which nothing happens for long, as MCP servers keep them, stays open."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from inspector.capture.proxy import RunningProxy
from tests.capture.conftest import Start
from tests.capture.upstream import Upstream

QUIET = 15 * 60.0
"""Seconds."""


def test_the_proxy_closes_no_connection_for_a_day(start: Start) -> None:
    command_line = Path(f"/proc/{start().pid}/cmdline")
    if not command_line.exists():
        pytest.skip("only Linux shows how a process was started")
    (option,) = (word for word in command_line.read_bytes().split(b"\0") if word.startswith(b"tcp_timeout="))
    assert int(option.partition(b"=")[2]) >= 24 * 60 * 60 > QUIET


async def first_and_last(proxy: RunningProxy, url: str) -> tuple[bytes, bytes]:
    """The two events of the stream, as a client gets them."""
    parts = urlsplit(url if proxy.gateway else proxy.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    target = urlsplit(url).path if proxy.gateway else url
    writer.write(f"GET {target} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nAccept: text/event-stream\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    events = await reader.readuntil(b"one\n\n"), await reader.readuntil(b"two\n\n")
    writer.close()
    return events


@pytest.mark.nightly
async def test_a_stream_is_open_after_a_quarter_of_an_hour(start: Start, server: Upstream, home: Path) -> None:
    async def events(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\ndata: one\n\n")
        await writer.drain()
        await asyncio.sleep(QUIET)
        writer.write(b"data: two\n\n")

    server.answers["/mcp"] = events
    proxy = start(targets=(server.at("/mcp"),))
    gateway = start(session=home / "gateway.mcpauth", gateway=server.at("/mcp"))
    through_both = first_and_last(proxy, server.at("/mcp")), first_and_last(gateway, gateway.gateway)
    async with asyncio.timeout(QUIET + 60):
        for first, last in await asyncio.gather(*through_both):
            assert b"data: one\n\n" in first
            assert b"data: two\n\n" in last
