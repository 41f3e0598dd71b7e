"""Which local port stands for which origin, and the change of one for the other at the front of a URL."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""The names this machine has for itself, as a URL writes them."""

_ORIGIN = re.compile(r"https?://[^/?#@\\\s]+(?=[/?#]|$)", re.IGNORECASE)
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Swap:
    """What a URL begins with as it is written, and what it is to begin with instead."""

    old: str
    new: str

    def __call__(self, url: str) -> str:
        """The URL with its beginning changed and every other character as it was."""
        return self.new + url.removeprefix(self.old)


@dataclass(frozen=True, slots=True)
class ClientSide:
    """How a client has addressed a listener: names of this machine are not mixed, because clients compare them."""

    scheme: str
    host: str

    def origin(self, port: int) -> str:
        """The origin of a listener for this client."""
        return f"{self.scheme}://{self.host}:{port}"


class Origins:
    """The origins that have a local port. An origin is written `scheme://host:port`, a default port left out."""

    def __init__(self) -> None:
        self._port_of: dict[str, int] = {}
        self._at_port: dict[int, str] = {}

    def add(self, origin: str, port: int) -> None:
        """Let a port stand for an origin."""
        self._port_of[origin] = port
        self._at_port[port] = origin

    def __contains__(self, origin: str) -> bool:
        return origin in self._port_of

    def __len__(self) -> int:
        return len(self._port_of)

    def for_client(self, url: str, side: ClientSide) -> Swap | None:
        """The change that leads a client to the local port of a URL's origin; None when it has none."""
        written = _written_origin(url)
        port = self._port_of.get(origin_of(url) or "")
        return Swap(written, side.origin(port)) if port is not None else None

    def for_upstream(self, url: str) -> Swap | None:
        """The change back; None when the URL names none of the ports."""
        origin = origin_of(url)
        if origin is None:
            return None
        parts = urlsplit(origin)
        upstream = self._at_port.get(parts.port or 0)
        if upstream is None or parts.netloc.rpartition(":")[0] not in LOOPBACK:
            return None
        return Swap(_written_origin(url), upstream)


def origin_of(url: str) -> str | None:
    """The origin of an http(s) URL in its one spelling; None for anything else, and with user information."""
    try:
        parts = urlsplit(_written_origin(url))
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, _DEFAULT_PORTS[parts.scheme]) else "")


def _written_origin(url: str) -> str:
    match = _ORIGIN.match(url)
    return match[0] if match else ""
