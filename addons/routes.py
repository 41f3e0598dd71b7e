"""Reaches servers by another way than their names say: at a given address, or through the proxy of a network."""

import os
from collections.abc import Sequence

from mitmproxy import ctx
from mitmproxy.addonmanager import Loader
from mitmproxy.exceptions import OptionsError
from mitmproxy.http import HTTPFlow
from mitmproxy.net.server_spec import ServerSpec, parse
from mitmproxy.proxy.mode_specs import UpstreamMode
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

AUTHORIZATION_VARIABLE = "MCP_AUTH_INSPECTOR_PROXY_AUTHORIZATION"
"""Environment variable with the value of Proxy-Authorization: other users can read a command line."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Routes:
    """Where connections to servers go. This machine is never reached through the network's proxy."""

    def __init__(self) -> None:
        self._addresses: dict[tuple[str, int], str] = {}
        self._proxy: ServerSpec | None = None
        self._authorization = ""

    def load(self, loader: Loader) -> None:
        """Declare the options, and take the secret out of the environment."""
        loader.add_option("inspector_resolve", Sequence[str], [], "HOST:PORT:ADDRESS: where a name is, as for curl.")
        loader.add_option("inspector_upstream_proxy", str, "", "Proxy through which other machines are reached.")
        self._authorization = os.environ.pop(AUTHORIZATION_VARIABLE, "")

    def configure(self, updated: set[str]) -> None:
        """Take over the options."""
        if "inspector_resolve" in updated:
            self._addresses = dict(map(_resolved, ctx.options.inspector_resolve))
        if "inspector_upstream_proxy" in updated and ctx.options.inspector_upstream_proxy:
            self._proxy = parse(ctx.options.inspector_upstream_proxy, "http")

    def requestheaders(self, flow: HTTPFlow) -> None:
        """Choose the way of a request, whichever listener it came in by."""
        if self._proxy is None:
            return
        request = flow.request
        is_near = request.host in _LOOPBACK or (request.host.lower(), request.port) in self._addresses
        flow.server_conn.via = None if is_near else self._proxy
        is_plain = request.scheme == "http" and isinstance(flow.client_conn.proxy_mode, UpstreamMode)
        if is_plain and is_near:
            request.authority = ""  # a server, other than a proxy, is asked for a path
        elif is_plain and self._authorization:
            request.headers["Proxy-Authorization"] = self._authorization

    def http_connect_upstream(self, flow: HTTPFlow) -> None:
        """Show the network's proxy who is asking for a tunnel."""
        if self._authorization:
            flow.request.headers["Proxy-Authorization"] = self._authorization

    def server_connect(self, data: ServerConnectionHookData) -> None:
        """Look a name up in our own list; TLS goes on by the name."""
        server = data.server
        address = self._addresses.get((server.address[0].lower(), server.address[1])) if server.address else None
        if address is not None and server.address is not None:
            server.address = (address, server.address[1])


def _resolved(entry: str) -> tuple[tuple[str, int], str]:
    host, _, rest = entry.partition(":")
    port, _, address = rest.partition(":")
    if not host or not port.isdecimal() or not address:
        raise OptionsError(f"inspector: {entry!r} is not HOST:PORT:ADDRESS; give one such as mcp.test:443:127.0.0.1.")
    return (host.lower(), int(port)), address.strip("[]")
