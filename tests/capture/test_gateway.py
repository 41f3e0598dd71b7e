"""The gateway as a client meets it: real proxies, real HTTP, servers that send what the test wrote."""

import asyncio
import json
import random
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import pytest
from mitmproxy.net import encoding

from addons.ports import is_free
from inspector.capture.gateway import check_is_free, listens, moved_server
from inspector.capture.proxy import RunningProxy
from inspector.errors import CaptureError
from inspector.session.model import Exchange, State
from inspector.session.reader import Session
from tests.capture.conftest import Start
from tests.capture.rows import recorded, row
from tests.capture.upstream import Upstream, make_certificates, upstream

PROTECTED_RESOURCE = "/.well-known/oauth-protected-resource/mcp"
AUTHORIZATION_SERVER = "/.well-known/oauth-authorization-server"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
async def issuer() -> AsyncIterator[Upstream]:
    async with upstream() as running:
        yield running


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, timeout=20) as running:
        yield running


def publish(server: Upstream, issuer: Upstream, coding: str = "") -> tuple[bytes, bytes]:
    """Let both servers answer with metadata that names the issuer; gives the two documents."""
    resource = b'{ "resource":"%s",\n "authorization_servers":["%s"], "x":"%s\\u00e9" }' % (
        server.at("/mcp").encode(),
        issuer.origin.encode(),
        server.origin.encode(),
    )
    metadata = json.dumps(
        {
            "issuer": issuer.origin,
            "authorization_endpoint": issuer.at("/authorize"),
            "token_endpoint": issuer.at("/token"),
            "jwks_uri": issuer.at("/jwks"),
            "service_documentation": issuer.at("/docs"),
        }
    ).encode()
    headers = {"Content_Type": "application/json"} | ({"Content_Encoding": coding} if coding else {})
    server.answer(PROTECTED_RESOURCE, _encoded(resource, coding), **headers)
    issuer.answer(AUTHORIZATION_SERVER, _encoded(metadata, coding), **headers)
    return resource, metadata


def _encoded(content: bytes, coding: str) -> bytes:
    return encoding.encode(content, coding) if coding else content


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


async def discover(client: httpx.AsyncClient, gateway: str) -> str:
    """Read the metadata as a client does; gives the address of the authorization server."""
    address: str = (await client.get(origin_of(gateway) + PROTECTED_RESOURCE)).json()["authorization_servers"][0]
    await client.get(address + AUTHORIZATION_SERVER)
    return address


def translated(exchange: Exchange) -> dict[str, tuple[str, str]]:
    return {each.name: (each.client, each.upstream) for each in exchange.translations}


def incidents(proxy: RunningProxy) -> list[str]:
    with Session.open(proxy.session) as session:
        return [each.text for each in session.incidents()]


