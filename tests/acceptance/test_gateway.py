"""Clients that are given nothing but another URL: the same sign-in, and the same verdict, as through the proxy."""

import asyncio
from collections.abc import Callable, Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from inspector.capture.proxy import RunningProxy
from inspector.reference.authkit.client_documents import ClientDocuments
from inspector.reference.client import perform
from inspector.reference.pair import Reference
from inspector.reference.profile import load_profile
from inspector.reference.settings import DEMO
from inspector.rules.model import Party
from inspector.session.model import Exchange, State
from inspector.session.reader import Session
from inspector.verdict.analysis import analyse
from inspector.verdict.model import Judged
from tests.acceptance.capture import PATIENCE, report, started
from tests.acceptance.conftest import Start, stand_before
from tests.acceptance.test_clients import (
    DOCUMENT,
    ENDED_WELL,
    INITIALIZE,
    NEGOTIATED,
    blames_the_client,
    is_clean,
    mcp_remote,
    phases,
    public_address,
    python_sdk,
    rules,
    served,
    sign_in_and_call,
    typescript_1,
)

type Client = Callable[[], Sequence[str]]

RELAYED = pytest.mark.parametrize("relay_callback", [False, True], ids=["plain", "callback relayed"])


def runs_of(proxy: RunningProxy) -> list[Judged]:
    with Session.open(proxy.session) as session:
        return list(analyse(session.exchanges()).runs)


def exchanges_of(proxy: RunningProxy) -> list[Exchange]:
    with Session.open(proxy.session) as session:
        return sorted(session.exchanges(), key=lambda exchange: exchange.id)


def verdict_of(judged: Judged) -> tuple[object, ...]:
    found = sorted((finding.rule, str(finding.party), str(finding.severity)) for finding in judged.checked.findings)
    return judged.verdict.party, judged.verdict.cause, judged.verdict.confidence, found


STORIES = {
    "warp": ("warp", DEMO),
    "compliant": ("compliant", DEMO),
    "token-leg-only": ("token-leg-only", DEMO),
    "trailing-slash": ("trailing-slash", DEMO),
    "no resource indicators": ("compliant", replace(DEMO, resource_indicators=())),
    "wrong audience accepted": ("warp", replace(DEMO, accept_any_audience=True)),
    "iss": ("compliant", replace(DEMO, authkit_flaws=replace(DEMO.authkit_flaws, response_iss="right"))),
    "wrong issuer": ("compliant", replace(DEMO, authkit_flaws=replace(DEMO.authkit_flaws, issuer="trailing-slash"))),
}


@pytest.mark.parametrize("story", STORIES)
async def test_a_client_is_judged_as_through_the_proxy(start: Start, story: str) -> None:
    profile, settings = STORIES[story]
    async with Reference(settings) as pair:
        # Both browsers go through the proxy, so nothing needs to stand in for the authorization endpoint.
        proxy, gateway = start(targets=(pair.mcp_url,), authorize_recorder=False), start(gateway=pair.mcp_url)
        through_proxy = await perform(load_profile(profile), pair.mcp_url, proxy=proxy.url)
        through_gateway = await perform(load_profile(profile), gateway.gateway)
    (expected,), (judged,) = runs_of(proxy), runs_of(gateway)
    assert replace(through_gateway, sentence="") == replace(through_proxy, sentence="")
    assert verdict_of(judged) == verdict_of(expected)
    assert judged.run.server_url == pair.mcp_url
    assert [(each.method, each.url.partition("?")[0], each.status) for each in exchanges_of(gateway)] == [
        (each.method, each.url.partition("?")[0], each.status) for each in exchanges_of(proxy)
    ]


@pytest.mark.parametrize("iss", ["omitted", "right"])
@pytest.mark.parametrize("profile", ["warp", "compliant"])
async def test_the_authorization_response_can_be_seen(
    start: Start, profile: str, iss: Literal["omitted", "right"]
) -> None:
    settings = replace(DEMO, cimd=False, authkit_flaws=replace(DEMO.authkit_flaws, response_iss=iss))
    async with Reference(settings) as pair:
        gateway = start(gateway=pair.mcp_url, relay_callback=True)
        outcome = await perform(load_profile(profile), gateway.gateway)
    (judged,) = runs_of(gateway)
    assert outcome.authorized == (profile == "compliant")
    assert judged.verdict.party is (Party.CLIENT if profile == "warp" else Party.NONE)
    (asked,) = [each for each in exchanges_of(gateway) if "/authorize?" in each.url]
    (came_back,) = [each for each in exchanges_of(gateway) if "/.inspector/callback/" in each.url]
    assert asked.state is came_back.state is State.RECORDED
    assert "code" in parse_qs(urlsplit(came_back.url).query)
    assert parse_qs(urlsplit(came_back.url).query).get("iss", [""]) == ([pair.issuer] if iss == "right" else [""])
    assert any(each.name == "redirect_uri" for each in came_back.translations)


