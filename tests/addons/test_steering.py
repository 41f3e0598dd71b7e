"""Step mode and wire patches through a real proxy: what the server gets, what the client gets, what is recorded."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from urllib.parse import urlsplit

import httpx
import pytest

from inspector.capture.proxy import RunningProxy
from inspector.capture.steering import Held, Steering
from inspector.errors import CaptureError
from inspector.session.model import State, Translation
from tests.capture.rows import incidents, row
from tests.capture.upstream import Upstream

WELL_KNOWN = "/.well-known/oauth-authorization-server"
PROTECTED_RESOURCE = "/.well-known/oauth-protected-resource/mcp"
FORM = {"content-type": "application/x-www-form-urlencoded"}
# What re-encoding would lose: an escape in small letters, a plus, an empty value, a repeated name.
TOKEN_FORM = b"grant_type=authorization_code&code=a%2fb+c&x=&x=1"


class Desk:
    """A user at step mode: sees each list of held messages as it is pushed."""

    def __init__(self) -> None:
        self._lists = asyncio.Queue[tuple[Held, ...]]()
        self.steering: Steering

    def see(self, held: tuple[Held, ...]) -> None:
        self._lists.put_nowait(held)

    async def wait_for(self, is_it: Callable[[tuple[Held, ...]], bool]) -> tuple[Held, ...]:
        async with asyncio.timeout(10):
            while not is_it(held := await self._lists.get()):
                pass
        return held

    async def one(self) -> Held:
        """The one message that is held, as soon as there is one."""
        (held,) = await self.wait_for(bool)
        return held

    async def none(self) -> None:
        await self.wait_for(lambda held: not held)


@pytest.fixture
async def desk(proxy: RunningProxy) -> AsyncIterator[Desk]:
    desk = Desk()
    desk.steering = await Steering.connect(proxy, desk.see)
    yield desk
    for each in (await desk.steering.patches()).active if desk.steering.connected else ():
        await desk.steering.patch_off(each.patch)
    await desk.steering.close()


def asking(client: httpx.AsyncClient, url: str, content: bytes = TOKEN_FORM) -> asyncio.Task[httpx.Response]:
    return asyncio.create_task(client.post(url, content=content, headers=FORM))


async def test_a_token_request_waits_until_it_is_released(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient, desk: Desk
) -> None:
    target.answer("/token", b"{}")
    await desk.steering.step_on(seconds=60)
    request = asking(client, target.at("/token"))
    held = await desk.one()
    assert (held.side, held.what, held.method, held.url) == ("request", "token", "POST", target.at("/token"))
    assert held.deadline - held.since == pytest.approx(60)
    waiting = await row(proxy, target.at("/token"), State.REQUEST)
    assert waiting.id == held.exchange
    whole = await desk.steering.held(held.id)
    assert (whole.path, whole.body) == ("/token", TOKEN_FORM)
    assert ("content-type", FORM["content-type"]) in whole.headers
    assert target.asked == []
    await desk.steering.release(held.id)
    assert (await request).content == b"{}"
    assert target.asked[0].body == TOKEN_FORM
    assert (await row(proxy, target.at("/token"))).translations == ()
    with pytest.raises(CaptureError, match="not held any more"):
        await desk.steering.release(held.id)


async def test_what_is_no_leg_of_the_sign_in_passes_and_mcp_only_when_wanted(
    target: Upstream, client: httpx.AsyncClient, desk: Desk
) -> None:
    target.answer("/mcp", b"{}")
    target.answer("/jwks", b"{}")
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    await desk.steering.step_on()
    assert (await client.post(target.at("/mcp"), json=call)).status_code == 200
    await desk.steering.step_on(mcp=True)
    assert (await client.get(target.at("/jwks"))).status_code == 200
    request = asyncio.create_task(client.post(target.at("/mcp"), json=call))
    held = await desk.one()
    assert held.what == "mcp"
    await desk.steering.step_off()
    assert (await request).status_code == 200


async def test_an_edit_keeps_every_other_byte_and_is_recorded_with_both_sides(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient, desk: Desk
) -> None:
    target.answer("/token", b"{}")
    await desk.steering.step_on()
    request = asking(client, target.at("/token?tenant=%zz"))
    held = await desk.one()
    edited = TOKEN_FORM.replace(b"a%2fb+c", b"changed") + b"&resource=http%3A%2F%2Fh%2Fmcp"
    await desk.steering.edit(held.id, body=edited, path="/token?tenant=%zz&y=1")
    await request
    (asked,) = target.asked
    assert (asked.target, asked.body, asked.headers["content-length"]) == (
        "/token?tenant=%zz&y=1",
        edited,
        str(len(edited)),
    )
    exchange = await row(proxy, target.at("/token"))
    assert exchange.request_body.data == edited
    assert exchange.url == target.at("/token?tenant=%zz&y=1")
    assert exchange.translations == (
        Translation("request.url", "y", "", "1", by="step"),
        Translation("request.body", "code", "a/b c", "changed", by="step"),
        Translation("request.body", "resource", "", "http://h/mcp", by="step"),
    )


async def test_a_dropped_request_ends_at_once_and_never_arrives(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient, desk: Desk
) -> None:
    await desk.steering.step_on()
    request = asking(client, target.at("/token"))
    await desk.steering.drop((await desk.one()).id)
    async with asyncio.timeout(2):  # a kill of a flow that mitmproxy itself holds would hang the client
        with pytest.raises(httpx.RemoteProtocolError):
            await request
    assert target.asked == []
    exchange = await row(proxy, target.at("/token"), State.FAILED)
    assert exchange.error == "Dropped by hand in step mode; the server did not see it."


async def test_a_request_is_answered_in_the_servers_place(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient, desk: Desk
) -> None:
    await desk.steering.step_on()
    request = asking(client, target.at("/token"))
    await desk.steering.answer((await desk.one()).id, 400, body=b'{"error": "invalid_target"}')
    response = await request
    assert (response.status_code, response.json()) == (400, {"error": "invalid_target"})
    assert response.headers["content-type"] == "application/json"
    assert target.asked == []
    exchange = await row(proxy, target.at("/token"), State.FAILED)
    assert exchange.error == "Answered by hand in step mode; the server did not see it."
    assert exchange.status is None
    assert {(each.part, each.client, each.upstream, each.by) for each in exchange.translations} >= {
        ("response.status", "400", "", "step"),
    }


async def test_what_goes_on_by_itself_at_its_deadline_is_noted_without_its_secrets(
    target: Upstream, client: httpx.AsyncClient, desk: Desk, proxy: RunningProxy
) -> None:
    target.answer("/token", b"{}")
    began = time.time()
    await desk.steering.step_on(seconds=1)
    request = asking(client, target.at("/token?code=secret"))
    await desk.one()
    async with asyncio.timeout(10):
        assert (await request).status_code == 200
    (incident,) = await incidents(proxy, began)
    assert incident.kind == "step"
    where = target.origin.removeprefix("http://")
    assert incident.text == (
        f"POST /token to {where} was held in step mode and went on by itself: nobody let it go for 1 s."
    )


async def test_what_is_held_goes_on_when_the_user_interface_is_gone(
    target: Upstream, client: httpx.AsyncClient, desk: Desk, proxy: RunningProxy
) -> None:
    target.answer("/token", b"{}")
    began = time.time()
    await desk.steering.step_on()
    request = asking(client, target.at("/token"))
    await desk.one()
    await desk.steering.close()
    async with asyncio.timeout(5):
        assert (await request).status_code == 200
    (incident,) = await incidents(proxy, began)
    assert incident.text.endswith("went on by itself: the user interface that held it is gone.")
    other = await Steering.connect(proxy)
    assert not (await other.step()).on
    await other.close()


async def test_a_client_that_goes_while_it_is_held_is_recorded_and_disturbs_nobody(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient, desk: Desk
) -> None:
    await desk.steering.step_on()
    async with httpx.AsyncClient(proxy=proxy.url, trust_env=False, timeout=0.2) as impatient:
        with pytest.raises(httpx.ReadTimeout):
            await impatient.post(target.at("/token"), content=TOKEN_FORM, headers=FORM)
    await desk.none()
    exchange = await row(proxy, target.at("/token"), State.FAILED)
    assert exchange.error == (
        "The client went away while its request was held in step mode; the server did not see it."
    )
    assert target.asked == []
    target.answer("/token", b"{}")
    await desk.steering.step_off()
    assert (await client.post(target.at("/token"), content=TOKEN_FORM, headers=FORM)).status_code == 200


async def test_a_response_is_held_and_changed_for_the_client_only(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient, desk: Desk
) -> None:
    body = b'{ "access_token":"t",\n "expires_in": 300 }'
    target.answer("/token", body, Content_Type="application/json")
    await desk.steering.step_on(responses=True)
    request = asking(client, target.at("/token"))
    await desk.steering.release((await desk.one()).id)
    (held,) = await desk.wait_for(lambda held: any(each.side == "response" for each in held))
    whole = await desk.steering.held(held.id)
    assert (whole.status, whole.body) == (200, body)
    await desk.steering.edit(held.id, status=401, body=body.replace(b"300", b"1"))
    response = await request
    assert (response.status_code, response.content) == (401, body.replace(b"300", b"1"))
    exchange = await row(proxy, target.at("/token"))
    assert (exchange.status, exchange.response_body.data) == (200, body)
    assert exchange.translations == (
        Translation("response.status", "status", client="401", upstream="200", by="step"),
        Translation("response.body", "expires_in", client="1", upstream="300", by="step"),
    )


async def stand_in(client: httpx.AsyncClient, target: Upstream) -> str:
    target.answer(WELL_KNOWN, json.dumps({"authorization_endpoint": target.at("/authorize")}).encode())
    address: str = (await client.get(target.at(WELL_KNOWN))).json()["authorization_endpoint"]
    return address


async def test_the_browsers_request_is_held_at_the_recorder_and_goes_where_the_user_says(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient, desk: Desk
) -> None:
    address = await stand_in(client, target)
    query = "client_id=c&response_type=code&state=a%2fb+c"
    await desk.steering.step_on()
    async with httpx.AsyncClient(trust_env=False) as browser:
        asked = asyncio.create_task(browser.get(f"{address}?{query}"))
        held = await desk.one()
        assert (held.what, held.url) == ("authorize", target.at(f"/authorize?{query}"))
        await desk.steering.edit(held.id, path=f"/authorize?{query}&resource=r")
        assert (await asked).headers["location"] == target.at(f"/authorize?{query}&resource=r")
    exchange = await row(proxy, target.at("/authorize"), State.RECORDED)
    assert (exchange.id, exchange.url) == (held.exchange, target.at(f"/authorize?{query}&resource=r"))
    assert exchange.translations[1:] == (Translation("request.url", "resource", "", "r", by="step"),)


async def test_add_resource_takes_the_resource_that_the_metadata_names(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient, desk: Desk
) -> None:
    resource = target.at("/mcp")
    document = {"resource": resource, "authorization_servers": [target.origin]}
    target.answer(PROTECTED_RESOURCE, json.dumps(document).encode())
    target.answer("/token", b"{}")
    address = await stand_in(client, target)
    await client.get(target.at(PROTECTED_RESOURCE))
    await desk.steering.patch_on("add-resource")
    await client.post(target.at("/token"), content=TOKEN_FORM, headers=FORM)
    async with httpx.AsyncClient(trust_env=False) as browser:
        response = await browser.get(f"{address}?client_id=c&response_type=code")
    encoded = resource.replace(":", "%3A").replace("/", "%2F")
    assert target.asked[-1].body == TOKEN_FORM + b"&resource=" + encoded.encode()
    assert urlsplit(response.headers["location"]).query == f"client_id=c&response_type=code&resource={encoded}"
    added = Translation("request.body", "resource", client="", upstream=resource, by="add-resource")
    assert (await row(proxy, target.at("/token"))).translations == (added,)
    recorded = await row(proxy, target.at("/authorize"), State.RECORDED)
    assert [each.by for each in recorded.translations] == ["", "add-resource"]
    assert [(each.patch, each.applied) for each in (await desk.steering.patches()).active] == [("add-resource", 2)]


async def test_metadata_is_patched_for_the_client_and_recorded_as_it_was(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient, desk: Desk
) -> None:
    body = b'{ "issuer":"x\\/y" }'
    target.answer(WELL_KNOWN, body)
    await desk.steering.patch_on("pkce-methods")
    got = await client.get(target.at(WELL_KNOWN))
    assert got.content == b'{"code_challenge_methods_supported": ["S256"],  "issuer":"x\\/y" }'
    exchange = await row(proxy, target.at(WELL_KNOWN))
    assert exchange.response_body.data == body
    assert exchange.translations == (
        Translation("response.body", "code_challenge_methods_supported", '["S256"]', "", by="pkce-methods"),
    )


async def test_a_challenge_is_added_where_a_server_forgot_it(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient, desk: Desk
) -> None:
    target.answer("/mcp", b"", status="401 Unauthorized")
    url = target.at(PROTECTED_RESOURCE)
    await desk.steering.patch_on(f"add-challenge={url}")
    response = await client.post(target.at("/mcp"), json={"jsonrpc": "2.0", "method": "initialize"})
    assert response.headers["www-authenticate"] == f'Bearer resource_metadata="{url}"'
    exchange = await row(proxy, target.at("/mcp"))
    assert exchange.response_header("www-authenticate") is None
    assert [(each.name, each.upstream, each.by) for each in exchange.translations] == [
        ("WWW-Authenticate", "", "add-challenge")
    ]


async def test_headers_are_patched_on_the_way_up(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient, desk: Desk
) -> None:
    target.answer("/mcp", b"{}")
    await desk.steering.patch_on("set-header=User-Agent=warp/1")
    await desk.steering.patch_on("drop-header=accept-encoding")
    await client.get(target.at("/mcp"))
    assert target.asked[0].headers["user-agent"] == "warp/1"
    assert "accept-encoding" not in target.asked[0].headers
    names = {(each.name.lower(), each.by) for each in (await row(proxy, target.at("/mcp"))).translations}
    assert names == {("user-agent", "set-header"), ("accept-encoding", "drop-header")}


async def test_nothing_out_of_scope_is_held_or_changed(server: Upstream, client: httpx.AsyncClient, desk: Desk) -> None:
    server.answer("/token", b"{}")
    await desk.steering.step_on()
    await desk.steering.patch_on("add-resource=http://h/mcp")
    assert (await client.post(server.at("/token"), content=TOKEN_FORM, headers=FORM)).status_code == 200
    assert server.asked[0].body == TOKEN_FORM
