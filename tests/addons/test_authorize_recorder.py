import asyncio
import json
import time
from urllib.parse import urlsplit

import httpx
import pytest
from mitmproxy.http import HTTPFlow
from mitmproxy.net import encoding
from mitmproxy.proxy.mode_specs import ProxyMode
from mitmproxy.test import tflow

from addons.authorize_recorder import AuthorizeRecorder
from inspector.capture.proxy import RunningProxy
from inspector.session.model import State, Translation
from tests.capture.rows import incidents, recorded, row, rows
from tests.capture.upstream import Upstream

WELL_KNOWN = "/.well-known/oauth-authorization-server"
# What a client may send: an escape in small letters, a plus, raw non-ASCII, empty and repeated parameters.
QUERY = b"state=a%2fb+c&redirect_uri=warp%3A%2F%2Fmcp&scope=&scope=x&&\xc3\xa9=%zz&resource=http://h:1/mcp?x=1"


async def stand_in(client: httpx.AsyncClient, target: Upstream, endpoint: str) -> str:
    """Let metadata with that authorization endpoint pass, and give what the client got in its place."""
    target.answer(
        WELL_KNOWN, json.dumps({"authorization_endpoint": endpoint}).encode(), Content_Type="application/json"
    )
    got: str = (await client.get(target.at(WELL_KNOWN))).json()["authorization_endpoint"]
    return got


