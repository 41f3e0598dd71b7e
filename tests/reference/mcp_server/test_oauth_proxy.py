"""The mode in which the MCP server passes OAuth requests on under its own client id."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import jwt
import pytest

from inspector.reference.client import perform
from inspector.reference.profile import load_profile
from inspector.reference.settings import DEMO, MCP_URL

if TYPE_CHECKING:
    from tests.reference.conftest import Pair, StartPair

# The pair of RFC 7636 appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
CALLBACK = "http://127.0.0.1:33418/callback"
SETTINGS = replace(DEMO, dcr=False, cimd=False, pre_registered_client=True)


@dataclass(frozen=True)
class Proxied:
    """A pair in this mode, with the requests of one client."""

    pair: "Pair"

    @property
    def origin(self) -> str:
        return self.pair.reference.mcp_url.removesuffix("/mcp")

    async def register(self, **metadata: Any) -> httpx.Response:
        return await self.pair.http.post(f"{self.origin}/register", json={"redirect_uris": [CALLBACK]} | metadata)

    async def authorize(self, **changes: str) -> httpx.Response:
        query = {
            "response_type": "code",
            "client_id": "whatever",
            "redirect_uri": CALLBACK,
            "state": "own state",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "resource": self.pair.reference.mcp_url,
        }
        return await self.pair.http.get(f"{self.origin}/authorize?{urlencode(query | changes)}")

    async def answer(self, sent_on: httpx.Response) -> httpx.Response:
        """What the callback answers to the authorization server's answer."""
        at_authkit = await self.pair.http.get(sent_on.headers["location"])
        return await self.pair.http.get(at_authkit.headers["location"])

    async def token(self, **form: str) -> httpx.Response:
        return await self.pair.http.post(f"{self.origin}/token", data=form)


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@pytest.fixture
async def proxied(start: "StartPair") -> AsyncIterator[Proxied]:
    async with start(SETTINGS) as pair:
        yield Proxied(pair)


async def test_the_server_names_itself_and_its_own_endpoints(proxied: Proxied) -> None:
    http, origin = proxied.pair.http, proxied.origin
    resource = (await http.get(f"{origin}/.well-known/oauth-protected-resource/mcp")).json()
    assert resource["authorization_servers"] == [origin]
    for path in ("oauth-authorization-server", "oauth-authorization-server/mcp", "openid-configuration"):
        document = (await http.get(f"{origin}/.well-known/{path}")).json()
        assert document["issuer"] == origin
        assert [document[f"{name}_endpoint"] for name in ("authorization", "token", "registration")] == [
            f"{origin}/{name}" for name in ("authorize", "token", "register")
        ]
        assert document["code_challenge_methods_supported"] == ["S256"]


async def test_a_client_signs_in_under_the_servers_client_id(proxied: Proxied) -> None:
    registered = (await proxied.register()).json()
    application = proxied.pair.reference.authkit.store.clients[registered["client_id"]]
    sent_on = await proxied.authorize()
    asked = query_of(sent_on.headers["location"])
    assert sent_on.headers["location"].startswith(proxied.pair.at_authkit("/oauth2/authorize?"))
    assert asked["client_id"] == application.client_id
    assert asked["redirect_uri"] == f"{proxied.origin}/oauth/callback"
    assert asked["state"] != "own state"
    assert (asked["resource"], asked["code_challenge"]) == (proxied.pair.reference.mcp_url, CHALLENGE)

    back = await proxied.answer(sent_on)
    assert back.headers["location"].startswith(CALLBACK + "?")
    given = query_of(back.headers["location"])
    assert given.keys() == {"code", "state"}
    assert given["state"] == "own state"

    answer = await proxied.token(
        grant_type="authorization_code", code=given["code"], redirect_uri=CALLBACK, code_verifier=VERIFIER
    )
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    claims = jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
    assert (claims["aud"], claims["client_id"]) == (proxied.pair.reference.mcp_url, application.client_id)
    assert application.secret is not None
    assert application.secret not in sent_on.text + back.text + answer.text


