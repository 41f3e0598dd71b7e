"""Tokens decoded without trust, and verified against captured keys."""

import base64
import json
from collections.abc import Mapping

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from inspector.protocol import jwt
from inspector.protocol.jwt import Jwt, Signature

RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
CLAIMS = {"iss": "https://as.example", "aud": "http://localhost:3001/mcp", "exp": 1795181914}


def segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def public(kid: str | None = "k1", key: rsa.RSAPrivateKey = RSA_KEY, **more: object) -> dict[str, object]:
    named = {"kid": kid} if kid else {}
    return {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), **named, **more}


def signed(kid: str | None = "k1", algorithm: str = "RS256") -> str:
    return pyjwt.encode(CLAIMS, RSA_KEY, algorithm, headers={"kid": kid} if kid else None)


def test_decode_reads_header_and_claims() -> None:
    token = jwt.decode(signed())
    assert token is not None
    assert token.header["alg"] == "RS256"
    assert token.claims == CLAIMS
    assert (token.text("iss"), token.text("exp"), token.number("exp")) == ("https://as.example", None, 1795181914.0)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "opaque",
        "a.b",
        "..",
        "a.b.c",
        "a.b.c.d.e",
        f"{segment({'alg': 'RSA-OAEP', 'enc': 'A256GCM'})}.key.iv.text.tag",
        f"{segment({'alg': 'none'})}.!!!.x",
        f"{segment({'alg': 'RS256'})[:-2]}$.{segment({})}.x",
        f"{segment({'alg': 'RS256'})}.{segment({})} .x",
        f"{segment({'alg': 'RS256'})}.{segment([1])}.x",
        f"{segment({'alg': 'RS256'})}.{segment('text')}.x",
        f"{segment({'typ': 'JWT'})}.{segment({})}.x",
        f"{segment('alg')}.{segment({})}.x",
        f"{segment({'alg': 'RS256'})}.{base64.b64encode(b'[' * 99_999).decode()}.x",
        f"{segment({'alg': 'RS256'})}.{base64.b64encode(bytes([255, 254])).decode()}.x",
        "\ud800.\ud800.\ud800",
        "ä.ö.ü",
    ],
)
def test_what_is_no_readable_token_decodes_to_none(token: str) -> None:
    assert jwt.decode(token) is None
    assert jwt.verify(token, [public()]) is Signature.NOT_CHECKED


@pytest.mark.parametrize(
    ("aud", "audiences"),
    [
        ("a", ("a",)),
        ("", ("",)),
        (["a", "b"], ("a", "b")),
        (["a", 5, None, ["b"]], ("a",)),
        ([], ()),
        (5, None),
        ({"a": "b"}, None),
        (None, None),
        (True, None),
    ],
)
def test_audiences(aud: object, audiences: tuple[str, ...] | None) -> None:
    assert Jwt({}, {"aud": aud}).audiences == audiences


def test_no_audience() -> None:
    assert Jwt({}, {}).audiences is None


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (5, 5.0),
        (1.5, 1.5),
        ("5", None),
        (True, None),
        (None, None),
        pytest.param(10**400, None, id="too-long"),
        (float("inf"), None),
    ],
)
def test_numeric_dates(value: object, number: float | None) -> None:
    assert Jwt({}, {"exp": value}).number("exp") == number


def test_a_good_signature_of_either_kind() -> None:
    ec_public = {**ECAlgorithm.to_jwk(EC_KEY.public_key(), as_dict=True), "kid": "k2"}
    es256 = pyjwt.encode(CLAIMS, EC_KEY, "ES256", headers={"kid": "k2"})
    keys = [public(), ec_public]
    assert jwt.verify(signed(), keys) is Signature.VALID
    assert jwt.verify(es256, keys) is Signature.VALID
    assert jwt.verify(signed(algorithm="PS256"), keys) is Signature.VALID


def test_a_wrong_key_and_a_changed_token() -> None:
    other = rsa.generate_private_key(65537, 2048)
    assert jwt.verify(signed(), [public(key=other)]) is Signature.INVALID
    header, _, signature = signed().split(".")
    assert jwt.verify(f"{header}.{segment({'aud': 'x'})}.{signature}", [public()]) is Signature.INVALID
    assert jwt.verify(f"{signed()}A", [public()]) is Signature.INVALID


def test_keys_are_chosen_by_kid() -> None:
    other = rsa.generate_private_key(65537, 2048)
    assert jwt.verify(signed(), [public("k0", other), public("k1")]) is Signature.VALID
    assert jwt.verify(signed(), [public("k2")]) is Signature.UNKNOWN_KEY
    assert jwt.verify(signed(None), [public("k0", other), public("k2")]) is Signature.VALID
    assert jwt.verify(signed(), []) is Signature.NOT_CHECKED


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", None, 5])
def test_an_unsigned_token_is_never_valid(algorithm: object) -> None:
    token = f"{segment({'alg': algorithm})}.{segment(CLAIMS)}."
    assert jwt.verify(token, [public()]) is Signature.NONE


