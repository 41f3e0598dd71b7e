"""A client performed at its own servers: the reference servers stand for them, and a scripted browser for the user."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest

from inspector.errors import ReplayFailure
from inspector.protocol import urls
from inspector.reference.client import perform
from inspector.reference.pair import Reference
from inspector.reference.profile import load_profile
from inspector.reference.settings import DEMO
from inspector.replay.fixes import fix_named
from inspector.replay.from_run import completed, profile_of
from inspector.replay.loopback import LoopbackLogin
from inspector.replay.original import Plan, perform_at_original, plan_of
from inspector.replay.throwaway import AGENT, CLIENT_NAME, deregister
from inspector.replay.wire import Destinations, Wire
from inspector.session.model import Body, Exchange, Source, State
from inspector.timeline.message import Kind
from inspector.verdict.analysis import analyse
from inspector.verdict.model import Judged
from tests.replay.conftest import Canary, listening
from tests.replay.recording import proxied

type Record = Callable[[Exchange], Exchange]


@asynccontextmanager
async def recorded_sign_in(client: str) -> AsyncIterator[tuple[Reference, Judged]]:
    """Servers that still run, and a sign-in recorded at them."""
    exchanges: list[Exchange] = []
    async with Reference(DEMO) as pair:
        async with proxied(exchanges) as proxy:
            await perform(load_profile(client), pair.mcp_url, proxy=proxy)
        yield pair, analyse(exchanges).runs[-1]


def browser(url: str) -> None:
    """Follow every redirect, as a browser would."""
    with httpx.Client(follow_redirects=True, trust_env=False) as http:
        http.get(url)


def plan_for(judged: Judged) -> Plan:
    return plan_of(judged.run, completed(profile_of(judged.run)))


async def test_the_client_signs_in_with_a_client_and_a_redirect_of_its_own(
    record: Record, recorded: list[Exchange]
) -> None:
    told: list[str] = []
    async with recorded_sign_in("compliant") as (pair, judged), LoopbackLogin(told.append, open_url=browser) as login:
        plan = plan_for(judged)
        done = await perform_at_original(plan, record=record, login=login)
        clients = pair.authkit.store.clients
    assert done.attempt.ending.authorized
    assert done.attempt.performance.ended == ""
    assert told[0].startswith(f"{pair.issuer}/oauth2/authorize?")
    (client,) = (each for each in clients.values() if each.name == CLIENT_NAME)
    assert client.redirect_uris == (login.redirect_uri,)
    assert "stays there" in done.remarks[0]
    assert {e.source for e in recorded} == {Source.REPLAY}
    authorize = next(e for e in recorded if "/oauth2/authorize" in e.url)
    assert authorize.state is State.RECORDED
    assert done.attempt.judged is not None
    assert done.attempt.judged.run.of(Kind.CALLBACK)


async def test_no_recorded_secret_is_sent(record: Record, recorded: list[Exchange]) -> None:
    async with recorded_sign_in("compliant") as (_, judged), LoopbackLogin(lambda url: None, open_url=browser) as login:
        await perform_at_original(plan_for(judged), record=record, login=login)
    secrets = {m.bearer for m in judged.run.messages if m.bearer}
    secrets |= {v for m in judged.run.of(Kind.TOKEN) for n, v in m.params.pairs if n in ("code", "code_verifier")}
    assert secrets
    sent = "".join(f"{e.url}{e.request_headers}{e.request_body.data!r}" for e in recorded)
    assert not any(secret in sent for secret in secrets)


async def test_the_plan_says_where_it_goes_and_what_it_creates() -> None:
    async with recorded_sign_in("compliant") as (pair, judged):
        said = "\n".join(plan_for(judged).lines())
    assert urls.origin(pair.mcp_url) in said
    assert pair.issuer in said
    assert CLIENT_NAME in said
    other = plan_of(judged.run, profile_of(judged.run), client_id="client_mine")
    assert not other.registers
    assert "client_mine" in "\n".join(other.lines())


async def test_a_fix_is_proved_at_the_original_servers(record: Record) -> None:
    fix = fix_named("add-resource")
    async with recorded_sign_in("warp") as (_, judged):
        endings = []
        for change in (None, fix.change):
            async with LoopbackLogin(lambda url: None, open_url=browser) as login:
                done = await perform_at_original(plan_for(judged), record=record, login=login, change=change)
            endings.append(done.attempt.ending.authorized)
    assert endings == [False, True]


async def test_a_client_without_a_user_agent_gets_one() -> None:
    async with recorded_sign_in("compliant") as (_, judged):
        profile = profile_of(judged.run)
    for agent in ((), (("user-agent", "Python-urllib/3.13"),)):
        bare = profile.changed(
            by=lambda step, agent=agent: replace(  # type: ignore[misc]  # mypy cannot type a lambda's default
                step, headers=(*(h for h in step.headers if h[0].lower() != "user-agent"), *agent)
            )
        )
        steps = [step for step in plan_of(judged.run, bare).profile.steps if step.leg is not Kind.AUTHORIZE]
        assert all(dict(step.headers)["User-Agent"] == AGENT for step in steps)


async def test_only_the_redirect_of_the_replay_is_registered() -> None:
    async with recorded_sign_in("compliant") as (_, judged):
        pass
    others = json.dumps({"redirect_uris": ["https://evil.example/callback"], "client_name": "x", "scope": "openid"})
    profile = profile_of(judged.run).changed(Kind.REGISTER, by=lambda step: replace(step, body=others))
    (step,) = (step for step in plan_of(judged.run, profile).profile.steps if step.leg is Kind.REGISTER)
    assert json.loads(step.body) == {
        "redirect_uris": ["${redirect_uri}"],
        "client_name": CLIENT_NAME,
        "scope": "openid",
    }


async def get(url: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as http:
        return await http.get(url)


async def test_only_the_answer_to_this_sign_in_is_taken(server: Canary, record: Record) -> None:
    opened = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with (
        LoopbackLogin(lambda url: None, open_url=lambda url: loop.call_soon_threadsafe(opened.set)) as login,
        Wire(Destinations([server.url]), record=record) as wire,
    ):
        task = asyncio.create_task(login(f"{server.url}/authorize?state=right", login.redirect_uri, wire))
        await opened.wait()
        base = login.redirect_uri
        for wrong in ("?code=1&state=wrong", "?code=1", "?state=right", "/x?code=1&state=right"):
            assert (await get(base + wrong)).status_code == 404
        assert not task.done()
        good = await get(f"{base}?code=1&state=right")
        assert good.status_code == 200
        assert await task == f"{base}?code=1&state=right"
        assert (await get(f"{base}?code=1&state=right")).status_code == 404
    assert server.received == []


async def test_a_user_who_does_not_sign_in_ends_the_replay(record: Record) -> None:
    async with (
        recorded_sign_in("compliant") as (_, judged),
        LoopbackLogin(lambda url: None, open_url=lambda url: None, patience=0.05) as login,
    ):
        done = await perform_at_original(plan_for(judged), record=record, login=login)
    assert not done.attempt.ending.authorized
    assert "ended with page" in done.attempt.performance.ended


async def test_a_client_is_removed_where_that_is_offered(record: Record) -> None:
    gone = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
    async with listening(gone) as server, Wire(Destinations([server.url]), record=record) as wire:
        answer = {
            "client_id": "x",
            "registration_client_uri": f"{server.url}/clients/x",
            "registration_access_token": "key",
        }
        done = Exchange(
            1, "POST", f"{server.url}/register", status=201, response_body=Body.whole(json.dumps(answer).encode())
        )
        said = await deregister(wire, done)
    assert "was removed again" in said
    assert server.received[0].startswith(b"DELETE /clients/x HTTP/1.1\r\n")
    assert b"Authorization: Bearer key" in server.received[0]


# Hostile servers and sessions


async def test_no_browser_is_opened_for_a_server_that_was_not_named(server: Canary, record: Record) -> None:
    opened: list[str] = []
    async with (
        LoopbackLogin(opened.append, open_url=opened.append, patience=0.05) as login,
        Wire(Destinations([server.url]), record=record) as wire,
    ):
        for url in ("file:///etc/passwd", "http://evil.example/authorize", "javascript:alert(1)", "-x", "http://[::1"):
            with pytest.raises(ReplayFailure):
                await login(url, login.redirect_uri, wire)
    assert opened == []


async def test_metadata_of_now_cannot_lead_elsewhere(canary: Canary, record: Record) -> None:
    """The recorded servers answer differently by now: they name a server that the plan did not."""
    async with recorded_sign_in("compliant") as (_, judged):
        pass
    moved = {"resource": "x", "authorization_servers": [canary.url], "token_endpoint": f"{canary.url}/token"}
    data = json.dumps(moved).encode()
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\nConnection: close\r\n\r\n"
    )
    async with listening(head.encode() + data) as server:
        hostile = analyse([at(m.exchange, judged.run.server_url, f"{server.url}/mcp") for m in judged.run.messages])
        plan = plan_for(hostile.runs[-1])
        assert canary.url not in plan.servers
        async with LoopbackLogin(lambda url: None, open_url=lambda url: None, patience=0.05) as login:
            await perform_at_original(replace(plan, servers=(server.url,)), record=record, login=login)
    assert canary.received == []


def at(exchange: Exchange, old: str, new: str) -> Exchange:
    """An exchange at another server."""
    origins: Iterable[tuple[str, str]] = ((old, new), (urls.origin(old), urls.origin(new)))
    url = exchange.url
    for one, other in origins:
        url = url.replace(one, other)
    return replace(exchange, url=url)
