"""A session from a stranger: no command sends anything to a server that only the session names."""

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from inspector.session.reader import Session
from inspector.session.writer import SessionWriter
from inspector.verdict.analysis import analyse
from tests.cli.conftest import Run


class Listener:
    """A server that the user did not name; `connections` is how often somebody came."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.connections = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture
def stranger() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture
def hostile(session: Path, stranger: Listener, tmp_path: Path) -> Path:
    """The demo's session with the MCP server at the listener, and the authorization server inside a network."""
    path = tmp_path / "hostile.mcpauth"
    with Session.open(session) as read, SessionWriter.create(path, meta={}) as writer:
        first = analyse(read.exchanges()).runs[0].run
        old = [urlsplit(url or "").netloc.encode() for url in (first.server_url, first.issuer)]
        assert all(old)
        swaps = tuple(zip(old, (f"127.0.0.1:{stranger.port}".encode(), b"169.254.169.254"), strict=True))
        for exchange in read.exchanges():
            url, *bodies = exchange.url.encode(), exchange.request_body.data, exchange.response_body.data
            headers = exchange.response_headers
            for was, now in swaps:
                url, *bodies = (each.replace(was, now) for each in (url, *bodies))
                headers = tuple((n, v.replace(was.decode(), now.decode())) for n, v in headers)
            changed = replace(
                exchange,
                url=url.decode(),
                request_body=replace(exchange.request_body, data=bodies[0], size=len(bodies[0])),
                response_body=replace(exchange.response_body, data=bodies[1], size=len(bodies[1])),
                response_headers=headers,
            )
            writer.record(changed)
    return path


@pytest.mark.parametrize(
    "arguments",
    [
        ("replay", "{file}", "--run", "1", "--step", "1"),
        ("replay", "{file}", "--run", "1", "--step", "9"),
        ("replay", "{file}", "--run", "1", "--step", "1", "--to", "original"),
        ("replay", "{file}", "--run", "1", "--step", "1", "--to", "http://localhost:9/"),
        ("replay", "{file}", "--run", "1", "--step", "1", "--to", "file:///etc/passwd"),
        ("replay", "{file}", "--run", "1", "--against", "original"),
        ("probe-indicator", "{file}", "--run", "1"),
        ("probe-indicator", "{file}", "--run", "1", "--register"),
    ],
)
def test_nothing_reaches_a_server_that_only_the_session_names(
    run: Run, hostile: Path, stranger: Listener, arguments: tuple[str, ...]
) -> None:
    done = run(*(each.format(file=hostile) for each in arguments))
    assert done.returncode in (0, 1, 2)
    assert "internal error" not in done.stderr
    assert stranger.connections == 0
    with Session.open(hostile) as after:
        sent = [e.url for e in after.exchanges() if e.source == "replay"]
    assert not any("169.254" in url or str(stranger.port) in url for url in sent)


def test_it_is_named_before_the_user_sends_there(run: Run, hostile: Path, stranger: Listener) -> None:
    asked = run("replay", str(hostile), "--run", "1", "--step", "1", "--to", "original")
    assert f"would be sent to http://127.0.0.1:{stranger.port}" in asked.stderr
    run("replay", str(hostile), "--run", "1", "--step", "1", "--to", "original", "--yes")
    assert stranger.connections == 1
