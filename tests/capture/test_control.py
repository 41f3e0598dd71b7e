import json
import socket
import threading
from collections.abc import Iterator

import pytest

from inspector.capture.control import ControlLink, ProxyIsGone
from inspector.errors import CaptureError


class Peer:
    """Stands in for a proxy: answers the first line with a greeting, and each further one as it is told."""

    def __init__(self, *replies: bytes) -> None:
        self.heard: list[object] = []
        self._replies = replies
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listening.accept()
        with connection, connection.makefile("rwb") as lines:
            for reply in self._replies:
                self.heard.append(json.loads(lines.readline()))
                lines.write(reply)
                lines.flush()
            lines.readline()

    def close(self) -> None:
        self._thread.join()
        self._listening.close()


@pytest.fixture
def peers() -> Iterator[list[Peer]]:
    started: list[Peer] = []
    yield started
    for peer in started:
        peer.close()


def test_pushes_between_question_and_answer_are_skipped(peers: list[Peer]) -> None:
    peers.append(Peer(b'{"changed": 1}\n', b'{"changed": 2}\n{"did": "ping", "pid": 7}\n'))
    with ControlLink(peers[0].port, "t") as link:
        assert link.ask({"do": "ping"}) == {"did": "ping", "pid": 7}
    assert peers[0].heard == [{"token": "t"}, {"do": "ping"}]


def test_a_refusal_gives_its_reason(peers: list[Peer]) -> None:
    peers.append(Peer(b'{"changed": 1}\n', b'{"failed": "scope", "why": "No URL."}\n'))
    with ControlLink(peers[0].port, "t") as link, pytest.raises(CaptureError, match=r"refused to scope: No URL\."):
        link.ask({"do": "scope"})


@pytest.mark.parametrize("greeting", [b"HTTP/1.1 400 Bad Request\r\n", b"[]\n", b"\n", b"\xff\n"])
def test_somebody_else_on_the_port_is_recognised(peers: list[Peer], greeting: bytes) -> None:
    peers.append(Peer(greeting))
    with pytest.raises(ProxyIsGone):
        ControlLink(peers[0].port, "t")


def test_nobody_on_the_port_is_recognised() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(ProxyIsGone):
        ControlLink(port, "t")


def test_silence_ends_the_wait(peers: list[Peer]) -> None:
    peers.append(Peer(b'{"changed": 1}\n', b""))
    with ControlLink(peers[0].port, "t", timeout=0.05) as link, pytest.raises(CaptureError, match="does not answer"):
        link.ask({"do": "ping"})
