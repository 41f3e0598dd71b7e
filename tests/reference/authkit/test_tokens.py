import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import jwt
import pytest

from inspector.reference.settings import DEMO

if TYPE_CHECKING:
    from tests.reference.conftest import Pair, StartPair


def claims_of(access_token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(access_token, options={"verify_signature": False})
    return claims


async def refreshed(pair: "Pair", tokens: dict[str, Any], **changes: str) -> httpx.Response:
    form = {"grant_type": "refresh_token", "client_id": tokens["client_id"], "refresh_token": tokens["refresh_token"]}
    return await pair.token(form | changes)


async def test_an_access_token_carries_the_claims_of_authkit(start: "StartPair") -> None:
    settings = replace(DEMO, token_lifetime=300, organization_id="org_1", permissions=("posts:read",))
    async with start(settings) as pair:
        tokens = await pair.tokens(resource=pair.reference.mcp_url)
        claims = claims_of(tokens["access_token"])
        assert claims["iss"] == pair.reference.issuer
        assert claims["client_id"] == tokens["client_id"]
        keys = (await pair.http.get(pair.at_authkit("/oauth2/jwks"))).json()["keys"]
    assert claims["sub"].startswith("user_")
    assert claims["sid"].startswith("session_")
    assert claims["jti"]
    assert claims["exp"] - claims["iat"] == tokens["expires_in"] == 300
    assert abs(claims["iat"] - time.time()) < 10
    assert (claims["org_id"], claims["permissions"]) == ("org_1", ["posts:read"])
    header = jwt.get_unverified_header(tokens["access_token"])
    assert (header["alg"], header["kid"]) == ("RS256", keys[0]["kid"])


async def test_token_answers_are_not_to_be_stored(pair: "Pair") -> None:
    client_id = (await pair.register())["client_id"]
    good = await pair.redeem(client_id, await pair.code(client_id))
    bad = await pair.redeem(client_id, "unknown")
    assert {answer.headers["cache-control"] for answer in (good, bad)} == {"no-store"}
    assert good.json()["token_type"] == "Bearer"


@pytest.mark.parametrize("verifier", ["", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXK"])
async def test_the_code_verifier_is_checked(pair: "Pair", verifier: str) -> None:
    client_id = (await pair.register())["client_id"]
    answer = await pair.redeem(client_id, await pair.code(client_id), code_verifier=verifier)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert "code_verifier" in answer.json()["error_description"]


async def test_a_code_works_once_and_its_reuse_ends_the_session(pair: "Pair") -> None:
    client_id = (await pair.register())["client_id"]
    code = await pair.code(client_id, scope="openid offline_access")
    first = await pair.redeem(client_id, code)
    second = await pair.redeem(client_id, code)
    refresh = await refreshed(pair, {"client_id": client_id, **first.json()})
    assert (first.status_code, second.json()["error"], refresh.json()["error"]) == (
        200,
        "invalid_grant",
        "invalid_grant",
    )


async def test_a_code_expires(pair: "Pair") -> None:
    client_id = (await pair.register())["client_id"]
    code = await pair.code(client_id)
    codes = pair.reference.authkit.store.codes
    codes[code] = replace(codes[code], expires_at=time.time())
    assert "expired" in (await pair.redeem(client_id, code)).json()["error_description"]


async def test_a_code_belongs_to_its_client_and_redirect_uri(pair: "Pair") -> None:
    client_id = (await pair.register())["client_id"]
    other_id = (await pair.register())["client_id"]
    stolen = await pair.redeem(other_id, await pair.code(client_id))
    elsewhere = await pair.redeem(client_id, await pair.code(client_id), redirect_uri="http://127.0.0.1/x")
    assert (stolen.json()["error"], elsewhere.json()["error"]) == ("invalid_grant", "invalid_grant")


async def test_a_refresh_token_needs_the_scope_offline_access(pair: "Pair") -> None:
    assert "refresh_token" not in await pair.tokens(scope="openid profile")
    assert "refresh_token" in await pair.tokens(scope="openid offline_access")


async def test_scopes_authkit_does_not_know_are_left_out(pair: "Pair") -> None:
    tokens = await pair.tokens(scope="openid mcp:write")
    assert tokens["scope"] == claims_of(tokens["access_token"])["scope"] == "openid"


async def test_refreshing_rotates_the_refresh_token_and_keeps_the_audience(pair: "Pair") -> None:
    tokens = await pair.tokens(resource=pair.reference.mcp_url)
    answer = await refreshed(pair, tokens)
    assert answer.status_code == 200
    assert answer.json()["refresh_token"] != tokens["refresh_token"]
    before, after = claims_of(tokens["access_token"]), claims_of(answer.json()["access_token"])
    assert (after["aud"], after["sid"]) == (pair.reference.mcp_url, before["sid"])
    assert after["jti"] != before["jti"]


async def test_reusing_a_rotated_refresh_token_ends_the_session(pair: "Pair") -> None:
    tokens = await pair.tokens()
    newer = (await refreshed(pair, tokens)).json()
    reused = await refreshed(pair, tokens)
    after = await refreshed(pair, tokens | newer)
    assert (reused.json()["error"], after.json()["error"]) == ("invalid_grant", "invalid_grant")


@pytest.mark.parametrize(
    ("changes", "error"),
    [({"resource": "https://other.example"}, "invalid_target"), ({"scope": "email"}, "invalid_scope")],
)
async def test_a_refresh_cannot_ask_for_more_and_costs_nothing(
    pair: "Pair", changes: dict[str, str], error: str
) -> None:
    tokens = await pair.tokens(resource=pair.reference.mcp_url)
    refused = await refreshed(pair, tokens, **changes)
    assert (refused.status_code, refused.json()["error"]) == (400, error)
    assert (await refreshed(pair, tokens)).status_code == 200


async def test_other_grants_and_other_bodies_are_refused(pair: "Pair") -> None:
    client_id = (await pair.register())["client_id"]
    password = await pair.token({"grant_type": "password", "client_id": client_id})
    nothing = await pair.token({"client_id": client_id})
    as_json = await pair.http.post(pair.at_authkit("/oauth2/token"), json={"grant_type": "authorization_code"})
    twice = await pair.http.post(
        pair.at_authkit("/oauth2/token"),
        content=f"grant_type=authorization_code&code=a&code=b&client_id={client_id}",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert password.json()["error"] == "unsupported_grant_type"
    assert {answer.json()["error"] for answer in (nothing, as_json, twice)} == {"invalid_request"}


async def test_the_device_flow_is_advertised_but_not_allowed(pair: "Pair") -> None:
    answer = await pair.http.post(pair.at_authkit("/oauth2/device_authorization"), data={"client_id": "x"})
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")
