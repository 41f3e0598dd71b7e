"""Each scripted client over real HTTP: what on the wire makes it the client its profile describes."""

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request as Received
from starlette.responses import Response
from starlette.routing import Route

from inspector.reference.authkit.flaws import AuthKitFlaws
from inspector.reference.authkit.store import Client
from inspector.reference.client_document import published
from inspector.reference.listener import bound_socket, serving
from inspector.reference.mcp_server.flaws import ServerFlaws
from inspector.reference.profile import load_profile
from inspector.reference.settings import DEMO, MCP_URL
from tests.reference.wire import Request, traffic

if TYPE_CHECKING:
    from tests.reference.conftest import Pair, StartPair

RESOURCE_METADATA = "/.well-known/oauth-protected-resource"
SERVER_METADATA = "/.well-known/oauth-authorization-server"
META = "io.modelcontextprotocol"


def only(requests: list[Request], path: str) -> Request:
    """The one request to this path."""
    (request,) = [request for request in requests if request.path == path]
    return request


def to_mcp(requests: list[Request]) -> list[Request]:
    return [request for request in requests if request.path == "/mcp"]


def values(request: Request, name: str) -> list[str]:
    """The values of a parameter."""
    return [value for key, value in request.parameters if key == name]


def paths(requests: list[Request]) -> list[str]:
    return [request.path for request in requests]


async def test_a_client_of_2025_03_26_knows_neither_resource_nor_its_metadata(start: "StartPair") -> None:
    async with start(replace(DEMO, default_resource_indicator=MCP_URL)) as pair:
        outcome, requests = await traffic(load_profile("compliant-2025-03-26"), pair.reference.mcp_url)
        origin = pair.reference.mcp_url.removesuffix("/mcp")
    assert outcome.authorized
    assert not any(path.startswith(RESOURCE_METADATA) for path in paths(requests))
    metadata = only(requests, SERVER_METADATA)
    assert metadata.url == origin + SERVER_METADATA
    assert metadata.headers["mcp-protocol-version"] == "2025-03-26"
    assert not any(values(only(requests, f"/oauth2/{leg}"), "resource") for leg in ("authorize", "token"))
    assert "application_type" not in only(requests, "/oauth2/register").message
    assert to_mcp(requests)[0].message["params"]["protocolVersion"] == "2025-03-26"
    assert not any("mcp-protocol-version" in request.headers for request in to_mcp(requests))


async def test_a_client_of_2025_03_26_uses_the_default_endpoints_where_there_is_no_metadata() -> None:
    async def unauthorized(request: Received) -> Response:
        return Response(status_code=401)

    async def registered(request: Received) -> Response:
        return Response('{"client_id": "public"}', 201)

    async def authorized(request: Received) -> Response:
        query = request.query_params
        return Response(status_code=302, headers={"Location": f"{query['redirect_uri']}?code=c&state={query['state']}"})

    async def token(request: Received) -> Response:
        return Response('{"access_token": "opaque", "token_type": "Bearer"}')

    app = Starlette(
        routes=[
            Route("/mcp", unauthorized, methods=["POST"]),
            Route("/register", registered, methods=["POST"]),
            Route("/authorize", authorized),
            Route("/token", token, methods=["POST"]),
        ]
    )
    listening = bound_socket(0, "test server")
    url = f"http://localhost:{listening.getsockname()[1]}/mcp"
    async with serving((app, listening)):
        outcome, requests = await traffic(load_profile("compliant-2025-03-26"), url)
        newer, _ = await traffic(load_profile("compliant"), url)
    assert paths(requests) == ["/mcp", SERVER_METADATA, "/register", "/authorize", "/token", "/mcp"]
    assert requests[-1].headers["authorization"] == "Bearer opaque"
    assert (outcome.authorized, outcome.audience) == (False, None)
    assert newer.sentence == "The server publishes no protected resource metadata."


