"""Servers that are not AuthKit: what a recording can show of others, and a replay has to do like them."""

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from inspector.reference.client import perform
from inspector.reference.profile import load_profile
from inspector.reference.settings import DEMO, MCP_URL
from tests.reference.conftest import CALLBACK
from tests.reference.wire import traffic

if TYPE_CHECKING:
    from tests.reference.conftest import StartPair

LENIENT = replace(DEMO, lenient=True)


async def test_a_lenient_authorization_server_takes_what_authkit_refuses(start: "StartPair") -> None:
    for client in ("no-pkce", "plain-pkce"):
        async with start(LENIENT) as pair:
            assert (await perform(load_profile(client), pair.reference.mcp_url)).authorized, client


async def test_it_takes_another_redirect_uri_and_another_authentication(start: "StartPair") -> None:
    async with start(LENIENT) as pair:
        client_id = (await pair.register(redirect_uris=["https://app.example/other"]))["client_id"]
        code = await pair.code(client_id)
        answer = await pair.redeem(client_id, code, redirect_uri="https://app.example/third", client_secret="made up")
    assert answer.status_code == 200


async def test_with_a_default_it_ignores_resource(start: "StartPair") -> None:
    async with start(replace(LENIENT, default_resource_indicator=MCP_URL)) as pair:
        outcome = await perform(load_profile("trailing-slash"), pair.reference.mcp_url)
        assert (outcome.authorized, outcome.audience) == (True, pair.reference.mcp_url)


async def test_clients_are_registered_as_the_settings_say(start: "StartPair") -> None:
    async with start(replace(DEMO, registered_auth_method="none")) as pair:
        answer = await pair.register(token_endpoint_auth_method="client_secret_basic", redirect_uris=[CALLBACK])
    assert answer["token_endpoint_auth_method"] == "none"
    assert "client_secret" not in answer


async def test_without_sessions_no_client_gets_one(start: "StartPair") -> None:
    async with start(replace(DEMO, cimd=False, sessions=False)) as pair:
        outcome, requests = await traffic(load_profile("compliant"), pair.reference.mcp_url)
    spoken = [request for request in requests if request.path == "/mcp"]
    assert outcome.authorized
    assert [json.loads(request.body)["method"] for request in spoken][-1] == "tools/call"
    assert not any("mcp-session-id" in request.headers for request in spoken)
