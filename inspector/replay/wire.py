"""The one place from which a replay sends: to the servers the user named, byte for byte as asked, and written down.

A session file may come from anybody. Whatever it says, no request leaves here for another origin, no redirect is
followed by itself, no proxy of the environment is used, and no header can smuggle a second request.
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx

from inspector.errors import ReplayFailure
from inspector.protocol import content, urls
from inspector.session.model import Body, Exchange, Headers, Source, State

MOST_RECEIVED = 1024 * 1024
"""Bytes of a response that are read; a longer one is cut, and the connection closed."""

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_IN_NO_HEADER = re.compile(r"[\x00\r\n]|[^\x00-\xff]")
_IN_NO_URL = re.compile(r"[\x00-\x20\x7f-\U0010ffff]")
_OF_THE_CONNECTION = (
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "te",
    "upgrade",
    "expect",
    "http2-settings",
)
"""Headers about the connection of then (RFC 9110 section 7.6.1), which is not the one of now."""

type Record = Callable[[Exchange], Exchange]
"""Keeps an exchange and gives it back with its id."""


class NotNamed(ReplayFailure):
    """A request would have gone to a server that the user did not name. It was not sent."""


class Destinations:
    """The origins the user named; nothing is sent anywhere else."""

    def __init__(self, bases: Iterable[str]) -> None:
        """`bases` are absolute http or https URLs, of which the origin counts.

        Raises ReplayFailure for anything else.
        """
        self.origins = frozenset(_usable_origin(base) for base in bases)

    def check(self, url: str) -> None:
        """Raise NotNamed unless the URL is at one of these origins, ReplayFailure when it is no URL to send to."""
        found = _usable_origin(url)
        if found not in self.origins:
            named = ", ".join(sorted(self.origins)) or "none"
            raise NotNamed(f"Not sent: {found} is not among the servers you named ({named}).")


@dataclass(frozen=True, slots=True)
class OriginMapping:
    """Where recorded addresses are found now: pairs of a recorded base URL and the one that stands for it.

    A base is an origin, or an origin with a path that covers everything below it; the longest that fits counts.
    """

    bases: tuple[tuple[str, str], ...]

    def url(self, url: str) -> str:
        """The URL at its new place, the rest of it byte for byte; itself when no base covers it."""
        for old, new in sorted(self.bases, key=lambda pair: len(urls.path_of(pair[0])), reverse=True):
            rest = _below(old, url)
            if rest is not None:
                return new.rstrip("/") + rest if rest.startswith("/") else new + rest
        return url


class Wire:
    """Sends requests to named servers and records them, for the time of an `async with`.

    `label` and `source` say in the recording what the exchanges are part of. `patience` is in seconds, for each step
    of an exchange and for the whole of an event stream. `on_exchange` is told of every exchange once it is over.
    """

    def __init__(
        self,
        destinations: Destinations,
        *,
        record: Record,
        label: str = "replay",
        source: Source = Source.REPLAY,
        patience: float = 10.0,
        on_exchange: Callable[[Exchange], None] = lambda exchange: None,
    ) -> None:
        self.destinations = destinations
        self._record = record
        self._label = label
        self._source = source
        self._patience = patience
        self._on_exchange = on_exchange
        # Where no https origin is named, none can be reached: reading the certificates would only cost time.
        needs_tls = any(origin.startswith("https") for origin in destinations.origins)
        self._transport = httpx.AsyncHTTPTransport(trust_env=False, verify=needs_tls)

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        await self._transport.__aexit__(kind, error, trace)

    async def send(self, method: str, url: str, headers: Headers, body: bytes = b"") -> Exchange:
        """Send one request and record it with its answer; Host and Content-Length are made right.

        A server that does not answer gives an exchange that FAILED.

        Raises:
            NotNamed: the URL is at no named server.
            ReplayFailure: the request is one that cannot be sent, such as one with a line end in a header.
        """
        self.destinations.check(url)
        if not _TOKEN.fullmatch(method):
            raise ReplayFailure("The recorded method is not one of HTTP; nothing was sent.")
        outgoing = _for_this_connection(headers, url, method, body)
        target = urlsplit(url)._replace(scheme="", netloc="", fragment="").geturl()
        request = httpx.Request(
            method,
            urls.origin(url),
            headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in outgoing],
            content=body,
            extensions={
                "target": (target if target.startswith("/") else f"/{target}").encode("ascii"),
                "timeout": httpx.Timeout(self._patience).as_dict(),
            },
        )
        return await self._exchanged(request, url, outgoing, body)

    def note(self, exchange: Exchange) -> Exchange:
        """Record what somebody else sent for this replay, such as the user's browser."""
        return self._kept(replace(exchange, source=self._source, listener=self._label))

    def browser(self, user_agent: str) -> httpx.AsyncClient:
        """A client for the browser leg, under the same rules and recorded likewise; it follows no redirect itself."""
        return httpx.AsyncClient(
            transport=_ByTheSameRules(self), trust_env=False, headers={"User-Agent": user_agent}, timeout=self._patience
        )

    async def _exchanged(self, request: httpx.Request, url: str, outgoing: Headers, body: bytes) -> Exchange:
        begun = time.time()
        draft = Exchange(
            0,
            request.method,
            url,
            outgoing,
            Body.whole(body),
            started_at=begun,
            source=self._source,
            listener=self._label,
            state=State.FAILED,
        )
        try:
            response = await self._transport.handle_async_request(request)
            answered = time.time()
            try:
                data, whole = await self._read(request.method, response)
            finally:
                await response.aclose()
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            return self._kept(replace(draft, error=reason, request_end=begun, response_end=time.time()))
        return self._kept(
            replace(
                draft,
                status=response.status_code,
                reason=response.extensions.get("reason_phrase", b"").decode("latin-1"),
                response_headers=tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in response.headers.raw),
                response_body=Body.whole(data) if whole else Body(data, len(data) + 1),
                request_end=answered,
                response_start=answered,
                response_end=time.time(),
                state=State.COMPLETE,
            )
        )

    async def _read(self, method: str, response: httpx.Response) -> tuple[bytes, bool]:
        """The body as it was on the wire, and whether that is all of it."""
        streams = response.headers.get("content-type", "").startswith("text/event-stream")
        if streams and method == "GET":
            return b"", True  # it stays open for as long as the session lasts
        data = bytearray()
        assert isinstance(response.stream, httpx.AsyncByteStream)
        try:
            async with asyncio.timeout(self._patience):
                async for part in response.stream:
                    data += part
                    if len(data) > MOST_RECEIVED:
                        return bytes(data[:MOST_RECEIVED]), False
        except TimeoutError:
            return bytes(data), streams
        return bytes(data), True

    def _kept(self, exchange: Exchange) -> Exchange:
        kept = self._record(exchange)
        self._on_exchange(kept)
        return kept