def test_a_shared_secret_is_never_taken_from_a_key_set() -> None:
    secret = b"a secret of more than thirty-two bytes"
    token = pyjwt.encode(CLAIMS, secret, "HS256", headers={"kid": "k1"})
    jwk: dict[str, object] = {"kty": "oct", "k": base64.urlsafe_b64encode(secret).decode(), "kid": "k1"}
    assert jwt.verify(token, [jwk]) is Signature.NOT_CHECKED
    lower = f"{segment({'alg': 'hs256', 'kid': 'k1'})}.{segment(CLAIMS)}.AAAA"
    assert jwt.verify(lower, [jwk]) is Signature.UNKNOWN_KEY
    # Nor is the text of a public key taken for the secret (the confusion of HS256 with RS256).
    confused = f"{segment({'alg': 'RS256', 'kid': 'k1'})}.{token.partition('.')[2]}"
    assert jwt.verify(confused, [jwk]) is Signature.UNKNOWN_KEY


GARBAGE: list[Mapping[str, object]] = [
    {},
    {"kid": "k1"},
    {"kid": "k1", "kty": "RSA"},
    {"kid": "k1", "kty": "RSA", "n": 5, "e": []},
    {"kid": "k1", "kty": "RSA", "n": "!!", "e": "AQAB"},
    {"kid": "k1", "kty": "RSA", "n": "", "e": ""},
    {"kid": "k1", "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
    {"kid": "k1", "kty": "EC", "crv": {"a": 1}, "x": None, "y": None},
    {"kid": "k1", "kty": "OKP", "crv": "Ed25519", "x": "\ud800"},
    {"kid": "k1", "kty": {"a": []}},
    {"kid": ["k1"], "kty": "RSA"},
    {"kid": "k1", "kty": "RSA", "n": "A" * 50_000, "e": "AQAB", "d": 1, "p": {}, "oth": [1]},
]


def test_garbage_in_a_key_set_is_passed_over() -> None:
    assert jwt.verify(signed(), [*GARBAGE, public()]) is Signature.VALID
    for entry in GARBAGE[:-1]:
        assert jwt.verify(signed(), [entry]) is Signature.UNKNOWN_KEY
        assert jwt.verify(signed(None), [entry]) in (Signature.UNKNOWN_KEY, Signature.INVALID)


@pytest.mark.parametrize("problem", [ValueError, TypeError, UnicodeEncodeError("utf-8", "", 0, 0, "")])
def test_whatever_the_library_says_of_a_key(
    problem: Exception | type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def from_dict(*_: object, **__: object) -> object:
        raise problem

    monkeypatch.setattr(pyjwt.PyJWK, "from_dict", from_dict)
    assert jwt.verify(signed(), [public()]) is Signature.UNKNOWN_KEY


def test_a_signature_that_is_none() -> None:
    message = signed().rpartition(".")[0]
    for signature in ("", "!!!", "A", "\u00e4"):
        assert jwt.verify(f"{message}.{signature}", [public()]) is Signature.INVALID


def test_an_algorithm_the_key_cannot_have_is_not_called_a_bad_signature() -> None:
    token = f"{segment({'alg': 'XX999', 'kid': 'k1'})}.{segment(CLAIMS)}.AAAA"
    assert jwt.verify(token, [public()]) is Signature.UNKNOWN_KEY
    assert jwt.verify(f"{segment({'alg': 'RS256', 'kid': {}})}.{segment({})}.AA", [public()]) is Signature.UNKNOWN_KEY


def test_a_short_key_is_checked_without_a_warning_on_the_terminal() -> None:
    short = rsa.generate_private_key(65537, 1024)
    message = f"{segment({'alg': 'RS256', 'kid': 'k1'})}.{segment(CLAIMS)}"
    signature = RSAAlgorithm(RSAAlgorithm.SHA256).sign(message.encode(), short)
    token = f"{message}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    assert jwt.verify(token, [public(key=short)]) is Signature.VALID


def test_a_key_set_without_end_is_not_tried_to_the_end() -> None:
    other = public(key=rsa.generate_private_key(65537, 2048))
    assert jwt.verify(signed(), [*[other] * 200, public()]) is Signature.INVALID


def test_fingerprint() -> None:
    assert jwt.fingerprint("abc") == "ba7816bf8f01cfea"
    assert jwt.fingerprint("\ud800") != jwt.fingerprint("\ud801")
