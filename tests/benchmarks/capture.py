"""What recording costs: requests through our proxy against the same through bare mitmdump, and an event sent directly.

The processor's time of the two proxies is compared, which other programs on the machine disturb least. Requests per
second are its inverse, because a proxy under load has no other limit: 1.09 times the time is 0.92 of the requests.
A first event may be 5 ms later than directly.
"""

import asyncio
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from inspector.capture.proxy import ProxySettings, start_proxy
from tests.benchmarks.ratio import Ratio
from tests.capture.upstream import Certificates, make_certificates

REQUESTS = 320
ROUNDS = 7
EVENTS = 40
_CALL = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}'
_RESULT = b'{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"%s"}]}}' % (b"x" * 800)
_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(_RESULT), _RESULT)
_EVENT = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\ndata: 1\n\n"
_MITMDUMP = "from mitmproxy.tools.main import mitmdump; mitmdump()"


class _Server(asyncio.Protocol):
    """Answers before it has understood anything: whatever the server costs hides what is measured."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if data.endswith(_CALL):
            self._transport.write(_ANSWER)
        elif data.endswith(b"\r\n\r\n") and data.startswith(b"GET "):
            self._transport.write(_EVENT)  # and the stream stays open


def ratios() -> Iterator[Ratio]:
    """Measure: with one connection and with many, in the clear and inside TLS."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["MCP_AUTH_INSPECTOR_HOME"] = name
        certificates = make_certificates(folder)
        with _server(None) as clear, _server(certificates.server) as encrypted:
            urls = (f"http://127.0.0.1:{clear}/mcp", f"https://127.0.0.1:{encrypted}/mcp")
            ours = start_proxy(ProxySettings(folder / "b.mcpauth", targets=urls, upstream_ca=certificates.ca))
            bare, bare_port = _bare_mitmdump(folder, certificates)
            try:
                for url in urls:
                    for connections in (1, 32):
                        yield _compare(url, connections, (ours.pid, ours.port), (bare.pid, bare_port))
                for connected in (True, False):
                    yield _first_event(urls[0], ours.port, connected=connected)
            finally:
                ours.stop()
                bare.terminate()
                bare.wait()


def _compare(url: str, connections: int, ours: tuple[int, int], bare: tuple[int, int]) -> Ratio:
    """Processor time of both, each given as its process and its port, in turn."""
    taken: dict[int, list[float]] = {ours[0]: [], bare[0]: []}
    with asyncio.Runner() as runner:
        for pid, port in (ours, bare) * (ROUNDS + 1):
            before = _processor_time(pid)
            runner.run(_load(port, url, connections))
            taken[pid].append(_processor_time(pid) - before)
    what = f"{REQUESTS} requests, {urlsplit(url).scheme} x {connections}, recorded"
    # Certificates are made at the first meeting.
    medians = [statistics.median(taken[pid][1:]) for pid, _ in (ours, bare)]
    return Ratio(what, "through bare mitmdump", *medians)


def _processor_time(pid: int) -> float:
    """Seconds that a process has computed so far; where the system does not tell, the time of day."""
    threads = Path(f"/proc/{pid}/task")
    if not threads.exists():
        return time.perf_counter()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads.iterdir()) / 1e9


def _first_event(url: str, port: int, *, connected: bool) -> Ratio:
    """Until the first of a stream's events is there, on a new connection or one that has been used."""
    taken: list[list[float]] = [[], []]
    with asyncio.Runner() as runner:
        for _ in range(EVENTS):
            for times, place in zip(taken, (port, urlsplit(url).port or 0), strict=True):
                times.append(runner.run(_stream(place, url, connected=connected)))
    what = f"first event of a stream, {'open' if connected else 'new'} connection"
    return Ratio(what, "directly", *map(statistics.median, taken))


async def _stream(port: int, url: str, *, connected: bool) -> float:
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    host = f"HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n"
    if connected:
        writer.write(f"POST {url} {host}Content-Length: {len(_CALL)}\r\n\r\n".encode() + _CALL)
        await reader.readuntil(_RESULT)
        began = time.perf_counter()
    writer.write(f"GET {url} {host}\r\n".encode())
    await reader.readuntil(b"data: 1\n\n")
    taken = time.perf_counter() - began
    writer.close()
    await writer.wait_closed()
    return taken


async def _load(port: int, url: str, connections: int) -> None:
    async with asyncio.TaskGroup() as clients:
        for _ in range(connections):
            clients.create_task(_ask(port, url, REQUESTS // connections))


async def _ask(port: int, url: str, times: int) -> None:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    target = url
    if parts.scheme == "https":
        target = parts.path
        writer.write(f"CONNECT {parts.netloc} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        await writer.start_tls(context, server_hostname=parts.hostname)
    head = f"POST {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(_CALL)}\r\n\r\n".encode() + _CALL
    for _ in range(times):
        writer.write(request)
        answer = await reader.readuntil(_RESULT)
        assert answer.startswith(b"HTTP/1.1 200")
    writer.close()
    await writer.wait_closed()


@contextmanager
def _server(certificate: Path | None) -> Iterator[int]:
    """A server in a thread of its own; gives its port."""
    context = None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(_Server, "127.0.0.1", 0, ssl=context))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(server.close_clients)
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _bare_mitmdump(folder: Path, certificates: Certificates) -> tuple[subprocess.Popen[bytes], int]:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    options = ["-q", "--listen-host", "127.0.0.1", "--listen-port", str(port)]
    settings = {
        "confdir": folder / "bare",
        "ssl_verify_upstream_trusted_ca": certificates.ca,
        "connection_strategy": "lazy",
    }
    for name, value in settings.items():
        options += ["--set", f"{name}={value}"]
    process = subprocess.Popen([sys.executable, "-c", _MITMDUMP, *options])
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process, port
        time.sleep(0.05)
    raise RuntimeError("bare mitmdump did not start")