@pytest.mark.parametrize("coding", ["", "gzip", "br"])
async def test_discovery_leads_from_one_of_our_addresses_to_the_next(
    start: Start, server: Upstream, issuer: Upstream, client: httpx.AsyncClient, coding: str
) -> None:
    resource, metadata = publish(server, issuer, coding)
    challenge = f'Bearer resource_metadata="{server.at(PROTECTED_RESOURCE)}"'
    server.answer("/mcp", b"no", status="401 Unauthorized", WWW_Authenticate=challenge)
    proxy = start(gateway=server.at("/mcp"))
    here = origin_of(proxy.gateway)
    assert proxy.gateway == f"{here}/mcp"

    refused = await client.post(proxy.gateway, json={})
    assert refused.headers["www-authenticate"] == challenge.replace(server.origin, here)
    found = await client.get(here + PROTECTED_RESOURCE)
    there = found.json()["authorization_servers"][0]
    assert found.json()["resource"] == proxy.gateway
    assert found.content == resource.replace(server.at("/mcp").encode(), proxy.gateway.encode()).replace(
        issuer.origin.encode(), there.encode()
    )
    answer = await client.get(there + AUTHORIZATION_SERVER)
    expected = metadata.replace(issuer.origin.encode(), there.encode())
    assert answer.content == expected.replace(f"{there}/docs".encode(), issuer.at("/docs").encode())
    assert answer.headers.get("content-encoding", "") == coding

    assert server.asked[-1].headers["host"] == urlsplit(server.origin).netloc
    assert issuer.asked[-1].headers["host"] == urlsplit(issuer.origin).netloc
    seen = await row(proxy, server.at(PROTECTED_RESOURCE))
    assert seen.response_body.data == _encoded(resource, coding)
    assert seen.response_header("content-length") == str(len(_encoded(resource, coding)))
    assert seen.request_header("host") == urlsplit(server.origin).netloc
    assert seen.listener == f"reverse:{server.origin}@{urlsplit(here).netloc}"
    assert translated(seen) == {
        "Host": (urlsplit(here).netloc, urlsplit(server.origin).netloc),
        "resource": (proxy.gateway, server.at("/mcp")),
        "authorization_servers": (there, issuer.origin),
    }
    refusal = await row(proxy, server.at("/mcp"))
    assert refusal.response_header("www-authenticate") == challenge
    assert (await row(proxy, issuer.at(AUTHORIZATION_SERVER))).response_body.data == _encoded(metadata, coding)


async def test_what_the_client_sends_names_upstream(
    start: Start, server: Upstream, issuer: Upstream, client: httpx.AsyncClient
) -> None:
    publish(server, issuer)
    proxy = start(gateway=server.at("/mcp"))
    there = await discover(client, proxy.gateway)
    here, callback = origin_of(proxy.gateway), "http://127.0.0.1:33419/callback?x=1"

    query = f"state=a%2fb+c&redirect_uri={quote(callback, safe='')}&resource={{}}&client_id={here}/client.json"
    answer = f"{callback}&code=1&iss={quote(issuer.origin, safe='')}"
    issuer.answer("/authorize", status="302 Found", Location=answer, Set_Cookie="s=1; Domain=auth.example")
    sent_back = await client.get(f"{there}/authorize?" + query.format(quote(proxy.gateway, safe="")))
    assert sent_back.headers["location"] == answer.replace(quote(issuer.origin, safe=""), quote(there, safe=""))
    assert sent_back.headers["set-cookie"] == "s=1"
    assert issuer.asked[-1].target == "/authorize?" + query.format(quote(server.at("/mcp"), safe=""))
    asked = await row(proxy, issuer.at("/authorize"))
    assert asked.url == issuer.at("/authorize?" + query.format(quote(server.at("/mcp"), safe="")))
    assert asked.response_header("location") == answer
    assert translated(asked)["resource"] == (proxy.gateway, server.at("/mcp"))
    assert translated(asked)["Location iss"] == (there, issuer.origin)

    form = "grant_type=authorization_code&code=%zz&resource={}"
    page = {"content-type": FORM, "origin": there, "referer": f"{there}/login"}
    await client.post(f"{there}/token", content=form.format(proxy.gateway), headers=page)
    asked_token = issuer.asked[-1]
    assert asked_token.body.decode() == form.format(server.at("/mcp"))
    assert asked_token.headers["content-length"] == str(len(asked_token.body))
    assert (asked_token.headers["origin"], asked_token.headers["referer"]) == (issuer.origin, issuer.at("/login"))
    assert (await row(proxy, issuer.at("/token"))).request_body.data == asked_token.body

    pushed = f'{{"client_id": "{here}/client.json" ,"resource":"{proxy.gateway}"}}'
    await client.post(f"{there}/par", content=pushed, headers={"content-type": "application/json"})
    assert issuer.asked[-1].body.decode() == pushed.replace(f'"{proxy.gateway}"', f'"{server.at("/mcp")}"')

    issuer.answer("/moved", status="302 Found", Location=issuer.at("/login?x=1"))
    assert (await client.get(f"{there}/moved")).headers["location"] == f"{there}/login?x=1"


