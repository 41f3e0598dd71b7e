"""The proxy of a network, through which other machines are reached; its password never gets onto a command line."""

import base64
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from inspector.errors import CaptureError

AUTHORIZATION_VARIABLE = "MCP_AUTH_INSPECTOR_PROXY_AUTHORIZATION"
"""Environment variable in which our proxy looks for the value of Proxy-Authorization."""


@dataclass(frozen=True, slots=True)
class UpstreamProxy:
    """`server` is its URL without user and password, which are in `environment`."""

    server: str
    environment: dict[str, str]


def parse_upstream_proxy(url: str) -> UpstreamProxy:
    """Take a URL such as http://user:password@proxy.example:8080 apart. Raises CaptureError when it is none."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port and parts.path in ("", "/")
    except ValueError:
        valid = False
    if not valid:
        # Without the value, which may hold a password.
        raise CaptureError("The upstream proxy is not a URL with a port; give one such as http://proxy.example:8080.")
    server = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if parts.username is None:
        return UpstreamProxy(server, {})
    credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    return UpstreamProxy(server, {AUTHORIZATION_VARIABLE: f"Basic {base64.b64encode(credentials).decode()}"})
