from dataclasses import replace
from typing import TYPE_CHECKING

from inspector.reference.settings import DEMO

if TYPE_CHECKING:
    from tests.reference.conftest import Pair, StartPair


async def test_the_authorization_server_metadata_has_the_keys_of_authkit(pair: "Pair") -> None:
    issuer = pair.reference.issuer
    document = (await pair.http.get(pair.at_authkit("/.well-known/oauth-authorization-server"))).json()
    assert document == {
        "issuer": issuer,
        "authorization_endpoint": issuer + "/oauth2/authorize",
        "token_endpoint": issuer + "/oauth2/token",
        "registration_endpoint": issuer + "/oauth2/register",
        "device_authorization_endpoint": issuer + "/oauth2/device_authorization",
        "introspection_endpoint": issuer + "/oauth2/introspection",
        "jwks_uri": issuer + "/oauth2/jwks",
        "client_id_metadata_document_supported": True,
        "code_challenge_methods_supported": ["S256"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "response_modes_supported": ["query"],
        "response_types_supported": ["code"],
        "scopes_supported": ["email", "offline_access", "openid", "profile"],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_post", "client_secret_basic"],
    }


async def test_switches_decide_what_is_advertised(start: "StartPair") -> None:
    async with start(replace(DEMO, dcr=False, cimd=False)) as pair:
        document = (await pair.http.get(pair.at_authkit("/.well-known/oauth-authorization-server"))).json()
    assert not document.keys() & {"registration_endpoint", "client_id_metadata_document_supported"}


async def test_openid_configuration_lacks_pkce_and_registration(pair: "Pair") -> None:
    document = (await pair.http.get(pair.at_authkit("/.well-known/openid-configuration"))).json()
    assert document["issuer"] == pair.reference.issuer
    assert document["userinfo_endpoint"] == pair.at_authkit("/oauth2/userinfo")
    assert not document.keys() & {
        "code_challenge_methods_supported",
        "registration_endpoint",
        "client_id_metadata_document_supported",
    }


async def test_the_key_set_publishes_every_key_and_no_private_part(pair: "Pair") -> None:
    pair.reference.authkit.keys.rotate()
    keys = (await pair.http.get(pair.at_authkit("/oauth2/jwks"))).json()["keys"]
    assert len({key["kid"] for key in keys}) == 2
    assert all(key["kty"] == "RSA" and key["alg"] == "RS256" and "d" not in key for key in keys)


async def test_a_key_that_was_rotated_out_stays_published_for_a_while(pair: "Pair") -> None:
    keys = pair.reference.authkit.keys
    before = (await pair.http.get(pair.at_authkit("/oauth2/jwks"))).json()["keys"]
    keys.rotate()
    overlapping = (await pair.http.get(pair.at_authkit("/oauth2/jwks"))).json()["keys"]
    keys.rotate(overlap=0)
    after = (await pair.http.get(pair.at_authkit("/oauth2/jwks"))).json()["keys"]
    assert overlapping[0] == before[0]
    assert len(overlapping) == 2
    assert len(after) == 1
    assert after[0]["kid"] not in {key["kid"] for key in overlapping}


async def test_a_preflight_is_always_allowed_but_a_token_answer_names_no_origin(pair: "Pair") -> None:
    origin = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    preflight = await pair.http.options(pair.at_authkit("/oauth2/token"), headers=origin)
    answer = await pair.http.post(pair.at_authkit("/oauth2/token"), headers=origin)
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in answer.headers


async def test_a_configured_web_origin_may_read_token_answers(start: "StartPair") -> None:
    async with start(replace(DEMO, web_origins=("https://app.example",))) as pair:
        mine, other = [
            await pair.http.post(pair.at_authkit("/oauth2/token"), headers={"Origin": origin})
            for origin in ("https://app.example", "https://other.example")
        ]
        metadata = await pair.http.get(pair.at_authkit("/oauth2/jwks"), headers={"Origin": "https://app.example"})
    assert mine.headers["access-control-allow-origin"] == "https://app.example"
    assert mine.headers["vary"] == "Origin"
    assert "access-control-allow-origin" not in other.headers
    assert metadata.headers.get_list("access-control-allow-origin") == ["*"]
