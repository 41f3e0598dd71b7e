import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from inspector.reference.settings import DEMO

if TYPE_CHECKING:
    from tests.reference.conftest import Pair, StartPair

CALLBACK = "http://127.0.0.1:33418/callback"


async def test_registration_answers_404_while_it_is_switched_off(start: "StartPair") -> None:
    async with start(replace(DEMO, dcr=False)) as pair:
        answer = await pair.http.post(pair.at_authkit("/oauth2/register"), json={"redirect_uris": [CALLBACK]})
    assert answer.status_code == 404


async def test_a_public_client_gets_an_id_and_no_secret(pair: "Pair") -> None:
    client = await pair.register(client_name="Warp", redirect_uris=["warp://mcp/oauth2callback"])
    assert re.fullmatch(r"client_[0-9A-Z]{26}", client["client_id"])
    assert "client_secret" not in client
    assert (client["client_name"], client["redirect_uris"]) == ("Warp", ["warp://mcp/oauth2callback"])
    assert client["token_endpoint_auth_method"] == "none"


async def test_the_default_auth_method_is_client_secret_basic(pair: "Pair") -> None:
    answer = await pair.http.post(pair.at_authkit("/oauth2/register"), json={"redirect_uris": [CALLBACK]})
    client = answer.json()
    assert client["token_endpoint_auth_method"] == "client_secret_basic"
    assert client["client_secret"]
    assert client["client_secret_expires_at"] == 0
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("metadata", "error"),
    [
        ({}, "invalid_redirect_uri"),
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"redirect_uris": "http://127.0.0.1/callback"}, "invalid_redirect_uri"),
        ({"redirect_uris": [7]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["http://app.example/callback"]}, "invalid_redirect_uri"),
        ({"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata"),
        ({"redirect_uris": [CALLBACK], "token_endpoint_auth_method": ["none"]}, "invalid_client_metadata"),
        ({"redirect_uris": [CALLBACK], "client_name": {"x": 1}}, "invalid_client_metadata"),
        ([], "invalid_client_metadata"),
    ],
)
async def test_registration_refuses_what_it_cannot_accept(pair: "Pair", metadata: Any, error: str) -> None:
    answer = await pair.http.post(pair.at_authkit("/oauth2/register"), json=metadata)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff", b"[" * 60_000, rb'{"redirect_uris": ["app:/callback"], "client_name": "\ud800"}'],
    ids=["empty", "not UTF-8", "deeply nested", "half a character"],
)
async def test_a_body_that_is_no_good_json_is_a_client_error(pair: "Pair", body: bytes) -> None:
    answer = await pair.http.post(pair.at_authkit("/oauth2/register"), content=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")


async def test_an_endless_body_is_cut_off(pair: "Pair") -> None:
    answer = await pair.http.post(pair.at_authkit("/oauth2/register"), content=b" " * 100_000)
    assert answer.status_code == 413


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
async def test_a_client_authenticates_only_as_it_registered(pair: "Pair", method: str) -> None:
    client = await pair.register(token_endpoint_auth_method=method)
    client_id, secret = client["client_id"], client.get("client_secret", "no secret")
    form = {"grant_type": "authorization_code", "code": "unknown"}
    answers = {
        "client_secret_basic": await pair.token(form, basic=(client_id, secret)),
        "client_secret_post": await pair.token(form | {"client_id": client_id, "client_secret": secret}),
        "none": await pair.token(form | {"client_id": client_id}),
    }
    errors = {used: answer.json()["error"] for used, answer in answers.items()}
    assert errors.pop(method) == "invalid_grant"
    assert set(errors.values()) == {"invalid_client"}
    assert answers["client_secret_basic"].headers.get("www-authenticate", "") == (
        "" if method == "client_secret_basic" else 'Basic realm="AuthKit"'
    )


@pytest.mark.parametrize("credentials", ["&", "4pyT", "/w==", "\xfc"])
async def test_malformed_credentials_are_a_client_error(pair: "Pair", credentials: str) -> None:
    answer = await pair.http.post(
        pair.at_authkit("/oauth2/token"),
        content="grant_type=authorization_code",
        headers=[
            (b"authorization", f"Basic {credentials}".encode("latin-1")),
            (b"content-type", b"application/x-www-form-urlencoded"),
        ],
    )
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_a_wrong_secret_an_unknown_client_and_no_client_are_401(pair: "Pair") -> None:
    client = await pair.register(token_endpoint_auth_method="client_secret_basic")
    form = {"grant_type": "authorization_code", "code": "unknown"}
    wrong = await pair.token(form, basic=(client["client_id"], "guess"))
    unknown = await pair.token(form | {"client_id": "client_01"})
    nobody = await pair.token(form)
    assert {answer.status_code for answer in (wrong, unknown, nobody)} == {401}
    assert nobody.json() == {"error": "invalid_client", "error_description": "Missing authorization header."}
