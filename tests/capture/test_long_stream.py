"""A stream of events that is far longer than what is kept of it costs the proxy no memory."""

import asyncio
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from inspector.capture.proxy import RunningProxy
from tests.capture.conftest import Start
from tests.capture.rows import row
from tests.capture.upstream import Upstream

if sys.platform != "linux":
    pytest.skip("only Linux tells how much memory another process had at most", allow_module_level=True)

MEGABYTE = 1024 * 1024
EVENT = b"data: " + b"x" * (64 * 1024 - 8) + b"\n\n"
EVENTS = 100 * MEGABYTE // len(EVENT)


def most_memory(proxy: RunningProxy) -> int:
    """Bytes that the proxy has had in memory at most."""
    (line,) = (line for line in Path(f"/proc/{proxy.pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


async def read(proxy: RunningProxy, url: str) -> int:
    """Read a stream to its end, and give its length."""
    parts = urlsplit(url if proxy.gateway else proxy.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    target = parts.path if proxy.gateway else url
    writer.write(f"GET {target} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nConnection: close\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    size = 0
    while data := await reader.read(MEGABYTE):
        size += len(data)
    writer.close()
    return size


@pytest.mark.parametrize("gateway", [False, True], ids=["proxy", "gateway"])
async def test_a_hundred_megabytes_of_events_take_less_than_ten(start: Start, server: Upstream, gateway: bool) -> None:
    events = 1

    async def stream(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        for _ in range(events):
            writer.write(EVENT)
            await writer.drain()

    server.answers["/mcp"] = server.answers["/short"] = stream
    proxy = start(gateway=server.at("/mcp")) if gateway else start(targets=(server.at("/mcp"),))
    origin = proxy.gateway.removesuffix("/mcp") or server.origin
    assert await read(proxy, f"{origin}/short") == len(EVENT)  # all that a first stream loads is loaded
    before, events = most_memory(proxy), EVENTS
    assert await read(proxy, f"{origin}/mcp") == EVENTS * len(EVENT)
    assert most_memory(proxy) - before < 10 * MEGABYTE
    kept = (await row(proxy, server.at("/mcp"))).response_body
    assert (kept.size, len(kept.data)) == (EVENTS * len(EVENT), 256 * 1024)