async def test_a_code_needs_the_verifier_of_its_own_client(proxied: Proxied) -> None:
    await proxied.register()
    given = query_of((await proxied.answer(await proxied.authorize())).headers["location"])
    answer = await proxied.token(grant_type="authorization_code", code=given["code"], code_verifier="x" * 43)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


async def test_a_refusal_comes_back_to_the_client(proxied: Proxied) -> None:
    await proxied.register()
    back = await proxied.answer(await proxied.authorize(response_type="token"))
    given = query_of(back.headers["location"])
    assert (given["error"], given["state"]) == ("unsupported_response_type", "own state")


@pytest.mark.parametrize("redirect_uri", ["https://evil.example/callback", "http://127.0.0.1:1/other", ""])
async def test_a_code_is_sent_to_registered_clients_only(proxied: Proxied, redirect_uri: str) -> None:
    await proxied.register()
    answer = await proxied.authorize(redirect_uri=redirect_uri)
    assert (answer.status_code, "location" in answer.headers) == (400, False)


async def test_an_answer_is_handed_on_once(proxied: Proxied) -> None:
    await proxied.register()
    at_authkit = await proxied.pair.http.get((await proxied.authorize()).headers["location"])
    first, second = [await proxied.pair.http.get(at_authkit.headers["location"]) for _ in range(2)]
    assert (first.status_code, second.status_code) == (302, 400)
    assert (await proxied.pair.http.get(f"{proxied.origin}/oauth/callback?code=x")).status_code == 400


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"[" * 60_000, b"\xff", b"x" * 70_000, b'{"redirect_uris": []}', b'{"redirect_uris": ["http://a.b"]}'],
    ids=["empty", "list", "deep", "not UTF-8", "too long", "no URI", "insecure URI"],
)
async def test_a_registration_that_cannot_be_accepted(proxied: Proxied, body: bytes) -> None:
    answer = await proxied.pair.http.post(f"{proxied.origin}/register", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("invalid_")


@pytest.mark.parametrize("body", [b"\xff", b"x" * 70_000, b"a=1&" * 200])
async def test_a_token_request_that_is_no_form(proxied: Proxied, body: bytes) -> None:
    answer = await proxied.pair.http.post(f"{proxied.origin}/token", content=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_the_client_cannot_bring_credentials_of_its_own(proxied: Proxied) -> None:
    answer = await proxied.token(grant_type="authorization_code", code="x", client_id="y", client_secret="z")
    assert answer.json() == {"error": "invalid_grant", "error_description": "The code is unknown."}


@pytest.mark.parametrize("profile", ["compliant", "compliant-2026-07-28", "compliant-2025-06-18"])
async def test_whole_clients_get_in(proxied: Proxied, profile: str) -> None:
    outcome = await perform(load_profile(profile), proxied.pair.reference.mcp_url)
    assert outcome.authorized, outcome.sentence
    assert outcome.audience == proxied.pair.reference.mcp_url


async def test_a_refresh_goes_through(proxied: Proxied) -> None:
    client = replace(load_profile("compliant"), calls=("tools/list", "refresh", "tools/list"))
    assert (await perform(client, proxied.pair.reference.mcp_url)).authorized


async def test_the_default_resource_is_not_for_such_an_application(start: "StartPair") -> None:
    async with start(replace(SETTINGS, default_resource_indicator=MCP_URL)) as pair:
        outcome = await perform(load_profile("warp"), pair.reference.mcp_url)
    assert (outcome.authorized, outcome.audience) == (False, DEMO.environment_client_id)


async def test_the_endpoints_are_not_there_in_the_usual_mode(pair: "Pair") -> None:
    origin = pair.reference.mcp_url.removesuffix("/mcp")
    answers = [
        await pair.http.post(f"{origin}/register", json={"redirect_uris": [CALLBACK]}),
        await pair.http.get(f"{origin}/authorize"),
        await pair.http.post(f"{origin}/token"),
    ]
    assert {answer.status_code for answer in answers} == {404}
