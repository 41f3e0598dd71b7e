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
from inspector.reference.faults import with_faults
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
        ("aud", "https://other.example", "aud"),
        ("aud", ["https://other.example"], "aud"),
        ("aud", ["$mcp_url/", "https://other.example"], "aud"),
        ("aud", 7, "aud"),
        ("aud", [], "aud"),
        ("aud", None, "aud"),
        ("aud", {"a": 1}, "aud"),
        ("iss", "https://other-issuer.example", "iss"),
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
    if isinstance(value, str | list):
        filled = json.dumps(value).replace("$mcp_url", pair.reference.mcp_url).replace("$issuer", pair.reference.issuer)
        value = json.loads(filled)
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


async def test_a_token_of_before_the_rotation_stays_good(pair: "Pair") -> None:
    keys = pair.reference.authkit.keys
    token = keys.sign(good_claims(pair))
    keys.rotate()
    assert (await present(pair, token)).status_code == 406


async def test_a_key_of_somebody_else_is_refused(pair: "Pair") -> None:
    token = SigningKeys().sign(good_claims(pair))
    assert failed_check(await present(pair, token)) == "kid"
    header = encoded({"alg": "RS256", "kid": own_key(pair)["kid"]})
    assert failed_check(await present(pair, ".".join([header, *token.split(".")[1:]]))) == "signature"


async def test_a_changed_claim_breaks_the_signature(pair: "Pair") -> None:
    header, _, signature = pair.reference.authkit.keys.sign(good_claims(pair)).split(".")
    forged = encoded(good_claims(pair) | {"sub": "user_2"})
    assert failed_check(await present(pair, f"{header}.{forged}.{signature}")) == "signature"


@pytest.mark.parametrize("alg", ["none", "None", "HS256", "RS512", "PS256", "ES256", "", None, 256])
async def test_other_algorithms_are_refused(pair: "Pair", alg: Any) -> None:
    """Also HS256 with the published key as its secret, and no signature at all."""
    published = own_key(pair)
    public_key = jwt.PyJWK.from_dict(published).key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = encoded({"alg": alg, "kid": published["kid"]}) + "." + encoded(good_claims(pair))
    mac = encoded(hmac.digest(public_key, signed.encode(), "sha256"))
    for token in (signed + ".", f"{signed}.{mac}"):
        assert failed_check(await present(pair, token)) in ("alg", "format")


@pytest.mark.parametrize("header", [{}, {"kid": ""}, {"kid": "unknown"}, {"kid": 7}, {"kid": ["x"]}])
async def test_the_key_must_be_named_and_published(pair: "Pair", header: dict[str, Any]) -> None:
    _, claims, signature = pair.reference.authkit.keys.sign(good_claims(pair)).split(".")
    token = ".".join([encoded({"alg": "RS256"} | header), claims, signature])
    assert failed_check(await present(pair, token)) in ("kid", "format")


async def test_a_critical_extension_nobody_knows_is_refused(pair: "Pair") -> None:
    _, claims, signature = pair.reference.authkit.keys.sign(good_claims(pair)).split(".")
    header = {"alg": "RS256", "kid": own_key(pair)["kid"], "crit": ["exp"]}
    assert failed_check(await present(pair, ".".join([encoded(header), claims, signature]))) == "format"


async def test_a_key_that_comes_with_the_token_is_not_used(pair: "Pair") -> None:
    own = SigningKeys()
    _, claims, _ = own.sign(good_claims(pair)).split(".")
    header = {"alg": "RS256", "kid": own_key(pair)["kid"], "jwk": own.jwk_set()["keys"][0]}
    signature = own.sign({}).split(".")[2]
    assert failed_check(await present(pair, ".".join([encoded(header), claims, signature]))) == "signature"


JWE = ".".join(
    [encoded({"alg": "RSA-OAEP", "enc": "A256GCM", "kid": "k"}), *(encoded(b"x" * n) for n in (256, 12, 400, 16))]
)


@pytest.mark.parametrize(
    "token",
    ["garbage", "a.b.c", "a.b.c.d.e", "." * 5000, "W1tb" * 3000 + ".e30.e30", JWE, "e30.e30.", "bnVsbA.bnVsbA.bnVsbA"],
)
async def test_garbage_is_refused(pair: "Pair", token: str) -> None:
    assert failed_check(await present(pair, token)) in ("format", "alg")


@pytest.mark.parametrize("size", [16_000, 60_000])
async def test_an_oversized_token_is_refused(pair: "Pair", size: int) -> None:
    token = pair.reference.authkit.keys.sign(good_claims(pair) | {"padding": "x" * size})
    assert failed_check(await present(pair, token)) == "format"


async def test_a_large_token_is_fine(pair: "Pair") -> None:
    token = pair.reference.authkit.keys.sign(good_claims(pair) | {"permissions": ["posts:read"] * 300})
    assert (await present(pair, token)).status_code == 406


async def test_a_token_of_another_environment_is_refused(pair: "Pair", start: "StartPair") -> None:
    async with start(DEMO) as other:
        tokens = await other.tokens(resource=other.reference.mcp_url)
        assert failed_check(await present(pair, tokens["access_token"])) == "kid"


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


@pytest.mark.parametrize(
    ("fault", "claims", "status"),
    [
        ("expired-accepted", {"exp": 1}, 406),
        ("expired-accepted", {"exp": None}, 401),
        ("expired-accepted", {"aud": "https://other.example"}, 401),
        ("any-audience-accepted", {"aud": "https://other.example"}, 406),
        ("any-audience-accepted", {"exp": 1}, 401),
        ("other-audience-expected", {}, 401),
        ("forbidden-when-expired", {"exp": 1}, 403),
        ("forbidden-when-expired", {"aud": None}, 401),
    ],
)
async def test_each_fault_takes_away_one_check_only(
    start: "StartPair", fault: str, claims: dict[str, Any], status: int
) -> None:
    async with start(with_faults(DEMO, [fault])) as pair:
        changed = {name: value for name, value in (good_claims(pair) | claims).items() if value is not None}
        answer = await present(pair, pair.reference.authkit.keys.sign(changed))
    assert answer.status_code == status


async def test_a_server_that_never_asks_again_misses_a_rotation(start: "StartPair") -> None:
    async with start(with_faults(DEMO, ["keys-never-refetched"])) as pair:
        keys = pair.reference.authkit.keys
        assert (await present(pair, keys.sign(good_claims(pair)))).status_code == 406
        keys.rotate()
        assert failed_check(await present(pair, keys.sign(good_claims(pair)))) == "kid"
