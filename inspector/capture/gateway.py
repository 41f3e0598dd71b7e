"""Checks what a gateway is asked for before a proxy is started for it."""

import ipaddress
import socket
from urllib.parse import SplitResult, urlsplit

from inspector.errors import CaptureError


def moved_server(url: str, takeover: str) -> str:
    """The origin at which a server is reached that has left its address `url` to us; `takeover` is a port or a URL.

    Raises CaptureError when the server cannot have moved there.
    """
    before = _web_address(url)
    if not _is_loopback(before.hostname or ""):
        raise CaptureError(
            f"{url} is not on this machine, so its address cannot be taken over; leave --takeover out and give the "
            "client the URL of the gateway."
        )
    host = f"[{before.hostname}]" if ":" in str(before.hostname) else before.hostname
    after = _web_address(f"{before.scheme}://{host}:{takeover}" if takeover.isdecimal() else takeover)
    if _port(after) == _port(before) and _is_loopback(after.hostname or ""):
        raise CaptureError(f"The server cannot stay on port {_port(before)}; start it on another and name that.")
    return f"{after.scheme}://{after.netloc}"


def check_is_free(url: str, server: str) -> None:
    """Raise CaptureError, with what to do, when somebody still listens at the address that is to be taken over."""
    port = _port(_web_address(url))
    for host in ("127.0.0.1", "::1"):
        if listens(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"):
            raise CaptureError(
                f"Port {port} is in use, most likely by the server itself: stop it, start it on port "
                f"{_port(_web_address(server))} (it must still call itself {url}), and give this command again."
            )


def listens(origin: str) -> bool:
    """Whether somebody accepts connections at a host and port."""
    parts = _web_address(origin)
    try:
        socket.create_connection((parts.hostname or "", _port(parts)), timeout=1).close()
    except OSError:
        return False
    return True


def _web_address(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc and _port(parts)
    except ValueError:
        valid = False
    if not valid:
        raise CaptureError(f"{url!r} is not a URL of a server; give one such as http://localhost:3001/mcp.")
    return parts


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _is_loopback(host: str) -> bool:
    try:
        return host.lower() == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
