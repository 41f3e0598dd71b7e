import base64
import hmac
import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from inspector.reference.authkit.signing import SigningKeys
from inspector.reference.settings import DEMO

if TYPE_CHECKING:
    from tests.reference.conftest import Pair, StartPair


def good_claims(pair: "Pair") -> dict[str, Any]:
    now = int(time.time())
    return {
        "iss": pair.reference.issuer,
        "aud": pair.reference.mcp_url,
        "sub": "user_1",
        "client_id": "client_1",
        "scope": "openid",
        "iat": now,
        "exp": now + 60,
    }


async def present(pair: "Pair", token: str) -> httpx.Response:
    """Ask the server something harmless with this token; 406 means that it got past authorization."""
    return await pair.http.get(
        pair.reference.mcp_url, headers={"Authorization": f"Bearer {token}", "Accept": "application/json"}
    )


def failed_check(answer: httpx.Response) -> str:
    assert answer.status_code == 401
    body = answer.json()
    assert body["error"] == "invalid_token"
    challenge = answer.headers["www-authenticate"]
    assert f'error="invalid_token", error_description="{body["error_description"]}"' in challenge
    assert "resource_metadata=" in challenge
    check: str = body["error_description"].partition(":")[0]
    return check


def own_key(pair: "Pair") -> dict[str, Any]:
    key: dict[str, Any] = pair.reference.authkit.keys.jwk_set()["keys"][0]
    return key


def encoded(part: dict[str, Any] | bytes) -> str:
    """One part of a JWT (RFC 7515 section 3.1)."""
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("claim", "value", "check"),
    [
        ("aud", DEMO.environment_client_id, "aud"),
        ("aud", "$mcp_url/", "aud"),
        ("aud", "http://127.0.0.1:3001/mcp", "aud"),
        ("aud", ["https://other.example"], "aud"),
        ("aud", [], "aud"),
        ("aud", None, "aud"),
        ("aud", {"a": 1}, "aud"),
        ("iss", "$issuer/", "iss"),
        ("iss", None, "iss"),
        ("exp", 1, "exp"),
        ("exp", None, "exp"),
        ("exp", "soon", "format"),
        ("nbf", 9_999_999_999, "nbf"),
        ("iat", 9_999_999_999, "nbf"),
        ("sub", None, "sub"),
        ("sub", 7, "format"),
    ],
)
async def test_a_claim_that_is_wrong_is_named(pair: "Pair", claim: str, value: Any, check: str) -> None:
    if isinstance(value, str):
        value = value.replace("$mcp_url", pair.reference.mcp_url).replace("$issuer", pair.reference.issuer)
    claims = {name: found for name, found in (good_claims(pair) | {claim: value}).items() if found is not None}
    assert failed_check(await present(pair, pair.reference.authkit.keys.sign(claims))) == check


async def test_an_audience_list_is_accepted_when_it_holds_this_server(pair: "Pair") -> None:
    claims = good_claims(pair) | {"aud": ["https://other.example", pair.reference.mcp_url]}
    assert (await present(pair, pair.reference.authkit.keys.sign(claims))).status_code == 406


async def test_a_key_that_was_rotated_in_is_fetched(pair: "Pair") -> None:
    keys = pair.reference.authkit.keys
    assert (await present(pair, keys.sign(good_claims(pair)))).status_code == 406
    keys.rotate()
    assert (await present(pair, keys.sign(good_claims(pair)))).status_code == 406


async def test_a_key_of_somebody_else_is_refused(pair: "Pair") -> None:
    token = SigningKeys().sign(good_claims(pair))
    assert failed_check(await present(pair, token)) == "kid"
    header = encoded({"alg": "RS256", "kid": own_key(pair)["kid"]})
    assert failed_check(await present(pair, ".".join([header, *token.split(".")[1:]]))) == "signature"


async def test_other_algorithms_are_refused(pair: "Pair") -> None:
    published = own_key(pair)
    public_key = jwt.PyJWK.from_dict(published).key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    claims = encoded(good_claims(pair))
    unsigned = encoded({"alg": "none", "kid": published["kid"]}) + "." + claims
    confused = encoded({"alg": "HS256", "kid": published["kid"]}) + "." + claims
    mac = encoded(hmac.digest(public_key, confused.encode(), "sha256"))
    assert failed_check(await present(pair, unsigned + ".")) == "alg"
    assert failed_check(await present(pair, f"{confused}.{mac}")) == "alg"


@pytest.mark.parametrize("token", ["garbage", "a.b.c", "a.b.c.d.e", "." * 5000, "W1tb" * 9000 + ".e30.e30"])
async def test_garbage_is_refused(pair: "Pair", token: str) -> None:
    assert failed_check(await present(pair, token)) == "format"


async def test_the_allow_list_takes_other_audiences_exactly(start: "StartPair") -> None:
    async with start(replace(DEMO, allowed_token_audiences=(DEMO.environment_client_id,))) as pair:
        sign = pair.reference.authkit.keys.sign
        listed = await present(pair, sign(good_claims(pair) | {"aud": DEMO.environment_client_id}))
        other = await present(pair, sign(good_claims(pair) | {"aud": DEMO.environment_client_id + "/"}))
    assert listed.status_code == 406
    assert failed_check(other) == "aud"


async def test_the_fault_accepts_any_audience_and_can_be_switched_while_serving(pair: "Pair") -> None:
    token = pair.reference.authkit.keys.sign(good_claims(pair) | {"aud": "https://other.example"})
    assert (await present(pair, token)).status_code == 401
    pair.reference.authkit.settings = replace(pair.reference.settings, accept_any_audience=True)
    assert (await present(pair, token)).status_code == 406
