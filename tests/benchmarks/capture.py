"""What recording costs: requests through our proxy against the same through bare mitmdump."""

import asyncio
import os
import ssl
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
from tests.benchmarks.ratio import Ratio, compare
from tests.capture.upstream import Certificates, make_certificates

REQUESTS = 320
_CALL = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}'
_RESULT = b'{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"%s"}]}}' % (b"x" * 800)
_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(_RESULT), _RESULT)
_MITMDUMP = "from mitmproxy.tools.main import mitmdump; mitmdump()"


class _Server(asyncio.Protocol):
    """Answers before it has understood anything: whatever the server costs hides what is measured."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if data.endswith(_CALL):
            self._transport.write(_ANSWER)


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
                        yield _compare(url, connections, ours.port, bare_port)
            finally:
                ours.stop()
                bare.terminate()
                bare.wait()


def _compare(url: str, connections: int, ours: int, bare: int) -> Ratio:
    with asyncio.Runner() as runner:

        def through(port: int) -> None:
            runner.run(_load(port, url, connections))

        through(ours)  # certificates are made at the first meeting
        through(bare)
        what = f"{REQUESTS} requests, {urlsplit(url).scheme} x {connections}, recorded"
        return compare(what, lambda: through(ours), "through bare mitmdump", lambda: through(bare))


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
