"""Stands before servers under addresses of this machine, for clients that can be given nothing but another URL.

A server's listener leads to it, and metadata that names further servers makes listeners for them. Requests go up and
answers come down with each side's own names in them, so that each sees one world without a gap.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit
from weakref import WeakKeyDictionary

from mitmproxy.connection import Client
from mitmproxy.http import Headers, HTTPFlow, Message, Response
from mitmproxy.proxy.mode_specs import ProxyMode

from addons.browser import Redirect, redirect_of, with_query
from addons.callback_relay import CallbackRelay
from addons.listeners import open_listener
from addons.origins import LOOPBACK, ClientSide, Origins, origin_of
from addons.ports import PortBook, is_free
from addons.scope import is_metadata
from addons.translation import (
    Lookup,
    metadata,
    named_in_challenge,
    named_in_metadata,
    page_header,
    resource_in_json,
    resource_in_parameters,
    response_header,
)
from addons.wire import Edit, content_length
from inspector.errors import InspectorError
from inspector.session.model import Translation

_MOST = 20
"""Origins that get an address; a document that names more is not followed further."""

_EDITABLE = 64 * 1024
"""Bytes of a request body that may be held; registrations and token requests are far smaller."""

_FORM = "application/x-www-form-urlencoded"
_PLAIN = {"content-type": "text/plain"}


@dataclass(frozen=True, slots=True)
class _Listener:
    """What a mode of the proxy stands for; `taken_over` when clients have always used its address."""

    origin: str
    taken_over: bool = False


@dataclass(frozen=True, slots=True)
class _SentOn:
    """Where the browser goes instead, None for nowhere, and what was translated."""

    target: str | None
    translations: tuple[Translation, ...] = ()


@dataclass(slots=True)
class _Passage:
    """A request that addresses us properly: how it does, where it is sent on, whether it registers our callback."""

    side: ClientSide
    sent_on: _SentOn | None = None
    registers: bool = False


class Gateway:
    """The servers we stand before. `say` is told in one sentence what the user has to know."""

    def __init__(self, book: PortBook, say: Callable[[str], None], *, relays_callback: bool = False) -> None:
        self._book = book
        self._relays_callback = relays_callback
        self._relay: CallbackRelay | None = None
        self._say = say
        self._origins = Origins()
        self._listeners: dict[ProxyMode, _Listener] = {}
        self._passages = WeakKeyDictionary[HTTPFlow, _Passage]()
        self._metadata: set[str] = set()
        self._unseen: set[str] = set()
        self._kept: set[str] = set()
        self._opening = asyncio.Lock()

    async def stand_before(self, url: str, port: int = 0) -> str:
        """Listen for a server and return what its client is given as its URL; port 0 takes the one it had before.

        Raises InspectorError when the URL is none or the port cannot be had.
        """
        origin = _origin(url)
        if not await self._open(origin, port):
            which = f"Port {port}" if port else "Every port for gateways"
            raise InspectorError(f"{which} on 127.0.0.1 is in use by another program; end that, or take another port.")
        swap = self._origins.for_client(url, ClientSide("http", LOOPBACK[0]))
        assert swap is not None
        self._start_relay(swap.new)
        return swap(url)

    async def take_over(self, url: str, server: str) -> None:
        """Listen at the address of a server that has moved to the origin `server`; its clients keep their URL.

        Raises InspectorError when the URL is none or the address cannot be had.
        """
        origin = _origin(url)
        parts = urlsplit(origin)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        self._kept = {f"{parts.scheme}://{name}:{port}" for name in LOOPBACK}
        for host in ("127.0.0.1", "::1"):
            if host == "::1" and not is_free(0, host=host):
                continue  # a machine without IPv6
            mode = f"reverse:{server}@{host}:{port}"
            if not is_free(port, host=host) or not await open_listener(mode):
                raise InspectorError(f"Port {port} on {host} is in use; end the server there and start it at {server}.")
            self._listeners[ProxyMode.parse(mode)] = _Listener(origin, taken_over=True)
        self._start_relay(f"{parts.scheme}://{LOOPBACK[0]}:{port}")

    def serves(self, client: Client) -> bool:
        """Whether a connection came in at one of the addresses."""
        return client.proxy_mode in self._listeners

    def answers(self, flow: HTTPFlow) -> bool:
        """Whether a request goes no further than here."""
        passage = self._passages.get(flow)
        return self.serves(flow.client_conn) and (passage is None or passage.sent_on is not None)

    def answer(self, flow: HTTPFlow) -> Redirect | None:
        """Where such a request is sent on to; None when it got its answer here."""
        passage = self._passages.get(flow)
        if passage is None or passage.sent_on is None:
            # A page may have rebound its own name to this machine, which upstream could not see.
            flow.response = Response.make(403, b"This gateway is addressed as 127.0.0.1 or localhost.\n", _PLAIN)
            return None
        target, translations = passage.sent_on.target, passage.sent_on.translations
        if target is None:
            flow.response = Response.make(404, b"No client waits for this. Start the sign-in again there.\n", _PLAIN)
            return None
        return redirect_of(flow, target.encode("latin-1"), translations)

    def holds_request(self, flow: HTTPFlow) -> bool:
        """Whether the body of a request may have to change."""
        fits = (content_length(flow.request) or 0) <= _EDITABLE
        return fits and self.serves(flow.client_conn) and _media_type(flow.request) in (_FORM, "application/json")

    def holds_response(self, flow: HTTPFlow) -> bool:
        """Whether the body of a response may have to change."""
        passage = self._passages.get(flow)
        if passage is None:
            return False
        url = flow.request.pretty_url
        return passage.registers or is_metadata(url) or url in self._metadata

    def requestheaders(self, flow: HTTPFlow) -> list[Translation]:
        """Address a request to upstream; gives what was translated."""
        listener = self._listeners.get(flow.client_conn.proxy_mode)
        if listener is None:
            return []
        request, asked = flow.request, flow.request.host_header or ""
        host = asked.rpartition(":")[0].lower()
        if host not in LOOPBACK and not listener.taken_over:
            return []
        scheme = "https" if flow.client_conn.tls_established else "http"
        side = ClientSide(scheme, host if host in LOOPBACK else LOOPBACK[0])
        passage = self._passages[flow] = _Passage(side)
        path, mark, query = request.data.path.decode("latin-1").partition("?")
        if self._relay and self._relay.takes(path):
            passage.sent_on = self._sent_back(self._relay, path, query)
            return []
        found = []
        if not listener.taken_over:
            request.host_header = listener.origin.partition("://")[2]
            found.append(Translation("request.headers", "Host", client=asked, upstream=request.host_header))
        for name in ("Origin", "Referer"):
            value, more = page_header(name, request.headers.get(name, ""), self._origins.for_upstream)
            if more:
                request.headers[name] = value
                found += more
        query, more = resource_in_parameters(query, "request.url", self._origins.for_upstream)
        found += more
        if self._relay and request.method == "GET":
            query, more = self._relay.authorization(query, "request.url", side)
            if more:
                passage.sent_on = _SentOn(f"{listener.origin}{path}?{query}", (*found, *more))
        request.data.path = f"{path}{mark}{query}".encode("latin-1")
        return found

    def request(self, flow: HTTPFlow) -> list[Translation]:
        """Translate the body of a request; gives what was translated."""
        content, passage = flow.request.get_content(strict=False), self._passages.get(flow)
        if not content or passage is None or not self.holds_request(flow):
            return []
        if _media_type(flow.request) == _FORM:
            text, found = resource_in_parameters(content.decode("latin-1"), "request.body", self._origins.for_upstream)
            if self._relay:
                text, more = self._relay.form(text, passage.side)
                found += more
            changed = text.encode("latin-1")
        else:
            try:
                text, found = resource_in_json(content.decode(), self._origins.for_upstream)
                if self._relay:
                    text, more = self._relay.registration(text)
                    passage.registers = bool(more)
                    found += more
            except (ValueError, RecursionError):
                return []
            changed = text.encode()
        if found:
            flow.request.content = changed
        return found

    async def responseheaders(self, flow: HTTPFlow) -> list[Translation]:
        """Translate the headers of a response; gives what was translated."""
        passage = self._passages.get(flow)
        if passage is None or flow.response is None:
            return []
        fields, found = [], []
        for name, value in flow.response.headers.fields:
            key, text = name.decode("latin-1"), value.decode("latin-1")
            if key.lower() == "www-authenticate":
                await self._follow(named_in_challenge(text))
                self._metadata.update(named_in_challenge(text))
            elif key.lower() == "location" and self.holds_response(flow):
                self._metadata.add(urljoin(flow.request.pretty_url, text))
            text, more = response_header(key, text, self._to_client(passage.side))
            fields.append((name, text.encode("latin-1")))
            found += more
        if found:
            flow.response.headers = Headers(fields)
        return found

    async def response(self, flow: HTTPFlow) -> Edit | None:
        """What the client gets in place of a document, with the listeners for all it names open."""
        passage, response = self._passages.get(flow), flow.response
        if passage is None or response is None or not self.holds_response(flow):
            return None
        if response.status_code not in (200, 201):
            return None
        try:
            text = (response.content or b"").decode()
            if self._relay and passage.registers:
                text, found = self._relay.registered(text)
            else:
                await self._follow(named_in_metadata(text))
                text, found = metadata(text, self._to_client(passage.side))
        except (ValueError, RecursionError):
            return None
        return Edit(text.encode(), tuple(found)) if found else None

    def _start_relay(self, origin: str) -> None:
        self._relay = CallbackRelay(origin) if self._relays_callback else None

    def _sent_back(self, relay: CallbackRelay, path: str, query: str) -> _SentOn:
        destination = relay.destination(path, query)
        if destination is None:
            return _SentOn(None)
        uri = destination.redirect_uri
        target = with_query(uri.encode(), query.encode("latin-1")).decode("latin-1")
        target, issuers = response_header("location", target, self._to_client(destination.side))
        ours = Translation("request.url", "redirect_uri", client=uri, upstream=relay.address(path))
        return _SentOn(target, (ours, *issuers))

    def _to_client(self, side: ClientSide) -> Lookup:
        return lambda url: self._origins.for_client(url, side)

    async def _follow(self, urls: list[str]) -> None:
        for origin in filter(None, map(origin_of, urls)):
            if origin not in self._unseen and not await self._open(origin):
                self._unseen.add(origin)
                self._say(f"There is no port left for {origin}; what a client says to it directly is not recorded.")

    async def _open(self, origin: str, port: int = 0) -> bool:
        """Listen for an origin, once; False when that is not possible."""
        async with self._opening:
            if origin in self._origins or origin in self._kept or self._origins.for_upstream(origin):
                return True  # it has one, or is one
            if len(self._origins) >= _MOST:
                return False
            for candidate in (port,) if port else self._book.candidates(origin):
                mode = f"reverse:{origin}@{LOOPBACK[0]}:{candidate}"
                # An https listener takes the UDP port too, for HTTP/3.
                if is_free(candidate, udp=origin.startswith("https")) and await open_listener(mode):
                    self._listeners[ProxyMode.parse(mode)] = _Listener(origin)
                    self._origins.add(origin, candidate)
                    self._remember(origin, candidate)
                    return True
        return False

    def _remember(self, origin: str, port: int) -> None:
        before = self._book.remembered(origin)
        if before not in (None, port):
            self._say(
                f"Port {before}, at which clients know {origin}, is in use; this time it is port {port}, "
                "so clients will register and sign in anew."
            )
        try:
            self._book.remember(origin, port)
        except OSError as error:
            self._say(f"The port of {origin} cannot be remembered ({error.strerror}); it may be another next time.")


def _origin(url: str) -> str:
    origin = origin_of(url)
    if origin is None:
        raise InspectorError(f"{url!r} is not a URL; give one such as http://localhost:3001/mcp.")
    return origin


def _media_type(message: Message) -> str:
    kind: str = message.headers.get("content-type", "")
    return kind.partition(";")[0].strip().lower()
