"""HTTP/2 on both sides of the proxy, many requests on one connection."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import httpx
import pytest

from inspector.capture.proxy import RunningProxy
from inspector.session.model import State
from tests.capture.conftest import Start
from tests.capture.http2 import Http2Server, Stream, http2_server
from tests.capture.rows import row
from tests.capture.upstream import Certificates, make_certificates


class OfHttp2(ssl.SSLContext):
    """httpx offers HTTP/1.1 before HTTP/2, other than browsers and the libraries of Rust and Node."""

    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        super().set_alpn_protocols(["h2"])


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return make_certificates(tmp_path)


@pytest.fixture
async def there(certificates: Certificates) -> AsyncIterator[Http2Server]:
    async with http2_server(certificates.server) as running:
        yield running


@pytest.fixture
def proxy(start: Start, there: Http2Server, certificates: Certificates) -> RunningProxy:
    return start(targets=(there.at("/mcp"),), upstream_ca=certificates.ca)


@pytest.fixture
async def client(proxy: RunningProxy) -> AsyncIterator[httpx.AsyncClient]:
    trust = OfHttp2(ssl.PROTOCOL_TLS_CLIENT)
    trust.load_verify_locations(proxy.ca_certificate)
    async with httpx.AsyncClient(http2=True, proxy=proxy.url, trust_env=False, verify=trust, timeout=20) as running:
        yield running


async def test_requests_side_by_side_on_one_connection_are_recorded_each_for_itself(
    proxy: RunningProxy, there: Http2Server, client: httpx.AsyncClient
) -> None:
    second_is_there = asyncio.Event()

    async def challenge(stream: Stream) -> None:
        await second_is_there.wait()  # a proxy that sends one after the other never gets past this
        stream.head(401, ("www-authenticate", f'Bearer resource_metadata="{there.at("/meta")}"'))
        stream.data(b"")

    async def metadata(stream: Stream) -> None:
        second_is_there.set()
        stream.head(200, ("content-type", "application/json"))
        stream.data(b"{}")

    async def hello(stream: Stream) -> None:
        stream.head(200)
        stream.data(b"hello")

    there.answers = {"/": hello, "/mcp": challenge, "/meta": metadata}
    await client.get(there.at("/"))  # from here on there is a connection to share
    first, second = await asyncio.gather(
        client.post(there.at("/mcp"), content=b"{}"), client.get(there.at("/meta?a=1&a=2"))
    )
    assert (first.status_code, first.http_version, second.content) == (401, "HTTP/2", b"{}")
    assert there.connections == 1
    asked = await row(proxy, there.at("/mcp"))
    assert (asked.http_version, asked.request_body.data, asked.status) == ("HTTP/2.0", b"{}", 401)
    assert asked.response_header("www-authenticate") == f'Bearer resource_metadata="{there.at("/meta")}"'
    assert asked.tls.count("h2") == 2
    assert (await row(proxy, there.at("/meta?a=1&a=2"))).response_body.data == b"{}"


async def test_events_pass_one_by_one_beside_other_requests_until_the_client_leaves(
    proxy: RunningProxy, there: Http2Server, client: httpx.AsyncClient
) -> None:
    given_up = asyncio.Event()

    async def events(stream: Stream) -> None:
        stream.head(200, ("content-type", "text/event-stream"))
        stream.data(b"data: 1\n\n", end=False)
        await stream.reset.wait()
        given_up.set()

    async def tools(stream: Stream) -> None:
        stream.head(200)
        stream.data(b"tools")

    there.answers = {"/mcp": events, "/tools": tools}
    async with client.stream("GET", there.at("/mcp")) as response:
        assert await anext(response.aiter_raw()) == b"data: 1\n\n"
        assert (await client.get(there.at("/tools"))).content == b"tools"
        assert there.connections == 1
        await client.aclose()
    async with asyncio.timeout(10):
        await given_up.wait()
    failed = await row(proxy, there.at("/mcp"), State.FAILED)
    assert failed.response_body.data == b"data: 1\n\n"
    assert failed.error == "The client closed the connection before it had the whole answer."
    assert (await row(proxy, there.at("/tools"))).response_body.data == b"tools"
