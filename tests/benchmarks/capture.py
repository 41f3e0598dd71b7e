"""What recording costs: requests through our proxy against the same through bare mitmdump."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from inspector.capture.proxy import ProxySettings, start_proxy
from tests.benchmarks.ratio import Ratio, compare

REQUESTS = 150
_CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {}}
_MITMDUMP = "from mitmproxy.tools.main import mitmdump; mitmdump()"


class _Server(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one segment per response: the delayed acknowledgements of several would hide what is measured

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        body = b'{"jsonrpc":"2.0","id":1,"result":{}}'
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def ratios() -> Iterator[Ratio]:
    """Measure."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/mcp"
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MCP_AUTH_INSPECTOR_HOME"] = folder
        ours = start_proxy(ProxySettings(session=Path(folder) / "b.mcpauth", targets=(url,)))
        bare, bare_port = _bare_mitmdump(folder)
        try:
            with _client(ours.port) as recorded, _client(bare_port) as passed:
                yield compare(
                    f"{REQUESTS} requests, recorded",
                    lambda: _call(recorded, url),
                    "through bare mitmdump",
                    lambda: _call(passed, url),
                )
        finally:
            ours.stop()
            bare.terminate()
            bare.wait()
            server.shutdown()
            server.server_close()


def _client(port: int) -> httpx.Client:
    return httpx.Client(proxy=f"http://127.0.0.1:{port}", trust_env=False)


def _call(http: httpx.Client, url: str) -> None:
    for _ in range(REQUESTS):
        http.post(url, json=_CALL).raise_for_status()


def _bare_mitmdump(folder: str) -> tuple[subprocess.Popen[bytes], int]:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    options = ["-q", "--listen-host", "127.0.0.1", "--listen-port", str(port), "--set", f"confdir={folder}/bare"]
    process = subprocess.Popen([sys.executable, "-c", _MITMDUMP, *options])
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process, port
        time.sleep(0.05)
    raise RuntimeError("bare mitmdump did not start")
