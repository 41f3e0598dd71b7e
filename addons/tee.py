"""Watches a message body go by: every chunk is forwarded unchanged and at once, and only the beginning is kept."""

import asyncio
import hashlib
from collections.abc import Callable

from inspector.session.model import Body


def _nothing() -> None:
    pass


class Tee:
    """What the proxy calls with each chunk of a body, and with b"" at its end.

    At most `keep` bytes stay in memory. `on_chunk` runs after every chunk and must not raise: the proxy would
    break the connection.
    """

    def __init__(self, keep: int, on_chunk: Callable[[], None] = _nothing) -> None:
        self._keep = keep
        self._on_chunk = on_chunk
        self._data = bytearray()
        self._size = 0
        self._hash = hashlib.sha256()

    def __call__(self, chunk: bytes) -> bytes:
        """Take notice of a chunk and hand it back as it is."""
        if chunk:
            self._size += len(chunk)
            self._hash.update(chunk)
            self._data += chunk[: max(0, self._keep - len(self._data))]
            self._on_chunk()
        return chunk

    def body(self, *, whole: bool) -> Body:
        """What has passed so far; the digest is only given once the body is `whole`."""
        return Body(bytes(self._data), self._size, self._hash.hexdigest() if whole else "")


class Coalesced:
    """Calls `action` at most once per `interval` seconds, never missing the last poke.

    The first poke acts after `delay` seconds: what is cancelled before has cost nothing.
    """

    def __init__(self, action: Callable[[], object], interval: float, delay: float = 0.0) -> None:
        self._action = action
        self._interval = interval
        self._delay = delay
        self._not_before: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def poke(self) -> None:
        """Ask for the action, now or as soon as it may be."""
        if self._timer is not None:
            return
        loop = asyncio.get_running_loop()
        if self._not_before is None:
            self._not_before = loop.time() + self._delay
        if loop.time() >= self._not_before:
            self._run()
        else:
            self._timer = loop.call_at(self._not_before, self._run)

    def cancel(self) -> None:
        """Forget a poke that is still waiting."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _run(self) -> None:
        self._timer = None
        self._not_before = asyncio.get_running_loop().time() + self._interval
        self._action()