async def test_documents_without_names_pass_as_they_are(
    start: Start, server: Upstream, client: httpx.AsyncClient
) -> None:
    token = json.dumps({"access_token": "a.b.c", "issuer": server.origin, "resource": server.at("/mcp")}).encode()
    server.answer("/token", token, ETag='"1"')
    server.answer(PROTECTED_RESOURCE, b"[1, 2", Content_Type="application/json")
    server.answer(AUTHORIZATION_SERVER, token, status="404 Not Found")
    proxy = start(gateway=server.at("/mcp"))
    here = origin_of(proxy.gateway)
    answer = await client.get(f"{here}/token")
    assert (answer.content, answer.headers["etag"]) == (token, '"1"')
    assert (await client.get(here + PROTECTED_RESOURCE)).content == b"[1, 2"
    assert (await client.get(here + AUTHORIZATION_SERVER)).content == token


async def test_metadata_that_stands_elsewhere_is_found_too(
    start: Start, server: Upstream, issuer: Upstream, client: httpx.AsyncClient
) -> None:
    document, _ = publish(server, issuer)
    server.answer("/elsewhere", document)
    server.answer(PROTECTED_RESOURCE, status="302 Found", Location="/elsewhere")
    async with upstream() as third:
        third.answer("/metadata", document)
        challenge = f'Bearer resource_metadata="{third.at("/metadata")}"'
        server.answer("/mcp", status="401 Unauthorized", WWW_Authenticate=challenge)
        proxy = start(gateway=server.at("/mcp"))
        moved = await client.get(origin_of(proxy.gateway) + PROTECTED_RESOURCE, follow_redirects=True)
        assert moved.json()["resource"] == proxy.gateway
        refused = await client.get(proxy.gateway)
        url = refused.headers["www-authenticate"].partition('"')[2].rstrip('"')
        assert (await client.get(url)).json()["resource"] == proxy.gateway
        assert (await row(proxy, third.at("/metadata"))).response_body.data == document


async def test_metadata_of_unknown_length_is_translated_too(
    start: Start, server: Upstream, client: httpx.AsyncClient
) -> None:
    async def chunked(writer: asyncio.StreamWriter) -> None:
        document = json.dumps({"resource": server.at("/mcp")}).encode()
        head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        writer.write(head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(document), document))

    server.answers[PROTECTED_RESOURCE] = chunked
    proxy = start(gateway=server.at("/mcp"))
    found = await client.get(origin_of(proxy.gateway) + PROTECTED_RESOURCE)
    assert found.json() == {"resource": proxy.gateway}


async def test_a_client_that_says_localhost_is_answered_with_localhost(
    start: Start, server: Upstream, issuer: Upstream, client: httpx.AsyncClient
) -> None:
    publish(server, issuer)
    proxy = start(gateway=server.at("/mcp"))
    port = urlsplit(proxy.gateway).port
    found = (await client.get(f"http://localhost:{port}{PROTECTED_RESOURCE}")).json()
    assert found["resource"] == f"http://localhost:{port}/mcp"
    assert found["authorization_servers"][0].startswith("http://localhost:")


async def test_a_foreign_name_is_refused_because_upstream_could_not_see_it(
    start: Start, server: Upstream, client: httpx.AsyncClient
) -> None:
    proxy = start(gateway=server.at("/mcp"))
    for host in ("evil.example", f"evil.example:{urlsplit(proxy.gateway).port}", "127.0.0.1.evil.example:80"):
        assert (await client.get(proxy.gateway, headers={"host": host})).status_code == 403
    assert server.asked == []
    assert recorded(proxy, "") == []


