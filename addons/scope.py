"""Which requests belong to the inspected conversation: plain data and functions, nothing of the proxy.

Everything else passes through the proxy unrecorded, and TLS to hosts outside is not even opened.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urljoin, urlsplit

from inspector.session.model import Exchange

type Origin = tuple[str, str, int]
"""Scheme, host and port; the three names of this machine count as one host."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PROTECTED_RESOURCE = "/.well-known/oauth-protected-resource"
_WELL_KNOWN = "/.well-known/"
_RESOURCE_METADATA = re.compile(r'\bresource_metadata\s*=\s*(?:"([^"]*)"|([^\s,"]+))', re.IGNORECASE)


@dataclass(slots=True)
class Scope:
    """The inspected conversation as far as it is known; it grows while metadata passes by.

    Without a named target (`learns_servers`) the first plain HTTP request that looks like MCP names the server.
    `origins` says of each why it belongs to the conversation.
    """

    record_all: bool = False
    learns_servers: bool = True
    origins: dict[Origin, str] = field(default_factory=dict)
    endpoints: set[str] = field(default_factory=set)
    _removed: set[Origin] = field(default_factory=set)
    _resources: dict[Origin, str] = field(default_factory=dict)
    _last_resource: str = ""
    _server: str = ""
    _metadata: set[str] = field(default_factory=set)
    _redirecting: set[str] = field(default_factory=set)

    def add(self, url: str) -> bool:
        """Take a URL and its whole origin into the conversation; False when it is no http(s) URL."""
        parts = _split(url)
        if parts is None:
            return False
        self._removed.discard(_origin(parts))
        self._server = self._server or url.partition("?")[0].partition("#")[0]
        return self._take(url, "you named it")

    def note(self, url: str, why: str) -> bool:
        """Take in a URL that nobody named, unless it was taken out; False when it is not in then."""
        return self._take(url, why)

    def remove(self, url: str) -> bool:
        """Leave a URL's origin out, also when metadata names it again; False when it is no http(s) URL."""
        parts = _split(url)
        if parts is None:
            return False
        self._removed.add(_origin(parts))
        self.origins.pop(_origin(parts), None)
        return True

    def listing(self) -> list[tuple[str, str]]:
        """Each origin as text, and why it belongs to the conversation."""
        return [(_origin_text(origin), why) for origin, why in self.origins.items()]

    def resource_for(self, url: str) -> str:
        """The resource that metadata names for the authorization server at a URL.

        Else the last one named by any, and where no client has asked for metadata the URL of the first MCP server.
        """
        parts = _split(url)
        named = self._resources.get(_origin(parts)) if parts else None
        return named or self._last_resource or self._server

    def covers_tls(self, host: str, port: int) -> bool:
        """Whether a TLS connection to that host is to be opened for inspection."""
        return self.record_all or ("https", _folded(host), port) in self.origins

    def covers_address(self, host: str, port: int) -> bool:
        """Whether a server of the conversation is at that host and port."""
        return any((scheme, _folded(host), port) in self.origins for scheme in ("http", "https"))

    def covers(self, exchange: Exchange) -> bool:
        """Whether the exchange is part of the conversation.

        Of what a browser asks, only the protocol's own addresses are: the pages around them carry passwords.
        """
        if self.record_all:
            return True
        parts = _split(exchange.url)
        if parts is None or _origin(parts) not in self.origins:
            return False
        # Browsers, and only they, send Sec-Fetch-Site (Fetch Metadata).
        if exchange.request_header("sec-fetch-site") is None or _WELL_KNOWN in parts.path:
            return True
        submits_a_form = exchange.method != "GET" and exchange.request_header("sec-fetch-mode") == "navigate"
        return _key(parts) in self.endpoints and not submits_a_form

    def learn_from_request(self, exchange: Exchange) -> None:
        """Recognise the MCP server by a plain HTTP request, where no target was named."""
        parts = _split(exchange.url)
        if not self.learns_servers or parts is None or parts.scheme != "http":
            return
        before, probe, resource_path = parts.path.partition(_PROTECTED_RESOURCE)
        if probe and not before:
            self._learn_server(parts._replace(path=resource_path, query="").geturl(), "its metadata was asked for")
        elif exchange.method == "POST" and _speaks_mcp(exchange):
            self._learn_server(exchange.url, "a client spoke MCP to it")

    def learn_from_response(self, exchange: Exchange, content: Callable[[], bytes | None] | None = None) -> None:
        """Follow what a response names: metadata, authorization servers, their endpoints, redirects of authorize.

        `content` gives the response body without content coding, and is passed once the body is whole.
        """
        if self.learns_servers and exchange.url.startswith("http://") and _refuses_mcp(exchange):
            self._learn_server(exchange.url, "it asked an MCP client for a token")
        parts = _split(exchange.url)
        if parts is None or _origin(parts) not in self.origins:
            return
        key, here = _key(parts), _origin_text(_origin(parts))
        for url in _named_by_challenge(exchange):
            self._learn(url, self._metadata, f"a challenge of {here} names it")
        location = exchange.response_header("location")
        is_metadata = _WELL_KNOWN in parts.path or key in self._metadata
        if location and exchange.status in (301, 302, 303, 307, 308):
            # One answer leads to the next: a login page that sends on to the callback is part of the way.
            if key in self._redirecting:
                self._learn(urljoin(exchange.url, location), self._redirecting, f"{here} redirects a sign-in there")
            elif is_metadata:
                self._learn(urljoin(exchange.url, location), self._metadata, f"metadata of {here} has moved there")
        if content is not None and exchange.status == 200 and is_metadata:
            self._learn_metadata(content() or b"", f"metadata of {here} names it")

    def _learn_server(self, url: str, why: str) -> None:
        if self._take(url, why):
            self._server = self._server or url.partition("?")[0]

    def _learn_metadata(self, content: bytes, why: str) -> None:
        document = _json(content)
        if not isinstance(document, dict):
            return
        servers, resource = document.get("authorization_servers"), document.get("resource")
        issuers = servers if isinstance(servers, list) else []
        for issuer in (*issuers, document.get("issuer")):
            parts = _split(issuer)
            if parts is not None:
                self._take_origin(_origin(parts), why)
        if isinstance(resource, str):
            self._last_resource = resource
            self._resources.update((_origin(parts), resource) for parts in map(_split, issuers) if parts)
        for name, value in document.items():
            if isinstance(value, str) and name == "authorization_endpoint":
                self._learn(value, self._redirecting, why)
            elif isinstance(value, str) and (name.endswith("_endpoint") or name == "jwks_uri"):
                self._take(value, why)

    def _learn(self, url: str, kind: set[str], why: str) -> None:
        if self._take(url, why):
            kind.add(_key(urlsplit(url)))

    def _take(self, url: str, why: str) -> bool:
        parts = _split(url)
        if parts is None:
            return False
        self.endpoints.add(_key(parts))
        return self._take_origin(_origin(parts), why)

    def _take_origin(self, origin: Origin, why: str) -> bool:
        if origin in self._removed:
            return False
        self.origins.setdefault(origin, why)
        return True


