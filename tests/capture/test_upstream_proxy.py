"""A network whose other machines are reached through its proxy, which wants a password."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from inspector.capture.ca_bundle import write_ca_bundle
from inspector.capture.proxy import ProxySettings
from inspector.capture.upstream_proxy import parse_upstream_proxy
from inspector.errors import CaptureError
from inspector.session.model import State
from tests.capture.conftest import Start
from tests.capture.rows import recorded, row
from tests.capture.upstream import Certificates, Upstream, make_certificates, upstream

USER, PASSWORD = "me@corp", "p:w/ d"
CREDENTIALS = "me%40corp:p%3Aw%2F%20d"
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


@dataclass
class Corporate:
    """A proxy for which every machine is this one; notes what it was asked for."""

    port: int
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{CREDENTIALS}@127.0.0.1:{self.port}"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = None
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            line, *fields = head.split("\r\n")
            method, target, _ = line.split(" ")
            self.asked.append(f"{method} {target}")
            if f"proxy-authorization: {BASIC}".lower() not in (each.lower() for each in fields):
                writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
                return
            parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
            there, server = await asyncio.open_connection("127.0.0.1", parts.port)
            if method == "CONNECT":
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                kept = [each for each in fields if not each.lower().startswith("proxy-")]
                server.write("\r\n".join([f"{method} {parts.path} HTTP/1.1", *kept]).encode())
            await asyncio.gather(_pass_on(reader, server), _pass_on(there, writer))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            for end in filter(None, (writer, server)):
                end.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


@asynccontextmanager
async def corporate() -> AsyncIterator[Corporate]:
    running = Corporate(0)
    async with await asyncio.start_server(running.talk, "127.0.0.1", 0) as server:
        running.port = server.sockets[0].getsockname()[1]
        yield running
        server.close_clients()


@pytest.fixture
async def network() -> AsyncIterator[Corporate]:
    async with corporate() as running:
        yield running


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return make_certificates(tmp_path, "mcp.test")


@pytest.fixture
async def https(certificates: Certificates) -> AsyncIterator[Upstream]:
    async with upstream(certificates.server) as running:
        running.answer("/mcp", b"hello")
        yield running


def named(server: Upstream, path: str = "/mcp") -> str:
    """The server's URL under a name that only the network's proxy knows."""
    return server.at(path).replace("127.0.0.1", "mcp.test")


def port(server: Upstream) -> int | None:
    return urlsplit(server.origin).port


async def test_plain_http_is_asked_for_and_the_password_stays_out_of_sight(
    start: Start, network: Corporate, server: Upstream, home: Path
) -> None:
    server.answer("/mcp", b"hello")
    proxy = start(targets=(named(server),), upstream_proxy=network.url)
    async with httpx.AsyncClient(proxy=proxy.url, trust_env=False) as client:
        assert (await client.get(named(server))).content == b"hello"
    assert network.asked == [f"GET {named(server)}"]
    exchange = await row(proxy, named(server))
    assert exchange.request_header("proxy-authorization") is None
    secrets = (PASSWORD.encode(), CREDENTIALS.encode(), BASIC.removeprefix("Basic ").encode())
    places = [home / "proxy.log", proxy.session, *(home / "running").iterdir(), Path(f"/proc/{proxy.pid}/cmdline")]
    assert not any(secret in place.read_bytes() for secret in secrets for place in places if place.exists())
    assert PASSWORD not in repr(ProxySettings(proxy.session, upstream_proxy=network.url))


async def test_https_goes_through_a_tunnel_whether_it_is_inspected_or_not(
    start: Start, network: Corporate, certificates: Certificates, https: Upstream
) -> None:
    async with upstream(certificates.server) as other:
        other.answer("/x", b"private")
        proxy = start(targets=(named(https),), upstream_proxy=network.url, upstream_ca=certificates.ca)
        bundle = write_ca_bundle(proxy.ca_certificate, {"SSL_CERT_FILE": str(certificates.ca)})
        trust = ssl.create_default_context(cafile=bundle)
        async with httpx.AsyncClient(proxy=proxy.url, trust_env=False, verify=trust) as client:
            assert (await client.get(named(https))).content == b"hello"
            assert (await client.get(named(other, "/x"))).content == b"private"
    assert network.asked == [f"CONNECT mcp.test:{port(https)}", f"CONNECT mcp.test:{port(other)}"]
    assert (await row(proxy, named(https))).status == 200
    assert recorded(proxy, named(other, "")) == []


async def test_this_machine_is_reached_without_it(
    start: Start, network: Corporate, certificates: Certificates, https: Upstream, server: Upstream
) -> None:
    server.answer("/mcp", b"near")
    proxy = start(
        targets=(server.at("/mcp"), https.at("/mcp")), upstream_proxy=network.url, upstream_ca=certificates.ca
    )
    trust = ssl.create_default_context(cafile=proxy.ca_certificate)
    async with httpx.AsyncClient(proxy=proxy.url, trust_env=False, verify=trust) as client:
        assert (await client.get(server.at("/mcp"))).content == b"near"
        assert (await client.get(https.at("/mcp"))).content == b"hello"
    assert network.asked == []


async def test_a_gateway_uses_it_too(
    start: Start, network: Corporate, certificates: Certificates, https: Upstream
) -> None:
    proxy = start(gateway=named(https), upstream_proxy=network.url, upstream_ca=certificates.ca)
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(proxy.gateway)).content == b"hello"
    assert network.asked == [f"CONNECT mcp.test:{port(https)}"]
    assert (await row(proxy, named(https))).status == 200


async def test_the_browsers_stand_in_works_behind_it(start: Start, network: Corporate, server: Upstream) -> None:
    place = "/.well-known/oauth-authorization-server"
    server.answer(place, b'{"authorization_endpoint": "%s"}' % server.at("/authorize").encode())
    proxy = start(targets=(server.at("/mcp"),), upstream_proxy=network.url)
    async with httpx.AsyncClient(proxy=proxy.url, trust_env=False) as client, httpx.AsyncClient() as browser:
        endpoint = (await client.get(server.at(place))).json()["authorization_endpoint"]
        assert endpoint.startswith(f"{proxy.url}/.inspector/authorize/")
        assert (await browser.get(f"{endpoint}?x=1")).headers["location"] == server.at("/authorize?x=1")
    await row(proxy, server.at("/authorize"), State.RECORDED)


async def test_a_wrong_password_is_told_on_the_timeline(
    start: Start, network: Corporate, certificates: Certificates, https: Upstream
) -> None:
    proxy = start(
        targets=(named(https),), upstream_proxy=f"http://127.0.0.1:{network.port}", upstream_ca=certificates.ca
    )
    trust = ssl.create_default_context(cafile=proxy.ca_certificate)
    async with httpx.AsyncClient(proxy=proxy.url, trust_env=False, verify=trust) as client:
        assert (await client.get(named(https))).status_code == 502
    assert "407 Proxy Authentication Required" in (await row(proxy, named(https), State.FAILED)).error


@pytest.mark.parametrize("url", ["proxy.example:8080", "http://me:secret@proxy.example", "ftp://h:1", "http://h:x"])
def test_what_is_no_proxy_is_said_without_its_password(url: str) -> None:
    with pytest.raises(CaptureError, match="not a URL with a port; give one such as") as caught:
        parse_upstream_proxy(url)
    assert "secret" not in str(caught.value)