@pytest.mark.parametrize("revision", ["2025-06-18", "2025-11-25"])
async def test_a_client_with_a_session_follows_the_challenge_and_names_the_version(pair: "Pair", revision: str) -> None:
    name = "compliant" if revision == "2025-11-25" else f"compliant-{revision}"
    outcome, requests = await traffic(load_profile(name), pair.reference.mcp_url)
    assert outcome.authorized
    discovery = [RESOURCE_METADATA + "/mcp", SERVER_METADATA, "/oauth2/register"]
    assert paths(requests)[1:4] == discovery
    assert all(request.headers["mcp-protocol-version"] == revision for request in requests[1:3])
    for leg in ("authorize", "token"):
        assert values(only(requests, f"/oauth2/{leg}"), "resource") == [pair.reference.mcp_url]
    assert "application_type" not in only(requests, "/oauth2/register").message
    _, opened, *rest = to_mcp(requests)
    assert opened.message["params"]["protocolVersion"] == revision
    assert [request.message["method"] for request in rest] == ["notifications/initialized", "tools/list", "tools/call"]
    assert {request.headers["mcp-protocol-version"] for request in rest} == {revision}
    assert all(request.headers["mcp-session-id"] for request in rest)


async def test_a_client_of_2026_07_28_has_no_session_and_says_everything_each_time(pair: "Pair") -> None:
    outcome, requests = await traffic(load_profile("compliant-2026-07-28"), pair.reference.mcp_url)
    assert outcome.authorized
    assert only(requests, "/oauth2/register").message["application_type"] == "native"
    spoken = to_mcp(requests)
    methods = [request.message["method"] for request in spoken]
    assert methods == ["server/discover", "server/discover", "tools/list", "tools/call"]
    for request, method in zip(spoken, methods, strict=True):
        assert request.headers["mcp-protocol-version"] == "2026-07-28"
        assert request.headers["mcp-method"] == method
        assert "mcp-session-id" not in request.headers
        assert request.message["params"]["_meta"] == {
            f"{META}/protocolVersion": "2026-07-28",
            f"{META}/clientInfo": {"name": "compliant-2026-07-28", "version": "1.0"},
            f"{META}/clientCapabilities": {},
        }
    assert [request.headers.get("mcp-name") for request in spoken] == [None, None, None, "get-user-info"]


async def test_the_resource_is_named_twice(pair: "Pair") -> None:
    outcome, requests = await traffic(load_profile("resource-twice"), pair.reference.mcp_url)
    for leg in ("authorize", "token"):
        assert values(only(requests, f"/oauth2/{leg}"), "resource") == [pair.reference.mcp_url] * 2
    assert "invalid_target" in outcome.sentence


async def test_the_metadata_of_the_origin_is_asked_for_instead_of_that_of_the_endpoint(pair: "Pair") -> None:
    outcome, requests = await traffic(load_profile("root-metadata"), pair.reference.mcp_url)
    assert outcome.authorized
    assert [path for path in paths(requests) if path.startswith(RESOURCE_METADATA)] == [RESOURCE_METADATA]


async def test_the_authorization_server_is_looked_for_at_the_mcp_origin(pair: "Pair") -> None:
    outcome, requests = await traffic(load_profile("legacy-discovery"), pair.reference.mcp_url)
    assert outcome.authorized
    assert not any(path.startswith(RESOURCE_METADATA) for path in paths(requests))
    assert only(requests, SERVER_METADATA).url == pair.reference.mcp_url.removesuffix("/mcp") + SERVER_METADATA


async def test_no_scope_is_asked_for_where_no_server_names_one(start: "StartPair") -> None:
    async with start(replace(DEMO, revision="2025-06-18")) as pair:
        outcome, requests = await traffic(load_profile("legacy-discovery"), pair.reference.mcp_url)
    assert outcome.authorized
    assert values(only(requests, "/oauth2/authorize"), "scope") == []


async def test_a_client_id_metadata_document_is_at_the_url_that_is_the_client_id() -> None:
    async with published({"client_name": "test"}) as url, httpx.AsyncClient(trust_env=False) as http:
        document = (await http.get(url)).json()
    assert document == {"client_id": url, "client_name": "test"}


async def test_a_client_with_a_document_of_its_own_does_not_register(start: "StartPair") -> None:
    async with start(replace(DEMO, cimd=True, cimd_on_loopback=True)) as pair:
        outcome, requests = await traffic(load_profile("cimd"), pair.reference.mcp_url)
    assert outcome.authorized
    assert "/oauth2/register" not in paths(requests)
    client_ids = [values(only(requests, f"/oauth2/{leg}"), "client_id") for leg in ("authorize", "token")]
    assert client_ids[0] == client_ids[1]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/client\.json", client_ids[0][0])