class _ByTheSameRules(httpx.AsyncBaseTransport):
    """What httpx sends for a browser goes through `Wire.send`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw)
        done = await self._wire.send(request.method, str(request.url), headers, await request.aread())
        if done.status is None:
            raise httpx.ConnectError(done.error)
        return as_response(done)


def as_response(done: Exchange) -> httpx.Response:
    """An answered exchange as a response of httpx, its content codings undone."""
    coded = ("content-encoding", "content-length", "transfer-encoding")
    return httpx.Response(
        done.status or 0,
        headers=[
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in done.response_headers
            if name.lower() not in coded
        ],
        text=content.text(done.response_headers, done.response_body),
        request=httpx.Request(done.method, done.url),
    )


def _for_this_connection(headers: Headers, url: str, method: str, body: bytes) -> Headers:
    """The headers in their order, with Host and Content-Length as they must be now (RFC 9112 sections 3.2 and 6.3).

    Host comes first, where the HTTP library puts it.
    """
    made = [("Host", urlsplit(url).netloc)]
    length = str(len(body)) if body or method in ("POST", "PUT", "PATCH") else None
    for name, value in headers:
        kind = name.lower()
        if kind in ("content-length", "transfer-encoding"):
            if length is not None:
                made.append((name if kind == "content-length" else "Content-Length", length))
            length = None
        elif kind != "host" and not is_of_the_connection(name, value):
            made.append((name, value))
    if length is not None:
        made.append(("Content-Length", length))
    for name, value in made:
        if not _TOKEN.fullmatch(name) or _IN_NO_HEADER.search(value):
            raise ReplayFailure("A header of the request holds characters that no header may hold; nothing was sent.")
    return tuple(made)


def is_of_the_connection(name: str, value: str) -> bool:
    """Whether a recorded header is about the connection of then, and is not sent again (RFC 9110 section 7.6.1)."""
    kind = name.lower()
    if kind == "connection":
        return value.strip().lower() not in ("keep-alive", "close")
    return kind.startswith(":") or kind in _OF_THE_CONNECTION


def _usable_origin(url: str) -> str:
    """The origin of a URL that HTTP requests can be sent to."""
    parts = None if _IN_NO_URL.search(url) else urls.origin(url)
    if not parts or not parts.startswith(("http://", "https://")):
        raise ReplayFailure(
            "Not sent: the address is no http or https URL; give one such as http://localhost:3001/mcp."
        )
    if "@" in urlsplit(url).netloc:
        raise ReplayFailure("Not sent: the address holds a user name; give it without.")
    return parts


def _below(base: str, url: str) -> str | None:
    """What follows the base in a URL that it covers, from the path on."""
    if not urls.same_origin(base, url):
        return None
    _, _, after = url.partition("://")
    cut = min((position for mark in "/?#" if (position := after.find(mark)) >= 0), default=len(after))
    rest, path = after[cut:], urls.path_of(base).rstrip("/")
    if not rest.startswith(path):
        return None
    rest = rest[len(path) :]
    return rest if not rest or rest[0] in "/?#" else None
