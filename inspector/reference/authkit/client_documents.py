"""Clients whose id is a URL: fetches and checks their metadata documents without reaching into private networks.

OAuth Client ID Metadata Document draft; MCP 2025-11-25, Client ID Metadata Documents.
"""

import asyncio
import ipaddress
import json
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpx

from inspector.reference.authkit.errors import OAuthError
from inspector.reference.authkit.parameters import is_text
from inspector.reference.authkit.redirects import problem_with
from inspector.reference.authkit.store import Client

type Resolve = Callable[[str, int], Awaitable[list[str]]]
"""From a host name and a port to IP addresses. OSError when there are none."""

PROBLEMS = {
    "client_id_url_invalid": "A client ID that is a URL must be https, with a path, and without user, dot segments "
    "and fragment; http is for documents on this machine, where that is allowed.",
    "client_document_private_address": "The host of the client ID has an address that is not public.",
    "client_document_unreachable": "The client ID metadata document did not come in time, or not with status 200.",
    "client_document_redirected": "The client ID URL redirects; a client ID metadata document is served directly.",
    "client_document_too_large": "The client ID metadata document is larger than 5 kB, or compressed.",
    "client_document_not_json": "The client ID metadata document is not a JSON object with a JSON media type.",
    "client_document_incomplete": "The client ID metadata document lacks client_name or usable redirect_uris.",
    "client_document_id_mismatch": "The client_id in the metadata document is not exactly the URL it was fetched from.",
    "client_document_shared_secret": "A client with a metadata document is public: it has no client_secret and "
    "authenticates with none.",
}
"""What can be wrong with a client id that is a URL, by error code."""

_MAX_SIZE = 5 * 1024  # bytes, as the draft recommends
_TIMEOUT = 5.0  # seconds, for the whole fetch
_KEPT_FOR = 300.0  # seconds
_MOST_KEPT = 32
_LONGEST_URL = 2048
_LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")


class UnusableDocument(OAuthError):
    """There is no client behind this URL; `error` is one of `PROBLEMS`."""

    def __init__(self, problem: str) -> None:
        super().__init__(400, problem, PROBLEMS[problem])


def is_document_url(client_id: str) -> bool:
    """Whether a client id claims to be the URL of a metadata document."""
    return "://" in client_id


async def resolved(host: str, port: int) -> list[str]:
    """The addresses of a host. OSError when there are none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class ClientDocuments:
    """Metadata documents by URL. Good ones are kept for five minutes, bad ones are asked for again."""

    def __init__(self, resolve: Resolve = resolved, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._resolve = resolve
        self._transport = transport
        self._kept: dict[str, tuple[float, Client]] = {}

    async def client(self, url: str, *, allow_loopback: bool) -> Client:
        """The client that publishes its metadata at this URL.

        Raises:
            UnusableDocument: it does not, or not in a way that can be used safely.
        """
        self._kept = {key: kept for key, kept in self._kept.items() if kept[0] > time.monotonic()}
        if url in self._kept:
            return self._kept[url][1]
        parts = _checked_url(url, allow_loopback)
        client = _client_in(await self._fetched(parts, allow_loopback), url)
        if len(self._kept) >= _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[url] = time.monotonic() + _KEPT_FOR, client
        return client

    async def _fetched(self, parts: SplitResult, allow_loopback: bool) -> bytes:
        try:
            async with (
                asyncio.timeout(_TIMEOUT),
                httpx.AsyncClient(transport=self._transport, trust_env=False, timeout=_TIMEOUT) as http,
            ):
                addresses = await self._permitted_addresses(parts, allow_loopback)
                for address in addresses[:-1]:
                    try:
                        return await _document(http, parts, address)
                    except httpx.ConnectError:
                        continue
                return await _document(http, parts, addresses[-1])
        except (OSError, httpx.HTTPError, httpx.InvalidURL, ValueError):
            raise UnusableDocument("client_document_unreachable") from None

    async def _permitted_addresses(self, parts: SplitResult, allow_loopback: bool) -> list[str]:
        """Where to connect to. Only these are used afterwards, so that the name cannot mean something else by then."""
        host = parts.hostname or ""
        addresses = await self._resolve(host, parts.port or (443 if parts.scheme == "https" else 80))
        permitted = _is_loopback if allow_loopback and host in _LOOPBACK_HOSTS else _is_public
        if not all(permitted(address) for address in addresses):
            raise UnusableDocument("client_document_private_address")
        if not addresses:
            raise UnusableDocument("client_document_unreachable")
        return addresses


def _checked_url(url: str, allow_loopback: bool) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise UnusableDocument("client_id_url_invalid") from None
    local = allow_loopback and parts.hostname in _LOOPBACK_HOSTS
    if (
        len(url) > _LONGEST_URL
        or not (url.isascii() and url.isprintable() and " " not in url)
        or not (parts.scheme == "https" or (parts.scheme == "http" and local))
        or not parts.hostname
        or "@" in parts.netloc
        or "#" in url
        or parts.path in ("", "/")
        or any(segment.lower().replace("%2e", ".") in (".", "..") for segment in parts.path.split("/"))
    ):
        raise UnusableDocument("client_id_url_invalid")
    return parts


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback


def _is_public(address: str) -> bool:
    """Whether an address is on the public internet, also where an IPv6 address only wraps an IPv4 one."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address) and (ip.ipv4_mapped or ip.sixtofour or ip.teredo):
        return False
    return ip.is_global and not ip.is_multicast


async def _document(http: httpx.AsyncClient, parts: SplitResult, address: str) -> bytes:
    """The body that this address serves for the URL, whose name is kept for TLS and for the Host header."""
    host = f"[{address}]" if ":" in address else address
    pinned = parts._replace(netloc=host if parts.port is None else f"{host}:{parts.port}")
    request = http.build_request(
        "GET",
        pinned.geturl(),
        headers={"Host": parts.netloc, "Accept": "application/json", "Accept-Encoding": "identity"},
        extensions={"sni_hostname": parts.hostname},
    )
    answer = await http.send(request, stream=True)
    try:
        return await _body(answer)
    finally:
        await answer.aclose()


async def _body(answer: httpx.Response) -> bytes:
    if 300 <= answer.status_code < 400:
        raise UnusableDocument("client_document_redirected")
    if answer.status_code != 200:
        raise UnusableDocument("client_document_unreachable")
    media_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise UnusableDocument("client_document_not_json")
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise UnusableDocument("client_document_too_large")
    body = bytearray()
    async for chunk in answer.aiter_bytes():
        body += chunk
        if len(body) > _MAX_SIZE:
            raise UnusableDocument("client_document_too_large")
    return bytes(body)


def _client_in(body: bytes, url: str) -> Client:
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise UnusableDocument("client_document_not_json")
    if document.get("client_id") != url:
        raise UnusableDocument("client_document_id_mismatch")
    if document.get("token_endpoint_auth_method", "none") != "none" or any(
        member.startswith("client_secret") for member in document
    ):
        raise UnusableDocument("client_document_shared_secret")
    name, redirect_uris = document.get("client_name"), document.get("redirect_uris")
    if not is_text(name) or not isinstance(redirect_uris, list) or not redirect_uris:
        raise UnusableDocument("client_document_incomplete")
    if any(not isinstance(uri, str) or problem_with(uri) for uri in redirect_uris):
        raise UnusableDocument("client_document_incomplete")
    return Client(url, name, tuple(redirect_uris), auth_method="none")