DOCUMENTS = (
    "/.well-known/oauth-protected-resource/mcp",
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
    "/oauth2/jwks",
    "/mcp",
    "/nothing-here",
)


async def test_answers_differ_from_direct_ones_in_translated_values_only(start: Start, pair: Reference) -> None:
    gateway = start(gateway=pair.mcp_url)
    server = pair.mcp_url.removesuffix("/mcp")
    here = gateway.gateway.removesuffix("/mcp")
    async with httpx.AsyncClient(trust_env=False) as client:
        there = (await client.get(here + DOCUMENTS[0])).json()["authorization_servers"][0]
        for ours, theirs in ((here, server), (there, pair.issuer)):
            for path in DOCUMENTS:
                through, direct = await client.get(ours + path), await client.get(theirs + path)
                back = through.text.replace(here, server).replace(there, pair.issuer)
                assert (through.status_code, back) == (direct.status_code, direct.text), path
                assert through.headers["content-length"] == str(len(through.content))
                assert _headers(through, here, server) == _headers(direct, here, server), path


def _headers(response: httpx.Response, ours: str, theirs: str) -> list[tuple[str, str]]:
    return [
        (name, value.replace(ours, theirs))
        for name, value in response.headers.items()
        if name not in ("date", "content-length")
    ]


@pytest.mark.acceptance
async def test_mcp_remote_that_omits_resource_is_found_out(start: Start, pair: Reference, tmp_path: Path) -> None:
    gateway = stand_before(start, pair.mcp_url)
    command = mcp_remote("0.1.16", gateway.gateway)
    async with started(command, tmp_path, gateway.session, under_run=False) as client:
        client.send({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE})
        await client.until(blames_the_client)
    code, document = await report(gateway.session)
    run = document["runs"][0]
    assert (code, run["verdict"]["party"]) == (1, "client")
    assert run["verdict"]["cause"].startswith("resource-missing-")
    assert {"resource-missing-authorize", "resource-missing-token", "aud-is-client-id"} <= rules(run)
    assert phases(run) >= ENDED_WELL
    assert (run["server"], run["authorization_server"]) == (pair.mcp_url, pair.issuer)


@pytest.mark.acceptance
@RELAYED
async def test_the_newest_mcp_remote_gets_in(
    start: Start, pair: Reference, tmp_path: Path, relay_callback: bool
) -> None:
    gateway = stand_before(start, pair.mcp_url, relay_callback=relay_callback)
    command = mcp_remote("latest", gateway.gateway)
    async with started(command, tmp_path, gateway.session, under_run=False) as client:
        await sign_in_and_call(client)
    await gets_in(gateway)


@pytest.mark.acceptance
@pytest.mark.parametrize(("client", "revision"), NEGOTIATED)
async def test_a_client_that_registers_gets_in(
    start: Start, pair: Reference, tmp_path: Path, client: Client, revision: str
) -> None:
    gateway = stand_before(start, pair.mcp_url)
    await run_to_its_end((*client(), gateway.gateway), tmp_path, gateway)
    assert (await gets_in(gateway))["protocol_version"] == revision


@pytest.mark.acceptance
@pytest.mark.parametrize("client", [python_sdk, typescript_1], ids=["Python SDK", "TypeScript SDK 1"])
async def test_a_client_gets_in_with_the_callback_relayed(
    start: Start, pair: Reference, tmp_path: Path, client: Client
) -> None:
    gateway = stand_before(start, pair.mcp_url, relay_callback=True)
    await run_to_its_end((*client(), gateway.gateway), tmp_path, gateway)
    await gets_in(gateway)


@pytest.mark.acceptance
async def test_a_client_with_a_metadata_document_gets_in(start: Start, tmp_path: Path) -> None:
    async with Reference(replace(DEMO, dcr=False)) as pair:
        pair.authkit.documents = ClientDocuments(public_address, httpx.MockTransport(served))
        gateway = stand_before(start, pair.mcp_url, relay_callback=True)  # which leaves such a client alone
        await run_to_its_end((*python_sdk(), gateway.gateway, DOCUMENT), tmp_path, gateway)
        await gets_in(gateway, without={2})


async def run_to_its_end(command: Sequence[str], tmp_path: Path, gateway: RunningProxy) -> None:
    async with started(command, tmp_path, gateway.session, under_run=False) as client, asyncio.timeout(PATIENCE):
        await client.process.wait()


async def gets_in(gateway: RunningProxy, without: Set[int] = frozenset()) -> dict[str, Any]:
    code, document = await report(gateway.session)
    run: dict[str, Any] = document["runs"][-1]
    assert is_clean(code, run), (run["verdict"], run["findings"])
    assert phases(run) == ENDED_WELL - without
    return run
