"""The channel to the user interface: loopback TCP, one JSON object per line, opened by a token.

The proxy pushes {"changed": N} when the session has grown, and {"held": [...]} when other messages wait than before;
it answers {"do": ...} messages with {"did": ...}.
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

_LONGEST = 4 * 1024 * 1024
"""Bytes of one message of a peer; the edited body of a request is in there."""


def _nobody(_peer: object) -> None:
    pass


class Control:
    """Serves every user interface that knows the token; `answer` maps a message and who sent it to its reply.

    `left` is told who has hung up.
    """

    def __init__(self, answer: Callable[[Message, object], Message], left: Callable[[object], None] = _nobody) -> None:
        self.token = secrets.token_urlsafe(32)
        self._answer = answer
        self._left = left
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

    def tell(self, message: Message) -> None:
        """Push a message to every peer."""
        for peer in tuple(self._peers):
            if peer.transport.get_write_buffer_size() > _UNREAD:
                peer.transport.abort()
            else:
                _send(peer, message)

    def close(self) -> None:
        """Hang up; whoever waits for the end of the proxy sees it by that."""
        if self._serving is not None:
            self._serving.cancel()
        if self._socket is not None:
            self._socket.close()
        for peer in self._peers:
            peer.close()

    async def _serve(self, listening: socket.socket) -> None:
        async with await asyncio.start_server(self._talk, sock=listening, limit=_LONGEST) as server:
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
                _send(writer, self._answer(_message(line), writer))
                await writer.drain()
        except (OSError, ValueError, TimeoutError):
            pass  # a peer that talks nonsense or is gone: the capture goes on without it
        finally:
            if writer in self._peers:
                self._peers.discard(writer)
                self._left(writer)
            writer.close()

    def _push(self) -> None:
        self._push_is_due = False
        self.tell({"changed": self._changed})


def _message(line: bytes) -> Message:
    """One line as a message. Raises ValueError when it is none."""
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("not an object")
    return message


def _send(writer: asyncio.StreamWriter, message: Message) -> None:
    writer.write(json.dumps(message).encode() + b"\n")
