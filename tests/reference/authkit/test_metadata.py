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
        "code_challenge_methods_supported": ["S256"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "response_modes_supported": ["query"],
        "response_types_supported": ["code"],
        "scopes_supported": ["email", "offline_access", "openid", "profile"],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_post", "client_secret_basic"],
    }


async def test_switches_decide_what_is_advertised(start: "StartPair") -> None:
    async with start(replace(DEMO, dcr=False, cimd=True)) as pair:
        document = (await pair.http.get(pair.at_authkit("/.well-known/oauth-authorization-server"))).json()
    assert "registration_endpoint" not in document
    assert document["client_id_metadata_document_supported"] is True


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


async def test_a_preflight_is_always_allowed_but_a_token_answer_names_no_origin(pair: "Pair") -> None:
    origin = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    preflight = await pair.http.options(pair.at_authkit("/oauth2/token"), headers=origin)
    answer = await pair.http.post(pair.at_authkit("/oauth2/token"), headers=origin)
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in answer.headers
