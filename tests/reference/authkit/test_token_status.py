from typing import TYPE_CHECKING, Any

import httpx
import jwt
import pytest

if TYPE_CHECKING:
    from tests.reference.conftest import Pair


def claims_of(access_token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(access_token, options={"verify_signature": False})
    return claims


async def revoke(pair: "Pair", client_id: str, token: str) -> httpx.Response:
    return await pair.http.post(pair.at_authkit("/oauth2/revoke"), data={"client_id": client_id, "token": token})


async def active(pair: "Pair", tokens: dict[str, Any]) -> bool:
    """Whether introspection and userinfo take the access token; they always agree."""
    form = {"client_id": tokens["client_id"], "token": tokens["access_token"]}
    answer = await pair.http.post(pair.at_authkit("/oauth2/introspection"), data=form)
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    user = await pair.http.get(pair.at_authkit("/oauth2/userinfo"), headers=bearer)
    taken: bool = answer.json()["active"]
    assert user.status_code == (200 if taken else 401)
    return taken


async def refresh(pair: "Pair", tokens: dict[str, Any]) -> httpx.Response:
    form = {"grant_type": "refresh_token", "client_id": tokens["client_id"], "refresh_token": tokens["refresh_token"]}
    return await pair.token(form)


async def test_introspection_tells_live_tokens_from_others(pair: "Pair") -> None:
    tokens = await pair.tokens()
    client = {"client_id": tokens["client_id"]}
    url = pair.at_authkit("/oauth2/introspection")
    live = await pair.http.post(url, data=client | {"token": tokens["access_token"]})
    garbage = await pair.http.post(url, data=client | {"token": "a.b.c"})
    stranger = await pair.http.post(url, data={"token": tokens["access_token"]})
    assert live.json() == {"active": True, **claims_of(tokens["access_token"])}
    assert garbage.json() == {"active": False}
    assert stranger.status_code == 401


async def test_userinfo_needs_a_token_of_its_own(pair: "Pair") -> None:
    tokens = await pair.tokens()
    url = pair.at_authkit("/oauth2/userinfo")
    known = await pair.http.get(url, headers={"Authorization": f"Bearer {tokens['access_token']}"})
    unknown = await pair.http.get(url)
    assert known.json()["sub"] == claims_of(tokens["access_token"])["sub"]
    assert (unknown.status_code, unknown.json()) == (401, {"error": "unauthorized"})


async def test_revoking_an_access_token_leaves_the_session_alone(pair: "Pair") -> None:
    tokens = await pair.tokens()
    assert await active(pair, tokens)
    answer = await revoke(pair, tokens["client_id"], tokens["access_token"])
    assert (answer.status_code, answer.content) == (200, b"")
    assert not await active(pair, tokens)
    newer = (await refresh(pair, tokens)).json()
    assert await active(pair, tokens | newer)


async def test_revoking_a_refresh_token_ends_the_session(pair: "Pair") -> None:
    tokens = await pair.tokens()
    assert (await revoke(pair, tokens["client_id"], tokens["refresh_token"])).status_code == 200
    assert not await active(pair, tokens)
    assert (await refresh(pair, tokens)).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
async def test_a_client_cannot_revoke_what_is_not_its_own(pair: "Pair", which: str) -> None:
    tokens = await pair.tokens()
    other = (await pair.register())["client_id"]
    answer = await revoke(pair, other, tokens[which])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert await active(pair, tokens)
    assert (await revoke(pair, "client_unknown", tokens[which])).status_code == 401


async def test_revoking_an_unknown_token_succeeds(pair: "Pair") -> None:
    client_id = (await pair.register())["client_id"]
    assert (await revoke(pair, client_id, "unknown")).status_code == 200


async def test_a_replayed_refresh_token_also_ends_the_access_tokens(pair: "Pair") -> None:
    tokens = await pair.tokens()
    newer = (await refresh(pair, tokens)).json()
    assert await active(pair, tokens | newer)
    assert (await refresh(pair, tokens)).status_code == 400
    assert not await active(pair, tokens | newer)
