"""No input gives a server error, or a token or a client that it should not: generated requests, in process."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import httpx
import jwt
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inspector.reference.authkit.app import authkit_app
from inspector.reference.authkit.emulator import AuthKit
from inspector.reference.authkit.redirects import problem_with
from inspector.reference.authkit.signing import SigningKeys
from inspector.reference.settings import DEMO

ISSUER = "http://localhost:3002"
RESOURCE = "http://localhost:3001/mcp"
CALLBACK = "http://127.0.0.1:33418/callback"
# The pair of RFC 7636 appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
KEYS = SigningKeys()
FORM = "application/x-www-form-urlencoded"

bounded = settings(max_examples=100, derandomize=True, deadline=None)


@dataclass
class Emulator:
    """A fresh environment without a socket."""

    authkit: AuthKit
    http: httpx.AsyncClient

    async def register(self, method: str) -> dict[str, Any]:
        body = {"redirect_uris": [CALLBACK], "token_endpoint_auth_method": method}
        answer = await self.http.post("/oauth2/register", json=body)
        registered: dict[str, Any] = answer.json()
        return registered

    async def code(self, client_id: str) -> str:
        query = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": CALLBACK,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "scope": "openid offline_access",
            "resource": RESOURCE,
        }
        answer = await self.http.get("/oauth2/authorize?" + urlencode(query))
        return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]

    async def token(self, pairs: list[tuple[str, str]], **headers: str) -> httpx.Response:
        # A lone surrogate cannot be sent as UTF-8; some other bytes are sent in its place.
        content = urlencode(pairs, errors="surrogatepass").encode()
        return await self.http.post("/oauth2/token", content=content, headers={"Content-Type": FORM} | headers)


def play(story: Callable[[Emulator], Awaitable[None]]) -> None:
    """Tell a story in an environment of its own."""

    async def told() -> None:
        chosen = replace(DEMO, cimd_on_loopback=False).for_server(RESOURCE)
        authkit = AuthKit(ISSUER, chosen, keys=KEYS)
        transport = httpx.ASGITransport(authkit_app(authkit))  # raises what the application raises
        async with httpx.AsyncClient(transport=transport, base_url=ISSUER) as http:
            await story(Emulator(authkit, http))

    asyncio.run(told())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=4,
)
redirect_uris = st.one_of(
    st.sampled_from(
        [
            CALLBACK,
            "https://app.example/callback",
            "warp://mcp/oauth2callback",
            "http://app.example/callback",
            "http://127.0.0.1.evil.example/callback",
            "http://localhost@evil.example/callback",
            "javascript:alert(1)",
            "https://app.example/#fragment",
            "//app.example",
            "http://[::1]/callback",
            "http://[::1",
        ]
    ),
    st.text(max_size=30),
    json_values,
)
registrations = st.fixed_dictionaries(
    {},
    optional={
        "redirect_uris": st.lists(redirect_uris, max_size=3) | json_values,
        "token_endpoint_auth_method": st.sampled_from(["none", "client_secret_basic", "client_secret_post", "x"])
        | json_values,
        "client_name": st.text(max_size=20) | json_values,
        "scope": st.text(max_size=20) | json_values,
        "grant_types": json_values,
        "": json_values,
    },
)


@bounded
@given(st.one_of(registrations, json_values).map(json.dumps).map(str.encode) | st.binary(max_size=200))
@example(b'{"redirect_uris": ["app:/callback"], "client_name": "\\ud800"}')
@example(b"[" * 50_000)
@example(b'{"redirect_uris": ["app:/callback"], "scope": 1e999}')
def test_a_registration_is_refused_or_makes_a_client_that_may_exist(body: bytes) -> None:
    async def story(emulator: Emulator) -> None:
        answer = await emulator.http.post("/oauth2/register", content=body)
        assert answer.status_code in (201, 400)
        clients = emulator.authkit.store.clients
        if answer.status_code == 400:
            assert answer.json()["error"] in ("invalid_client_metadata", "invalid_redirect_uri")
            assert clients == {}
            return
        (client,) = clients.values()
        assert answer.json()["client_id"] == client.client_id
        assert client.redirect_uris
        assert all(problem_with(uri) is None for uri in client.redirect_uris)
        assert ("client_secret" in answer.json()) == (client.auth_method != "none")
        assert (client.secret is None) == (client.auth_method == "none")

    play(story)


RIGHT, WRONG, ABSENT, TWICE, ODD = "right", "wrong", "absent", "twice", "odd"
PARAMETERS = ("grant_type", "client_id", "client_secret", "code", "redirect_uri", "code_verifier", "resource")
odd_texts = st.text(max_size=20) | st.sampled_from(["\ud800", "\x00", "%", "&=", "a" * 5000])


def sent(name: str, choice: str, right: str, odd: str) -> list[tuple[str, str]]:
    """A parameter as it is chosen to be sent."""
    match choice:
        case "right":
            return [(name, right)]
        case "wrong":
            return [(name, right[:-1] + ("x" if right[-1] != "x" else "y"))]
        case "absent":
            return []
        case "twice":
            return [(name, right), (name, right)]
        case _:
            return [(name, odd)]


CHANGES = [(name, choice) for name in PARAMETERS for choice in (WRONG, ABSENT, TWICE, ODD)]
METHODS = st.sampled_from(["none", "client_secret_basic", "client_secret_post"])


def mostly[T](usual: T, rare: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    """The usual value in nine of ten cases, so that most requests have little wrong with them."""
    return st.integers(0, 9).flatmap(lambda drawn: rare if drawn == 9 else st.just(usual))


@settings(bounded, max_examples=200)
@given(
    method=METHODS,
    shown=mostly(None, METHODS),
    grant=st.sampled_from(["authorization_code", "refresh_token"]),
    own=mostly(True, st.just(False)),
    spent=mostly(False, st.just(True)),
    changes=st.lists(st.sampled_from(CHANGES), max_size=2).map(dict),
    odd=odd_texts,
)
@example(method="none", shown=None, grant="authorization_code", own=True, spent=False, changes={}, odd="")
def test_a_token_needs_everything_to_be_right(
    method: str, shown: str | None, grant: str, own: bool, spent: bool, changes: dict[str, str], odd: str
) -> None:
    fields = dict.fromkeys(PARAMETERS, RIGHT) | changes
    resource, shown = fields["resource"], shown or method

    async def story(emulator: Emulator) -> None:
        client, other = await emulator.register(method), await emulator.register(method)
        owner = client if own else other
        value = await emulator.code(owner["client_id"])
        name = "code"
        if grant == "refresh_token" or spent:
            first = await redeemed(emulator, owner, method, value)
            if grant == "refresh_token":
                name, value = "refresh_token", first["refresh_token"]
        pairs = sent("grant_type", fields["grant_type"], grant, odd) + sent(name, fields["code"], value, odd)
        if grant == "authorization_code":
            pairs += sent("redirect_uri", fields["redirect_uri"], CALLBACK, odd)
            pairs += sent("code_verifier", fields["code_verifier"], VERIFIER, odd)
        pairs += sent("resource", resource, RESOURCE, odd)
        credentials, headers = shown_credentials(client, shown, fields, odd)
        answer = await emulator.token(pairs + credentials, **headers)

        assert answer.status_code in (200, 400, 401)
        needed = ["grant_type", "client_id", "code"]
        needed += ["client_secret"] if method != "none" else []
        needed += ["redirect_uri", "code_verifier"] if grant == "authorization_code" else []
        everything_is_right = (
            all(fields[field] == RIGHT for field in needed)
            and shown == method
            and own
            and (resource in (RIGHT, ABSENT) or (resource == ODD and odd == ""))
            and not (spent and grant == "authorization_code")
        )
        assert (answer.status_code == 200) == everything_is_right, answer.text
        assert answer.headers["cache-control"] == "no-store"
        if everything_is_right:
            claims = jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
            assert (claims["aud"], claims["client_id"]) == (RESOURCE, client["client_id"])
        else:
            assert "access_token" not in answer.text

    play(story)


async def redeemed(emulator: Emulator, client: dict[str, Any], method: str, code: str) -> dict[str, Any]:
    """The token response for a code, asked for as it should be."""
    right = dict.fromkeys(("client_id", "client_secret"), RIGHT)
    credentials, headers = shown_credentials(client, method, right, "")
    pairs = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK)]
    answer = await emulator.token([*pairs, ("code_verifier", VERIFIER), *credentials], **headers)
    tokens: dict[str, Any] = answer.json()
    return tokens


def shown_credentials(
    client: dict[str, Any], shown: str, fields: dict[str, str], odd: str
) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Client id and secret in the form, or in the header, as they are chosen to be sent."""
    client_id = sent("client_id", fields["client_id"], client["client_id"], odd)
    secret = sent("client_secret", fields["client_secret"], client.get("client_secret", "no secret"), odd)
    if shown == "none":
        return client_id, {}
    if shown == "client_secret_post":
        return client_id + secret, {}
    parts = [
        ":".join(quote(value, safe="", errors="surrogatepass") for _, value in values) for values in (client_id, secret)
    ]
    return [], {"Authorization": "Basic " + b64encode(":".join(parts).encode()).decode()}