async def browse(url: str, query: bytes, method: bytes = b"GET") -> tuple[bytes, bytes]:
    """Ask as a browser without a proxy does; the status line and the raw Location."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    target = parts.path.encode() + (b"?" + query if query else b"")
    writer.write(method + b" " + target + b" HTTP/1.1\r\nHost: " + parts.netloc.encode() + b"\r\n")
    writer.write(b"Cookie: session=of-another-application\r\nConnection: close\r\n\r\n")
    head = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    writer.close()
    location = next((line[10:] for line in head if line.lower().startswith(b"location: ")), b"")
    return head[0], location


@pytest.mark.parametrize("path", [WELL_KNOWN, WELL_KNOWN + "/tenant", "/mcp/.well-known/openid-configuration"])
async def test_the_client_gets_the_document_with_one_value_changed(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient, path: str
) -> None:
    endpoint = target.at("/oauth2/authorize")
    body = b'{\n  "issuer":"x\\/y\xc3\xa9" ,\t"authorization_endpoint": "%s", "n":1.50 }\n' % endpoint.encode()
    target.answer(path, body, Content_Type="application/json", ETag='"1"')
    response = await client.get(target.at(path))
    got = response.json()["authorization_endpoint"]
    assert got.startswith(f"{proxy.url}/.inspector/authorize/")
    assert response.content == body.replace(endpoint.encode(), got.encode())
    exchange = await row(proxy, target.at(path))
    assert exchange.response_body.data == body
    assert exchange.response_header("content-length") == str(len(body))
    assert exchange.translations == (Translation("response.body", "authorization_endpoint", got, endpoint),)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
async def test_a_content_coding_is_taken_off_and_put_on_again(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient, coding: str
) -> None:
    encoded = encoding.encode(json.dumps({"authorization_endpoint": target.at("/authorize")}).encode(), coding)
    target.answer(WELL_KNOWN, encoded, Content_Encoding=coding)
    response = await client.get(target.at(WELL_KNOWN))
    assert response.json()["authorization_endpoint"].startswith(proxy.url)
    assert (await row(proxy, target.at(WELL_KNOWN))).response_body.data == encoded


async def test_the_authorization_request_is_recorded_and_sent_on_byte_for_byte(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient
) -> None:
    endpoint = target.at("/oauth2/authorize")
    address = await stand_in(client, target, endpoint)
    status, location = await browse(address, QUERY)
    assert status == b"HTTP/1.1 302 Found"
    assert location == endpoint.encode() + b"?" + QUERY
    exchange = await row(proxy, endpoint, State.RECORDED)
    assert exchange.url == f"{endpoint}?{QUERY.decode()}"
    assert (exchange.method, exchange.status) == ("GET", None)
    assert exchange.request_header("cookie") is None
    (translation,) = exchange.translations
    assert (translation.part, translation.upstream) == ("request.url", exchange.url)
    assert translation.client == f"{address}?{QUERY.decode()}"
    assert target.asked[-1].target == WELL_KNOWN  # the proxy itself asks nothing of the real endpoint


async def test_an_endpoint_with_a_query_of_its_own_keeps_it(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient
) -> None:
    endpoint = target.at("/authorize?tenant=a%20b")
    address = await stand_in(client, target, endpoint)
    assert (await browse(address, b"state=1"))[1] == endpoint.encode() + b"&state=1"
    assert (await browse(address, b""))[1] == endpoint.encode()


async def test_a_proxied_browser_reaches_the_stand_in_too(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient
) -> None:
    endpoint = target.at("/authorize")
    address = await stand_in(client, target, endpoint)
    response = await client.get(f"{address}?state=1", follow_redirects=True)
    assert response.status_code == 404  # the test server's answer at the real endpoint
    found = await rows(proxy, endpoint, lambda found: len(found) == 2 and found[1].state is State.COMPLETE)
    assert [(each.url, each.state) for each in found] == [
        (f"{endpoint}?state=1", State.RECORDED),
        (f"{endpoint}?state=1", State.COMPLETE),
    ]


async def test_the_same_endpoint_keeps_its_address(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient
) -> None:
    first = await stand_in(client, target, target.at("/authorize"))
    assert await stand_in(client, target, target.at("/authorize")) == first
    assert await stand_in(client, target, target.at("/other")) != first
    assert (await browse(first, b""))[1] == target.at("/authorize").encode()


async def test_it_redirects_nowhere_it_did_not_offer(proxy: RunningProxy, target: Upstream) -> None:
    for path in (
        "/.inspector/authorize/unknown",
        "/.inspector/authorize/",
        "/.inspector/authorize/http://evil.example/",
    ):
        status, location = await browse(proxy.url + path, b"url=http://evil.example/")
        assert (status.split()[1], location) == (b"404", b"")


async def test_only_get_is_answered(proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient) -> None:
    address = await stand_in(client, target, target.at("/authorize"))
    assert (await browse(address, b"", method=b"HEAD"))[0].split()[1] == b"405"
    assert recorded(proxy, target.at("/authorize")) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[]",
        b'{"issuer": "x"}',
        b'{"authorization_endpoint": 7}',
        b'{"authorization_endpoint": "javascript:alert(1)"}',
        b'{"authorization_endpoint": "http://h/\\r\\nx: y"}',
        b'{"authorization_endpoint": "http://h/#f"}',
        b'{"authorization_endpoint": "//h/authorize"}',
        b'{"authorization_endpoint": "http://h/\xff"}',
        b"[" * 100_000,
    ],
)
async def test_what_cannot_be_replaced_safely_passes_as_it_is(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient, body: bytes
) -> None:
    target.answer(WELL_KNOWN, body)
    assert (await client.get(target.at(WELL_KNOWN))).content == body
    assert (await row(proxy, target.at(WELL_KNOWN))).translations == ()


async def test_an_error_page_and_other_documents_pass_as_they_are(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient
) -> None:
    body = json.dumps({"authorization_endpoint": target.at("/authorize")}).encode()
    target.answer(WELL_KNOWN, body, status="404 Not Found")
    target.answer("/mcp", body)
    for path in (WELL_KNOWN, "/mcp"):
        assert (await client.get(target.at(path))).content == body


def test_another_machine_is_refused() -> None:
    flow = tflow.tflow()
    flow.client_conn.peername = ("192.0.2.7", 5000)
    flow.request.path = "/.inspector/authorize/x"
    assert AuthorizeRecorder().answer(flow) is None
    assert flow.response is not None
    assert flow.response.status_code == 403


CODEX = {"User-Agent": "codex-mcp-client/0.169.0"}


@pytest.mark.parametrize(
    ("agent", "member", "replaced"),
    [
        (CODEX, b"", False),
        (CODEX, b', "authorization_response_iss_parameter_supported": true', True),
        ({"User-Agent": "codex/1"}, b"", True),
    ],
    ids=["strict", "strict, and the issuer is named", "another"],
)
async def test_a_client_that_compares_origins_gets_the_document_as_it_is(
    proxy: RunningProxy,
    target: Upstream,
    client: httpx.AsyncClient,
    agent: dict[str, str],
    member: bytes,
    replaced: bool,
) -> None:
    body = b'{"authorization_endpoint": "%s"%s}' % (target.at("/authorize").encode(), member)
    target.answer(WELL_KNOWN, body, Content_Type="application/json")
    got = await client.get(target.at(WELL_KNOWN), headers=agent)
    assert (got.content != body) == replaced
    assert bool((await row(proxy, target.at(WELL_KNOWN))).translations) == replaced


def metadata_at(when: float, endpoint: str) -> HTTPFlow:
    flow = tflow.tflow(resp=True)
    flow.client_conn.proxy_mode = ProxyMode.parse("regular")
    flow.request.path = WELL_KNOWN
    flow.request.timestamp_start = when
    assert flow.response
    flow.response.content = json.dumps({"authorization_endpoint": endpoint}).encode()
    return flow


@pytest.mark.parametrize("visited", [False, True])
def test_a_client_whose_browser_never_came_is_left_alone_when_it_tries_again(visited: bool) -> None:
    recorder, endpoint = AuthorizeRecorder(), "https://login.example/authorize"
    first = recorder.edit(metadata_at(100.0, endpoint))
    assert first is not None
    assert recorder.edit(metadata_at(109.0, endpoint)) == first  # still the same attempt
    if visited:
        flow = tflow.tflow()
        flow.request.path = urlsplit(json.loads(first.content)["authorization_endpoint"]).path
        assert recorder.answer(flow) is not None
    assert (recorder.edit(metadata_at(111.0, endpoint)) is not None) == visited
    assert recorder.edit(metadata_at(111.0, f"{endpoint}2")) is not None


def came_back(recorder: AuthorizeRecorder, agent: str, endpoint: str, when: float) -> bool:
    """Whether a client that reads the metadata at that time gets the stand-in."""
    flow = metadata_at(when, endpoint)
    flow.request.headers["user-agent"] = agent
    return recorder.edit(flow) is not None


ENDPOINT = "https://login.example/authorize"


def test_only_the_client_that_does_not_come_is_left_alone_and_that_is_said_once() -> None:
    said: list[str] = []
    recorder = AuthorizeRecorder(said.append)
    assert came_back(recorder, "one", ENDPOINT, 100)
    assert came_back(recorder, "other", ENDPOINT, 105)
    assert not came_back(recorder, "one", ENDPOINT, 111)
    assert not came_back(recorder, "one", ENDPOINT, 112)
    assert came_back(recorder, "other", ENDPOINT, 112)
    (sentence,) = said
    assert sentence.startswith("The client one seems not to accept the inspector's address as authorization_endpoint, ")


def test_a_client_that_gets_on_without_signing_in_anew_is_not_left_alone() -> None:
    recorder = AuthorizeRecorder()
    assert came_back(recorder, "one", ENDPOINT, 100)
    assert recorder.in_doubt
    recorder.came_of_it()
    assert came_back(recorder, "one", ENDPOINT, 200)


def test_a_client_that_wants_https_is_known_by_what_it_tells_the_mcp_server() -> None:
    hello = tflow.tflow()
    hello.request.method = "POST"
    hello.request.headers["user-agent"] = "node"
    hello.request.content = b'{"method":"initialize","params":{"clientInfo":{"name":"gemini-cli-mcp-client"}}}'
    recorder = AuthorizeRecorder()
    recorder.introduces(hello)
    assert came_back(recorder, "node", "http://localhost:3002/authorize", 100)
    assert not came_back(recorder, "node", ENDPOINT, 100)
    assert came_back(recorder, "undici", ENDPOINT, 100)


def test_it_can_be_told_to_leave_nobody_alone() -> None:
    recorder = AuthorizeRecorder()
    recorder.falls_back = False
    assert all(came_back(recorder, "codex-mcp-client/1", ENDPOINT, when) for when in (100, 200))


async def test_that_a_client_is_left_alone_is_an_incident(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient
) -> None:
    began = time.time()
    target.answer(WELL_KNOWN, b'{"authorization_endpoint": "%s"}' % target.at("/authorize").encode())
    agent = f"codex-mcp-client/{target.origin[-5:]}"
    for _ in range(2):
        await client.get(target.at(WELL_KNOWN), headers={"user-agent": agent})
    (incident,) = await incidents(proxy, began)
    assert incident.kind == "authorize-recorder"
    assert incident.text.startswith(f"The client {agent} is known not to accept ")
