"""Patches and step mode where a gateway translates addresses on top of them: values are upstream's own."""

import asyncio
import json
from collections.abc import AsyncIterator
from urllib.parse import quote, urlsplit

import httpx
import pytest

from inspector.capture.proxy import RunningProxy
from inspector.capture.steering import Held, Steering
from inspector.session.model import Exchange, State, Translation
from tests.capture.conftest import Start
from tests.capture.rows import row
from tests.capture.test_gateway import AUTHORIZATION_SERVER, PROTECTED_RESOURCE, discover, origin_of, publish
from tests.capture.upstream import Upstream, upstream

TOKEN_FORM = b"grant_type=authorization_code&code=a%2fb+c"
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def issuer() -> AsyncIterator[Upstream]:
    async with upstream() as running:
        yield running


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, timeout=20) as running:
        yield running


def deliberate(exchange: Exchange) -> list[Translation]:
    return [each for each in exchange.translations if each.by]


async def test_patches_speak_upstreams_language(
    start: Start, server: Upstream, issuer: Upstream, client: httpx.AsyncClient
) -> None:
    publish(server, issuer)
    issuer.answer("/token", b"{}")
    proxy: RunningProxy = start(gateway=server.at("/mcp"), patches=("add-resource", "pkce-methods"))
    address = await discover(client, proxy.gateway)
    metadata = (await client.get(address + AUTHORIZATION_SERVER)).json()
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert metadata["issuer"] == address  # translated as well
    await client.post(f"{address}/token", content=TOKEN_FORM, headers=FORM)
    await client.get(f"{address}/authorize?client_id=c&response_type=code")
    resource = quote(server.at("/mcp"), safe="")
    assert issuer.asked[-2].body == TOKEN_FORM + b"&resource=" + resource.encode()
    assert issuer.asked[-1].target == f"/authorize?client_id=c&response_type=code&resource={resource}"
    assert deliberate(await row(proxy, issuer.at("/token"))) == [
        Translation("request.body", "resource", "", server.at("/mcp"), by="add-resource")
    ]


async def test_with_the_callback_relay_the_browsers_request_is_held_and_changed_too(
    start: Start, server: Upstream, issuer: Upstream, client: httpx.AsyncClient
) -> None:
    publish(server, issuer)
    redirect_uri = "http://127.0.0.1:9/cb"
    registered = {"client_id": "c", "redirect_uris": [redirect_uri]}
    proxy: RunningProxy = start(gateway=server.at("/mcp"), relay_callback=True)

    async def register(writer: asyncio.StreamWriter) -> None:
        body = json.dumps({**registered, **json.loads(issuer.asked[-1].body)}).encode()
        writer.write(b"HTTP/1.1 201 Created\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body) + body)

    issuer.answers["/register"] = register
    address = await discover(client, proxy.gateway)
    assert (await client.post(f"{address}/register", json={"redirect_uris": [redirect_uri]})).json() == registered
    waiting: asyncio.Queue[tuple[Held, ...]] = asyncio.Queue()
    steering = await Steering.connect(proxy, waiting.put_nowait)
    await steering.step_on()
    asked = asyncio.create_task(
        client.get(f"{address}/authorize?client_id=c&response_type=code&redirect_uri={quote(redirect_uri, safe='')}")
    )
    async with asyncio.timeout(10):
        while not (held := await waiting.get()):
            pass
    assert held[0].what == "authorize"
    whole = await steering.held(held[0].id)
    await steering.edit(held[0].id, path=f"{whole.path}&resource=r")
    location = (await asked).headers["location"]
    assert origin_of(location) == issuer.origin
    assert urlsplit(location).query.endswith("&resource=r")
    exchange = await row(proxy, issuer.at("/authorize"), State.RECORDED)
    assert exchange.url == location
    assert deliberate(exchange) == [Translation("request.url", "resource", "", "r", by="step")]
    await steering.close()


async def test_a_held_response_shows_what_the_client_is_about_to_get(
    start: Start, server: Upstream, issuer: Upstream, client: httpx.AsyncClient
) -> None:
    resource, _ = publish(server, issuer)
    proxy: RunningProxy = start(gateway=server.at("/mcp"))
    waiting: asyncio.Queue[tuple[Held, ...]] = asyncio.Queue()
    steering = await Steering.connect(proxy, waiting.put_nowait)
    await steering.step_on(responses=True)
    asked = asyncio.create_task(client.get(origin_of(proxy.gateway) + PROTECTED_RESOURCE))
    async with asyncio.timeout(10):
        while not (held := await waiting.get()):
            pass
        await steering.release(held[0].id)
        while not (held := await waiting.get()) or held[0].side != "response":
            pass
    whole = await steering.held(held[0].id)
    assert json.loads(whole.body)["resource"] == proxy.gateway
    await steering.edit(held[0].id, body=whole.body.replace(b"/mcp", b"/other"))
    assert (await asked).json()["resource"] == proxy.gateway.replace("/mcp", "/other")
    exchange = await row(proxy, server.at(PROTECTED_RESOURCE))
    assert exchange.response_body.data == resource
    assert [(each.name, each.upstream) for each in deliberate(exchange)] == [("resource", proxy.gateway)]
    await steering.close()
