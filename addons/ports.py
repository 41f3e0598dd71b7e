"""Remembers which local port stands for which server: clients keep registrations and tokens by URL, from day to day."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

_PORTS = range(7710, 8000)
"""Below those that systems hand out for connections (32768 and up on Linux, 49152 elsewhere)."""


class PortBook:
    """A file of origins and their ports, shared by all proxies of one user."""

    def __init__(self, path: Path | None) -> None:
        """Without a path nothing is remembered."""
        self._path = path

    def remembered(self, origin: str) -> int | None:
        """The port that an origin had before."""
        return self._read().get(origin)

    def candidates(self, origin: str) -> Iterator[int]:
        """The remembered port, those that stand for no origin, and at last those of other origins, oldest first."""
        ports = self._read()
        if origin in ports:
            yield ports[origin]
        yield from (port for port in _PORTS if port not in ports.values())
        yield from (port for other, port in ports.items() if other != origin)

    def remember(self, origin: str, port: int) -> None:
        """Keep the first port an origin has had; it may stand aside for a day when another program is there.

        Raises OSError when the file cannot be written.
        """
        ports = self._read()
        if self._path is None or origin in ports or port not in _PORTS:
            return
        kept = {other: its for other, its in ports.items() if its != port}
        unfinished = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        unfinished.write_text(json.dumps({**kept, origin: port}, indent=1), encoding="utf-8")
        unfinished.replace(self._path)

    def _read(self) -> dict[str, int]:
        """What the file holds; a damaged one holds nothing and will be written anew."""
        try:
            found = json.loads(self._path.read_bytes()) if self._path else {}
        except (OSError, ValueError):
            found = {}
        return {origin: port for origin, port in found.items() if port in _PORTS} if isinstance(found, dict) else {}


def is_free(port: int, *, host: str = "127.0.0.1", udp: bool = False) -> bool:
    """Whether nobody listens there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM) if udp else (socket.SOCK_STREAM,):
        with socket.socket(family, kind) as probe:
            if os.name == "posix" and kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True