def is_metadata(url: str) -> bool:
    """Whether the URL is a place where metadata of either kind lives (RFC 9728 and the two below)."""
    return is_protected_resource_metadata(url) or is_authorization_server_metadata(url)


def is_protected_resource_metadata(url: str) -> bool:
    """Whether the URL is a place where protected resource metadata lives (RFC 9728 section 3)."""
    return _PROTECTED_RESOURCE in urlsplit(url).path


def is_authorization_server_metadata(url: str) -> bool:
    """Whether the URL is a place where authorization server metadata lives (RFC 8414, OpenID Connect Discovery)."""
    path = urlsplit(url).path
    return "/.well-known/oauth-authorization-server" in path or "/.well-known/openid-configuration" in path


def is_event_stream(content_type: str | None) -> bool:
    """Whether a media type is that of server-sent events."""
    return (content_type or "").partition(";")[0].strip().lower() == "text/event-stream"


def _split(url: object) -> SplitResult | None:
    """The parts of an absolute http(s) URL; None for anything else."""
    if not isinstance(url, str):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") and parts.hostname else None


def _origin(parts: SplitResult) -> Origin:
    return (parts.scheme, _folded(parts.hostname or ""), parts.port or (443 if parts.scheme == "https" else 80))


def _origin_text(origin: Origin) -> str:
    scheme, host, port = origin
    written = f"[{host}]" if ":" in host else host
    return f"{scheme}://{written}" + ("" if port == (443 if scheme == "https" else 80) else f":{port}")


def _folded(host: str) -> str:
    host = host.lower().strip("[]")
    return "localhost" if host in _LOOPBACK else host


def _key(parts: SplitResult) -> str:
    scheme, host, port = _origin(parts)
    return f"{scheme}://{host}:{port}{parts.path or '/'}"


def _json(content: bytes) -> object:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _speaks_mcp(exchange: Exchange) -> bool:
    """Whether a POST is JSON-RPC 2.0 over Streamable HTTP; bare JSON-RPC is spoken by many others."""
    accepts_events = "text/event-stream" in (exchange.request_header("accept") or "").lower()
    if not accepts_events and exchange.request_header("mcp-protocol-version") is None:
        return False
    message = _json(exchange.request_body.data)
    first = message[0] if isinstance(message, list) and message else message
    return isinstance(first, dict) and first.get("jsonrpc") == "2.0"


def _refuses_mcp(exchange: Exchange) -> bool:
    """Whether this is an MCP server asking for a token: a Bearer challenge to a client that wants events."""
    if exchange.status != 401:
        return False
    challenges = exchange.response_header_all("www-authenticate")
    wants_events = "text/event-stream" in (exchange.request_header("accept") or "").lower()
    names_metadata = any(_RESOURCE_METADATA.search(challenge) for challenge in challenges)
    return names_metadata or (wants_events and any("bearer" in challenge.lower() for challenge in challenges))


def _named_by_challenge(exchange: Exchange) -> Iterator[str]:
    for value in exchange.response_header_all("www-authenticate"):
        for match in _RESOURCE_METADATA.finditer(value):
            yield match[1] or match[2] or ""
