"""A client gets what upstream has sent, byte for byte, apart from the values that the recording says were changed."""

import asyncio
import gzip
import json
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from inspector.capture.proxy import RunningProxy
from inspector.session.model import Exchange
from tests.capture.conftest import Start
from tests.capture.rows import row
from tests.capture.upstream import Upstream

AS_METADATA = "/.well-known/oauth-authorization-server"
RESOURCE_METADATA = "/.well-known/oauth-protected-resource/mcp"


def flow(origin: str) -> Iterator[tuple[str, bytes]]:
    """Path and whole answer of each step; with all the liberties that HTTP and JSON leave to a server."""
    here = origin.encode()
    challenge = b'Bearer  error="invalid_token" , resource_metadata="%s%s"' % (here, RESOURCE_METADATA.encode())
    yield "/mcp", answer(b"", b"WWW-Authenticate: " + challenge, status=b"401 Who Are You")
    resource = b'{ "resource":"%s\\/mcp",\n"authorization_servers" : ["%s"],"x":1.0e+2}\r\n' % (here, here)
    yield RESOURCE_METADATA, answer(resource, b"Content-Type: application/json", b'ETag: W/"1"')
    endpoints = b'{"issuer":"%s", "authorization_endpoint": "%s/authorize?tenant=a%%20b",' % (here, here)
    endpoints += b'\t"token_endpoint":"%s\\u002ftoken","name":"\xc3\xa9\\u00e9","n":1.50}\n' % here
    yield AS_METADATA, answer(endpoints, b"content-TYPE: application/json ;charset=utf-8", b"X-Same: 1", b"x-same: 2")
    yield "/register", answer(b'{"client_id":"c",\n\n"client_secret":"s"}', b"Pragma: no-cache", status=b"201 Created")
    yield (
        "/token",
        answer(b'{"access_token":"a.b.c","expires_in":"300"}', b"Set-Cookie: a=1", b"Set-Cookie: a=2; Path=/"),
    )
    yield "/jwks", answer(gzip.compress(b'{"keys": []}', mtime=0), b"Content-Encoding: gzip", b"Vary: *")
    yield "/empty", b"HTTP/1.1 204 \r\nServer: x\r\nConnection: close\r\n\r\n"
    events = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    yield "/events", events + b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in (b"data: 1\n\n", b": \r\r", b""))


def answer(body: bytes, *fields: bytes, status: bytes = b"200 OK") -> bytes:
    head = b"\r\n".join((b"HTTP/1.1 " + status, *fields, b"Content-Length: %d" % len(body), b"Connection: close"))
    return head + b"\r\n\r\n" + body


@pytest.fixture
def steps(server: Upstream) -> dict[str, bytes]:
    """The answers of the flow, as the server gives them."""

    def sends(path: str, raw: bytes) -> None:
        async def send(writer: asyncio.StreamWriter) -> None:
            writer.write(raw)

        server.answers[path] = send

    answers = dict(flow(server.origin))
    for path, raw in answers.items():
        sends(path, raw)
    return answers


async def ask(origin: str, target: str, host: str) -> bytes:
    """Every byte that comes back from a place."""
    parts = urlsplit(origin)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    async with asyncio.timeout(20):
        got = await reader.read()
    writer.close()
    return got


def without_chunks(raw: bytes) -> bytes:
    """An answer with the pieces of its body joined: where they are cut is each sender's own affair."""
    head, _, body = raw.partition(b"\r\n\r\n")
    if b"chunked" not in head:
        return raw
    joined = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        joined, body = joined + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return head + b"\r\n\r\n" + joined


async def as_recorded(proxy: RunningProxy, url: str, raw: bytes) -> Exchange:
    """The exchange, which must hold what upstream sent and not what the client got."""
    exchange = await row(proxy, url)
    assert exchange.response_body.data == without_chunks(raw).partition(b"\r\n\r\n")[2]
    return exchange


async def test_the_proxy_changes_one_value_of_one_document(
    start: Start, server: Upstream, steps: dict[str, bytes]
) -> None:
    proxy = start(targets=(server.at("/mcp"),))
    host = urlsplit(server.origin).netloc
    for path, raw in steps.items():
        direct = await ask(server.origin, path, host)
        through = await ask(proxy.url, server.at(path), host)
        exchange = await as_recorded(proxy, server.at(path), raw)
        assert direct == raw
        for change in exchange.translations:
            assert (path, change.part, change.name) == (AS_METADATA, "response.body", "authorization_endpoint")
            assert through.count(change.client.encode()) == 1
            through = through.replace(change.client.encode(), change.upstream.encode())
            size = len(without_chunks(raw).partition(b"\r\n\r\n")[2])
            through = re.sub(rb"(?<=Content-Length: )\d+", b"%d" % size, through)
        assert bool(exchange.translations) == (path == AS_METADATA)
        assert without_chunks(through) == without_chunks(raw), path


async def test_without_the_recorder_it_changes_nothing(start: Start, server: Upstream, steps: dict[str, bytes]) -> None:
    proxy = start(targets=(server.at("/mcp"),), authorize_recorder=False)
    for path, raw in steps.items():
        assert without_chunks(await ask(proxy.url, server.at(path), urlsplit(server.origin).netloc)) == without_chunks(
            raw
        )


async def test_the_gateway_changes_the_values_it_says(start: Start, server: Upstream, steps: dict[str, bytes]) -> None:
    proxy = start(gateway=server.at("/mcp"))
    gateway = proxy.gateway.removesuffix("/mcp")
    for path, raw in steps.items():
        through = await ask(gateway, path, urlsplit(gateway).netloc)
        changes = (await as_recorded(proxy, server.at(path), raw)).translations
        assert {change.name for change in changes} == {"Host", *CHANGED.get(path, ())}
        ours, theirs = {change.client for change in changes}, {change.upstream for change in changes}
        assert blotted_out(through, ours) == blotted_out(raw, theirs), path


CHANGED = {
    "/mcp": ("WWW-Authenticate resource_metadata",),
    RESOURCE_METADATA: ("resource", "authorization_servers"),
    AS_METADATA: ("issuer", "authorization_endpoint", "token_endpoint"),
}
"""The members and parameters in which each answer of the flow names its own server."""


def blotted_out(raw: bytes, values: set[str]) -> bytes:
    """An answer with the quoted strings that stand for one of the values blotted out, and the length they change."""

    def blotted(text: re.Match[bytes]) -> bytes:
        return b"#" if json.loads(text[0]) in values else text[0]

    head, _, body = without_chunks(raw).partition(b"\r\n\r\n")
    head = re.sub(rb'"[^"\\]*"', blotted, re.sub(rb"Content-Length: \d+", b"Content-Length: #", head))
    return head + b"\r\n\r\n" + (body if b"gzip" in head else re.sub(rb'"(?:[^"\\]|\\.)*"', blotted, body))
