"""Recognises a client that was given the proxy's address as if it were a server, and tells it what is wrong."""

from mitmproxy.http import HTTPFlow, Response
from mitmproxy.proxy.mode_specs import RegularMode, UpstreamMode

_TEXT = b"""mcp-auth-inspector: this is the address of a proxy, not of an MCP server.
Give the client its usual URL, and this address as its HTTP proxy (HTTP_PROXY, HTTPS_PROXY).
A client that takes no proxy is given the URL that `mcp-auth-inspector gateway URL` prints.
"""


def is_addressed_to(flow: HTTPFlow) -> bool:
    """Whether a request names the proxy's own address as its server."""
    request, listener = flow.request, flow.client_conn
    return (
        request.port == listener.sockname[1]
        and request.host in ("127.0.0.1", "localhost", "::1")
        and isinstance(listener.proxy_mode, RegularMode | UpstreamMode)
    )


def explain_proxy(flow: HTTPFlow) -> None:
    """Answer such a request; mitmproxy itself only says that it knows no destination."""
    flow.response = Response.make(421, _TEXT, {"content-type": "text/plain"})
