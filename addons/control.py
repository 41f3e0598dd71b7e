"""The channel to the user interface: loopback TCP, one JSON object per line, opened by a token.

The proxy pushes {"changed": N} when the session has grown and answers {"do": ...} messages with {"did": ...}.
Capture never depends on it: it may break, and nobody need ever connect.
"""

import asyncio
import hmac
import json
import secrets
import socket
from collections.abc import Callable

type Message = dict[str, object]

_TOKEN_TIMEOUT = 5.0
"""Seconds a peer has to show the token."""

_UNREAD = 64 * 1024
"""Bytes a peer may leave unread before it is dropped; it can poll the session instead."""


class Control:
    """Serves every user interface that knows the token; `answer` maps a message to its reply."""

    def __init__(self, answer: Callable[[Message], Message]) -> None:
        self.token = secrets.token_urlsafe(32)
        self._answer = answer
        self._peers: set[asyncio.StreamWriter] = set()
        self._changed = 0
        self._push_is_due = False
        self._socket: socket.socket | None = None
        self._serving: asyncio.Task[None] | None = None

    def open(self) -> int:
        """Listen on a free loopback port and return it; needs a running loop."""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._serving = asyncio.create_task(self._serve(self._socket))
        port: int = self._socket.getsockname()[1]
        return port

    def announce(self, changed: int) -> None:
        """Tell every peer that the session has grown to this change number, once per turn of the loop."""
        self._changed = max(self._changed, changed)
        if self._peers and not self._push_is_due:
            self._push_is_due = True
            asyncio.get_running_loop().call_soon(self._push)

    def close(self) -> None:
        """Hang up; whoever waits for the end of the proxy sees it by that."""
        if self._serving is not None:
            self._serving.cancel()
        if self._socket is not None:
            self._socket.close()
        for peer in self._peers:
            peer.close()

    async def _serve(self, listening: socket.socket) -> None:
        async with await asyncio.start_server(self._talk, sock=listening) as server:
            await server.serve_forever()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_TOKEN_TIMEOUT):
                token = _message(await reader.readline()).get("token")
            if not isinstance(token, str) or not hmac.compare_digest(token.encode(), self.token.encode()):
                return
            self._peers.add(writer)
            _send(writer, {"changed": self._changed})
            while line := await reader.readline():
                _send(writer, self._answer(_message(line)))
                await writer.drain()
        except (OSError, ValueError, TimeoutError):
            pass  # a peer that talks nonsense or is gone: the capture goes on without it
        finally:
            self._peers.discard(writer)
            writer.close()

    def _push(self) -> None:
        self._push_is_due = False
        for peer in tuple(self._peers):
            if peer.transport.get_write_buffer_size() > _UNREAD:
                peer.transport.abort()
            else:
                _send(peer, {"changed": self._changed})


def _message(line: bytes) -> Message:
    """One line as a message. Raises ValueError when it is none."""
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("not an object")
    return message


def _send(writer: asyncio.StreamWriter, message: Message) -> None:
    writer.write(json.dumps(message).encode() + b"\n")