headers = st.dictionaries(
    st.sampled_from(["Authorization", "Content-Type", "Origin", "Accept", "Host"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30)
    | st.sampled_from(
        ["Basic Og==", "Basic /w==", "Basic Y2xpZW50OnNlY3JldA==", "Bearer x", FORM, FORM + "; charset=x"]
    ),
    max_size=3,
)


@bounded
@given(
    path=st.sampled_from(["/oauth2/token", "/oauth2/introspection", "/oauth2/revoke", "/oauth2/consent"]),
    body=st.binary(max_size=300)
    | st.lists(st.tuples(st.sampled_from(["grant_type", "client_id", "code", "token", "sign_in", "x"]), odd_texts)).map(
        lambda pairs: urlencode(pairs, errors="surrogatepass").encode()
    ),
    headers=headers,
)
@example(path="/oauth2/token", body=b"grant_type=%FF&client_id=%ED%A0%80", headers={})
@example(path="/oauth2/token", body=b"a&" * 500, headers={})
@example(path="/oauth2/token", body=b"client_id=https://localhost/x&grant_type=x", headers={})
@example(path="/oauth2/token", body=b"client_id=https://[::1/x&grant_type=x", headers={})
def test_nonsense_is_a_client_error(path: str, body: bytes, headers: dict[str, str]) -> None:
    async def story(emulator: Emulator) -> None:
        raw = [(name.encode(), value.encode("latin-1")) for name, value in ({"Content-Type": FORM} | headers).items()]
        answer = await emulator.http.post(path, content=body, headers=raw)
        assert 400 <= answer.status_code < 500
        assert "access_token" not in answer.text

    play(story)


@bounded
@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: raw.decode("latin-1")))
@example("client_id=http://localhost:1/client&redirect_uri=x")
@example("client_id=%ED%A0%80")
def test_nonsense_at_the_authorization_endpoint_ends_on_a_page(query: str) -> None:
    async def story(emulator: Emulator) -> None:
        url = "/oauth2/authorize?" + quote(query, safe="=&%+:/", errors="surrogatepass")
        answer = await emulator.http.get(url)
        assert answer.status_code == 302
        assert answer.headers["location"].startswith("/oauth2/error?error=")
        assert (await emulator.http.get(answer.headers["location"])).status_code == 200

    play(story)