def remember_ports(home: Path, *origins: str) -> list[int]:
    """Ports that other captures on this machine do not reach for while one of ours is between two starts."""
    free = [port for port in random.sample(range(7800, 8000), 50) if is_free(port)]
    home.mkdir()
    (home / "gateway-ports.json").write_text(json.dumps(dict(zip(origins, free, strict=False))))
    return free


async def test_addresses_stay_from_one_capture_to_the_next(
    start: Start, server: Upstream, issuer: Upstream, client: httpx.AsyncClient, home: Path
) -> None:
    publish(server, issuer)
    ports = remember_ports(home, server.origin, issuer.origin)
    first = start(gateway=server.at("/mcp"))
    assert urlsplit(first.gateway).port == ports[0]
    authorization_server = await discover(client, first.gateway)
    assert urlsplit(authorization_server).port == ports[1]
    await asyncio.to_thread(first.stop)

    second = start(gateway=server.at("/mcp"))
    assert second.gateway == first.gateway
    assert await discover(client, second.gateway) == authorization_server
    assert incidents(second) == []
    await asyncio.to_thread(second.stop)

    with socket.create_server(("127.0.0.1", ports[0])):
        third = start(gateway=server.at("/mcp"), session=home / "third.mcpauth")
    assert third.gateway != first.gateway
    (said,) = incidents(third)
    assert said.startswith(f"Port {ports[0]}, at which clients know {server.origin}, is in use; this time it is port ")
    await asyncio.to_thread(third.stop)
    assert start(gateway=server.at("/mcp")).gateway == first.gateway


async def test_a_new_address_is_remembered(start: Start, server: Upstream, home: Path) -> None:
    proxy = start(gateway=server.at("/mcp"))
    book = json.loads((home / "gateway-ports.json").read_text())
    assert book == {server.origin: urlsplit(proxy.gateway).port}


def test_a_port_that_was_asked_for_and_is_taken_is_named(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CaptureError, match=f"Port {port} on 127.0.0.1 is in use by .*take another port") as caught:
            start(gateway="http://localhost:3001/mcp", gateway_port=port)
    assert "\n" not in str(caught.value)


def test_what_is_no_url_is_named(start: Start) -> None:
    with pytest.raises(CaptureError, match="'localhost:3001' is not a URL; give one such as"):
        start(gateway="localhost:3001")


async def test_a_server_that_is_down_is_a_failed_exchange(start: Start, client: httpx.AsyncClient) -> None:
    proxy = start(gateway="http://127.0.0.1:1/mcp")
    assert (await client.post(proxy.gateway, content=b"{}")).status_code == 502
    failed = await row(proxy, "http://127.0.0.1:1/mcp", State.FAILED)
    assert failed.request_body.data == b"{}"
    assert failed.error


async def test_an_authorization_response_nobody_waits_for_is_not_sent_anywhere(
    start: Start, server: Upstream, client: httpx.AsyncClient
) -> None:
    proxy = start(gateway=server.at("/mcp"), relay_callback=True)
    answer = await client.get(origin_of(proxy.gateway) + "/.inspector/callback/0123456789abcdef?code=1&state=2")
    assert (answer.status_code, answer.headers.get("location")) == (404, None)
    assert server.asked == []
    assert recorded(proxy, "") == []