async def test_a_client_with_a_document_of_its_own_registers_where_documents_are_not_taken(
    start: "StartPair",
) -> None:
    async with start(replace(DEMO, cimd=False)) as pair:
        outcome, requests = await traffic(load_profile("cimd"), pair.reference.mcp_url)
    assert outcome.authorized
    assert only(requests, "/oauth2/register").message["client_name"] == "cimd"


async def test_a_pre_registered_client_uses_the_id_it_was_given(pair: "Pair") -> None:
    profile = load_profile("pre-registered")
    known = Client(profile.client_id, "known", (profile.redirect_uri,), "none")
    pair.reference.authkit.store.clients[profile.client_id] = known
    outcome, requests = await traffic(profile, pair.reference.mcp_url)
    assert outcome.authorized
    assert "/oauth2/register" not in paths(requests)
    for leg in ("authorize", "token"):
        assert values(only(requests, f"/oauth2/{leg}"), "client_id") == [profile.client_id]


async def test_a_stale_client_id_ends_on_the_page_of_an_unknown_application(pair: "Pair") -> None:
    profile = load_profile("stale-client-id")
    outcome, requests = await traffic(profile, pair.reference.mcp_url)
    assert not {"/oauth2/register", "/oauth2/token"} & set(paths(requests))
    assert values(only(requests, "/oauth2/authorize"), "client_id") == [profile.client_id]
    assert "application_not_found" in outcome.sentence


async def test_the_scope_of_the_challenge_is_ignored(pair: "Pair") -> None:
    for name, asked in (
        ("compliant", "openid profile email offline_access"),
        ("scope-ignoring", "email offline_access"),
    ):
        outcome, requests = await traffic(load_profile(name), pair.reference.mcp_url)
        assert outcome.authorized
        assert values(only(requests, "/oauth2/authorize"), "scope") == [asked]


async def test_more_scope_is_asked_for_once_on_top_of_what_was_granted(start: "StartPair") -> None:
    async with start(replace(DEMO, server_flaws=ServerFlaws(step_up="asked-for"))) as pair:
        outcome, requests = await traffic(load_profile("compliant"), pair.reference.mcp_url)
    assert outcome.authorized
    scopes = [values(request, "scope") for request in requests if request.path == "/oauth2/authorize"]
    assert scopes == [["openid profile offline_access"], ["openid profile email offline_access"]]
    refused, called = [request for request in to_mcp(requests) if request.message["method"] == "tools/call"]
    assert refused.headers["authorization"] != called.headers["authorization"]


async def test_a_client_without_step_up_gives_up(start: "StartPair") -> None:
    async with start(replace(DEMO, server_flaws=ServerFlaws(step_up="asked-for"))) as pair:
        outcome, requests = await traffic(load_profile("no-step-up"), pair.reference.mcp_url)
    assert outcome.sentence == "tools/call get-user-info failed: Unexpected status code: 403"
    assert paths(requests).count("/oauth2/authorize") == 1


async def test_a_refusal_that_more_scope_does_not_end_is_taken_the_second_time(pair: "Pair") -> None:
    def interfere(request: Request) -> str | None:
        at_tool = request.path == "/mcp" and request.message["method"] == "tools/call"
        return '403 Forbidden\r\nWWW-Authenticate: Bearer error="insufficient_scope"' if at_tool else None

    outcome, requests = await traffic(load_profile("compliant"), pair.reference.mcp_url, interfere)
    assert (outcome.authorized, outcome.status) == (False, 403)
    assert paths(requests).count("/oauth2/authorize") == 2


@pytest.mark.parametrize(
    ("name", "redeemed"),
    [("compliant", False), ("compliant-2026-07-28", False), ("iss-ignoring", True)],
)
async def test_only_the_client_that_ignores_iss_redeems_the_code_of_another_issuer(
    start: "StartPair", name: str, redeemed: bool
) -> None:
    async with start(replace(DEMO, authkit_flaws=AuthKitFlaws(response_iss="other"))) as pair:
        outcome, requests = await traffic(load_profile(name), pair.reference.mcp_url)
    assert (outcome.authorized, "/oauth2/token" in paths(requests)) == (redeemed, redeemed)
    assert redeemed or outcome.sentence == "The authorization response comes from another issuer."
