from typing import TYPE_CHECKING

import httpx
import jwt
import pytest

if TYPE_CHECKING:
    from tests.reference.conftest import Pair


async def ask(pair: "Pair", user_id: str, authorization: str) -> httpx.Response:
    url = pair.at_authkit(f"/user_management/users/{user_id}")
    return await pair.http.get(url, headers={"Authorization": authorization})


async def user_id_of(pair: "Pair") -> str:
    tokens = await pair.tokens()
    subject: str = jwt.decode(tokens["access_token"], options={"verify_signature": False})["sub"]
    return subject


async def test_the_holder_of_the_api_key_learns_who_a_user_is(pair: "Pair") -> None:
    user_id = await user_id_of(pair)
    answer = await ask(pair, user_id, f"Bearer {pair.reference.authkit.api_key}")
    document = answer.json()
    assert (document["object"], document["id"], document["email"]) == ("user", user_id, "ada@example.com")
    assert document["created_at"].endswith("Z")


async def test_a_user_nobody_knows(pair: "Pair") -> None:
    answer = await ask(pair, "user_01", f"Bearer {pair.reference.authkit.api_key}")
    assert (answer.status_code, answer.json()["code"]) == (404, "entity_not_found")


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer sk_test_guess", "Basic c2s6"])
async def test_without_the_api_key_nothing_is_told(pair: "Pair", authorization: str) -> None:
    answer = await ask(pair, await user_id_of(pair), authorization)
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})


async def test_an_access_token_is_no_api_key(pair: "Pair") -> None:
    tokens = await pair.tokens()
    user_id = jwt.decode(tokens["access_token"], options={"verify_signature": False})["sub"]
    assert (await ask(pair, user_id, f"Bearer {tokens['access_token']}")).status_code == 401