async def test_events_pass_one_by_one(start: Start, server: Upstream, client: httpx.AsyncClient) -> None:
    first_has_arrived = asyncio.Event()

    async def two_events(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        await writer.drain()
        await first_has_arrived.wait()  # a proxy that holds the stream never gets past this
        writer.write(b"data: 2\n\n")

    server.answers["/mcp"] = two_events
    proxy = start(gateway=server.at("/mcp"))
    async with client.stream("GET", proxy.gateway) as response:
        events = response.aiter_raw()
        assert await anext(events) == b"data: 1\n\n"
        first_has_arrived.set()
        assert await anext(events) == b"data: 2\n\n"


async def test_a_server_behind_tls_needs_no_certificate_at_the_client(
    start: Start, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    certificates = make_certificates(tmp_path)
    async with upstream(certificates.server) as server:
        server.answer(PROTECTED_RESOURCE, json.dumps({"resource": server.at("/mcp")}).encode())
        proxy = start(gateway=server.at("/mcp"), upstream_ca=certificates.ca)
        assert proxy.gateway.startswith("http://127.0.0.1:")
        assert (await client.get(origin_of(proxy.gateway) + PROTECTED_RESOURCE)).json() == {"resource": proxy.gateway}
        assert (await row(proxy, server.at(PROTECTED_RESOURCE))).tls.startswith("server TLS")


async def test_a_server_that_moved_leaves_its_address_to_us(
    start: Start, server: Upstream, issuer: Upstream, client: httpx.AsyncClient
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as before:
        known_as = f"http://localhost:{before.getsockname()[1]}"
    document = json.dumps({"resource": f"{known_as}/mcp", "authorization_servers": [issuer.origin]}).encode()
    challenge = f'Bearer resource_metadata="{known_as}{PROTECTED_RESOURCE}"'
    server.answer(PROTECTED_RESOURCE, document)
    server.answer("/mcp", status="401 Unauthorized", WWW_Authenticate=challenge)
    proxy = start(gateway=f"{known_as}/mcp", takeover=server.origin)
    assert proxy.gateway == f"{known_as}/mcp"

    assert (await client.get(proxy.gateway)).headers["www-authenticate"] == challenge
    assert server.asked[-1].headers["host"] == urlsplit(known_as).netloc
    there = (await client.get(known_as + PROTECTED_RESOURCE)).json()
    assert there["resource"] == f"{known_as}/mcp"
    assert there["authorization_servers"][0].startswith("http://localhost:")
    seen = await row(proxy, known_as + PROTECTED_RESOURCE)
    assert seen.response_body.data == document
    assert list(translated(seen)) == ["authorization_servers"]
    assert (await row(proxy, f"{known_as}/mcp")).translations == ()


async def test_a_server_that_has_not_moved_yet_is_told_how(start: Start, server: Upstream) -> None:
    with pytest.raises(CaptureError, match=r"Port \d+ on 127.0.0.1 is in use; end the server there and start it at"):
        start(gateway=server.at("/mcp"), takeover="http://127.0.0.1:1")
    with pytest.raises(CaptureError) as caught:
        check_is_free(server.at("/mcp"), "http://127.0.0.1:3002")
    assert f"Port {urlsplit(server.origin).port} is in use" in str(caught.value)
    assert f"start it on port 3002 (it must still call itself {server.at('/mcp')})" in str(caught.value)
    check_is_free("http://127.0.0.1:1/mcp", "http://127.0.0.1:3002")


def test_where_a_server_has_moved_to() -> None:
    assert moved_server("http://localhost:3001/mcp", "3002") == "http://localhost:3002"
    assert moved_server("http://[::1]:3001/mcp", "3002") == "http://[::1]:3002"
    assert moved_server("http://localhost:3001/mcp", "https://10.0.0.7/mcp") == "https://10.0.0.7"


@pytest.mark.parametrize(
    ("url", "takeover", "says"),
    [
        ("https://mcp.example.com/mcp", "3002", "is not on this machine"),
        ("http://localhost:3001/mcp", "3001", "cannot stay on port 3001"),
        ("http://localhost:3001/mcp", "99999", "is not a URL of a server"),
        ("http://localhost:3001/mcp", "port", "'port' is not a URL of a server"),
        ("localhost:3001", "3002", "'localhost:3001' is not a URL of a server"),
    ],
)
def test_where_no_server_can_have_moved_to(url: str, takeover: str, says: str) -> None:
    with pytest.raises(CaptureError, match=says):
        moved_server(url, takeover)


async def test_whether_somebody_listens(server: Upstream) -> None:
    assert listens(server.origin)
    assert not listens("http://127.0.0.1:1")
