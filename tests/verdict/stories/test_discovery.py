"""Who is blamed, cleared and advised when the client reads where to sign in, and stops."""

from typing import Any

import pytest

from inspector.rules.model import Confidence, Party
from tests.rules.good import ENDPOINT, ISSUER
from tests.verdict.stories.telling import blamed, cleared, remedy, verdict

SERVER = "http://localhost:3001"


def names_itself(**more: Any) -> dict[str, Any]:
    """The metadata of the resource names the MCP server, which serves a copy of the other one's metadata."""
    values = {
        "prm.json.authorization_servers": [SERVER],
        "as.url": f"{SERVER}/.well-known/oauth-authorization-server",
    }
    return {"until": "as", "set": values, **more}


def test_server_that_names_itself_and_shows_the_metadata_of_another() -> None:
    found = verdict(names_itself())
    assert blamed(found) == (Party.MCP_SERVER, Confidence.LIKELY, "legacy-as-metadata-proxy")
    assert f'"authorization_servers": ["{ISSUER}"]' in remedy(found, Party.MCP_SERVER)


def test_the_copy_alone_is_no_fault() -> None:
    # The same copy beside metadata that names the right server is an aid for clients of MCP 2025-03-26.
    found = verdict({"until": "as", "set": {"as.url": f"{SERVER}/.well-known/oauth-authorization-server"}})
    assert found.party is Party.UNKNOWN


def test_a_client_that_goes_on_is_not_stopped_by_it() -> None:
    assert verdict(names_itself(until="register")).party is Party.UNKNOWN


def test_server_that_names_itself_and_has_no_metadata() -> None:
    # Nobody else can publish what is missing there: the other authorization server was never named.
    values = {
        "prm.json.authorization_servers": [SERVER],
        "as.url": f"{SERVER}/.well-known/oauth-authorization-server",
        "as.status": 404,
        "openid.url": f"{SERVER}/.well-known/openid-configuration",
        "openid.status": 404,
    }
    found = verdict({"until": "openid", "copy": [{"step": "as", "name": "openid", "after": "as"}], "set": values})
    assert (found.party, found.cause) == (Party.MCP_SERVER, "as-metadata-not-found")


def test_issuer_with_a_slash_that_the_list_does_not_have() -> None:
    found = verdict({"until": "as", "set": {"as.json.issuer": f"{ISSUER}/"}})
    assert blamed(found) == (Party.CONFIGURATION, Confidence.LIKELY, "as-metadata-issuer-mismatch")
    assert f'"issuer": "{ISSUER}"' in remedy(found, Party.AUTHORIZATION_SERVER)
    assert f'"{ISSUER}/"' in remedy(found, Party.MCP_SERVER)


def test_issuer_of_a_vendor_that_always_has_the_slash() -> None:
    tenant = "https://tenant.eu.auth0.com"
    found = verdict({"until": "as", "issuer": tenant, "set": {"as.json.issuer": f"{tenant}/"}})
    assert blamed(found) == (Party.MCP_SERVER, Confidence.LIKELY, "as-metadata-issuer-mismatch")
    assert remedy(found, Party.AUTHORIZATION_SERVER) == ""


def test_slash_does_not_matter_to_a_client_that_goes_on() -> None:
    assert verdict(
        {"until": "list", "set": {"as.json.issuer": f"{ISSUER}/", "token.claim.iss": f"{ISSUER}/"}}
    ).party is (Party.NONE)


def test_no_way_to_register() -> None:
    found = verdict({"until": "as", "drop": ["as.json.registration_endpoint"]})
    assert blamed(found) == (Party.CONFIGURATION, Confidence.LIKELY, "as-registration-unavailable")
    assert "Connect, Configuration" in remedy(found, Party.CONFIGURATION)
    assert "Client ID Metadata Document" in remedy(found, Party.CONFIGURATION)


@pytest.mark.parametrize("until", ["authorize", "token"])
def test_client_with_an_id_of_its_own_needs_no_registration(until: str) -> None:
    found = verdict({"until": until, "drop_step": ["register"], "drop": ["as.json.registration_endpoint"]})
    assert found.cause != "as-registration-unavailable"


def test_challenge_that_names_no_metadata_where_it_must() -> None:
    changes: dict[str, Any] = {"until": "challenge", "set": {"challenge.header.www-authenticate": "Bearer"}}
    found = verdict({**changes, "pinned": "2025-06-18"})
    assert blamed(found) == (Party.MCP_SERVER, Confidence.LIKELY, "challenge-resource-metadata-missing")
    # From 2025-11-25 on the client has well-known URLs to try, and has not tried them.
    assert verdict({**changes, "pinned": "2025-11-25"}).party is Party.UNKNOWN


def test_endpoint_that_redirects_a_client_that_does_not_follow() -> None:
    moved = {"challenge.status": 307, "challenge.header": {"location": f"{ENDPOINT}/"}}
    found = verdict({"until": "challenge", "set": moved})
    assert blamed(found) == (Party.CONFIGURATION, Confidence.LIKELY, "mcp-endpoint-redirect")
    assert f"{ENDPOINT}/" in remedy(found, Party.CONFIGURATION)


@pytest.mark.parametrize("status", [404, 405, 500])
def test_server_that_fails_is_not_called_open(status: int) -> None:
    found = verdict({"until": "challenge", "drop": ["challenge.header"], "set": {"challenge.status": status}})
    assert found.party is Party.UNKNOWN
    assert str(status) in found.summary
    assert cleared(found) == set()
