"""Counts what reaches the proxy, and writes down what stops traffic before or beside the exchanges."""

import time
from collections.abc import Callable

from mitmproxy.connection import Client
from mitmproxy.http import HTTPFlow
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from mitmproxy.tls import TlsData

from addons.facts import Facts
from addons.guard import harmless
from addons.incidents import client_sentence, edge_sentence, server_sentence, slow_sentence, upstream_sentence
from addons.origin_form import is_addressed_to
from addons.scope import Scope
from addons.wire import address_of, headers_of

_SAID_FOR = 60.0
"""Seconds in which an incident is not written again."""

_MOST = 1000
"""Incidents remembered for that."""

type Write = Callable[[str, str, str, float], object]
"""Takes the kind, the host, the text and the time of an incident."""


class Witness:
    """An addon of its own for the hooks that only matter to it."""

    def __init__(self, scope: Scope, write: Write) -> None:
        self.facts = Facts()
        self._scope = scope
        self._write = write
        self._written: dict[tuple[str, str, str], float] = {}

    def client_connected(self, _client: Client) -> None:
        """Count a client."""
        self.facts.connected()

    def http_connect(self, flow: HTTPFlow) -> None:
        """Count a client that asks for a tunnel."""
        self.facts.connects.add(address_of((flow.request.host, flow.request.port)))

    @harmless
    def tls_failed_client(self, data: TlsData) -> None:
        """Note that the client broke off the handshake, which mostly means that it does not trust our CA."""
        error = data.conn.error or ""
        if error != "connection closed early":
            host, address = _host(data), data.context.server.address
            self.facts.tls_refused.add(address_of((host, address[1] if address else 443)), error)
            self.incident("tls-client", host, client_sentence(host, error))

    @harmless
    def tls_failed_server(self, data: TlsData) -> None:
        """Note that a server's certificate does not hold."""
        host = _host(data)
        self.incident("tls-server", host, server_sentence(host, data.conn.error or ""))

    @harmless
    def server_connect_error(self, data: ServerConnectionHookData) -> None:
        """Note that nobody answers at a server of the conversation."""
        address = data.server.address
        if address and self._scope.covers_address(address[0], address[1]):
            where, error = address_of(address), data.server.error or ""
            self.facts.unreachable.add(where, error)
            self.incident("upstream", where, upstream_sentence(where, error))

    def server_connected(self, data: ServerConnectionHookData) -> None:
        """A server that could not be reached before can be now."""
        if self.facts.unreachable.counts:
            self.facts.unreachable.forget(address_of(data.server.address))

    @harmless
    def ended(self, flow: HTTPFlow, recorded: bool) -> None:
        """Count an exchange that is over, and look at who answered it."""
        if not recorded:
            if not is_addressed_to(flow):
                self.facts.unrecorded.add(address_of((flow.request.pretty_host, flow.request.port)))
            return
        self.facts.was_recorded()
        response, host = flow.response, flow.request.pretty_host
        if response is not None and response.status_code in (403, 429, 503):
            content = response.get_content(strict=False) or b""
            text = edge_sentence(host, response.status_code, headers_of(response.headers), content)
            if text:
                self.incident("edge", host, text)

    def late(self, flow: HTTPFlow, seconds: float) -> None:
        """Note that a server keeps its client waiting."""
        request = flow.request
        where, path = address_of((request.pretty_host, request.port)), request.path.partition("?")[0]
        self.incident("slow", where, slow_sentence(request.method, where, path, seconds))

    def incident(self, kind: str, host: str, text: str) -> None:
        """Write an incident; the same again only after a while, because clients try again and again."""
        now, what = time.time(), (kind, host, text)
        if now - self._written.get(what, 0.0) > _SAID_FOR:
            if len(self._written) >= _MOST:
                self._written.clear()
            self._written[what] = now
            self._write(kind, host, text, now)


def _host(data: TlsData) -> str:
    if data.conn.sni:
        return data.conn.sni
    address = data.context.server.address
    return address[0] if address else "an unknown host"
