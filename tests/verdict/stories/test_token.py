"""Who is blamed, cleared and advised when a token for the right server does not get in."""

from typing import Any

import pytest

from inspector.rules.model import Confidence, Party
from tests.rules.changes import outcome
from tests.rules.good import ENDPOINT
from tests.verdict.stories.telling import REFUSED, blamed, cleared, remedy, told, verdict


def test_good_token_that_is_refused() -> None:
    seen = outcome(REFUSED)
    found = seen.judged.verdict
    assert blamed(found) == (Party.MCP_SERVER, Confidence.CERTAIN, "fresh-token-rejected")
    assert cleared(found) == {Party.CLIENT, Party.AUTHORIZATION_SERVER}
    assert "verifies" in found.summary
    assert ENDPOINT in remedy(found, Party.MCP_SERVER)
    assert "http://localhost:3002" in remedy(found, Party.MCP_SERVER)
    assert told(seen)[-1] == ("initialize", "The MCP server answers 401 to that token")


def test_good_token_whose_signature_cannot_be_checked() -> None:
    # A server with a wrong configuration and an authorization server with an unpublished key look the same from here.
    found = verdict({**REFUSED, "drop_step": ["keys"]})
    assert blamed(found) == (Party.UNKNOWN, Confidence.CERTAIN, "fresh-token-rejected")
    assert "could not be checked" in found.summary
    assert "--fetch-jwks" in remedy(found, Party.UNKNOWN)
    assert ENDPOINT in remedy(found, Party.MCP_SERVER)
    assert cleared(found) == {Party.CLIENT}


OTHER_KEYS = [{"kty": "RSA", "kid": "another", "n": "AQAB", "e": "AQAB"}]


def test_token_whose_key_is_not_in_the_set() -> None:
    found = verdict({**REFUSED, "set": {"keys.json.keys": OTHER_KEYS}})
    assert blamed(found) == (Party.AUTHORIZATION_SERVER, Confidence.LIKELY, "fresh-token-rejected")
    assert "no key with its kid" in found.summary
    assert "key-1" in remedy(found, Party.AUTHORIZATION_SERVER)
    assert cleared(found) == {Party.CLIENT, Party.MCP_SERVER}


@pytest.mark.parametrize("address", ["http://localhost:3002/elsewhere/jwks", "https://other.example/oauth2/jwks"])
def test_key_set_of_somebody_else_proves_nothing(address: str) -> None:
    found = verdict({**REFUSED, "set": {"keys.json.keys": OTHER_KEYS, "keys.url": address}})
    assert found.party is Party.UNKNOWN


@pytest.mark.parametrize(
    ("claims", "text"),
    [
        ({"token.claim.iat": -7200, "token.claim.exp": -3600}, "had expired when it was issued"),
        ({"token.claim.iat": 7200, "token.claim.exp": 10800}, "not valid yet"),
        ({"token.claim.nbf": 7200}, "not valid yet"),
    ],
)
def test_clock_of_the_authorization_server(claims: dict[str, int], text: str) -> None:
    found = verdict({**REFUSED, "set": claims})
    assert blamed(found) == (Party.AUTHORIZATION_SERVER, Confidence.CERTAIN, "fresh-token-rejected")
    assert text in found.summary
    assert cleared(found) == {Party.CLIENT, Party.MCP_SERVER}


def test_clock_of_the_server_shows_in_its_date_header() -> None:
    # The capture is made at 11:06:48; two hours later by the server's clock the token has long expired.
    found = verdict({**REFUSED, "set": {"initialize.header.date": "Wed, 18 Nov 2026 13:06:48 GMT"}})
    assert blamed(found) == (Party.MCP_SERVER, Confidence.LIKELY, "fresh-token-rejected")
    assert "clock of the MCP server" in found.summary


def test_two_clocks_that_are_off_decide_nothing() -> None:
    late = {"token.claim.iat": -7200, "token.claim.exp": -3600}
    found = verdict({**REFUSED, "set": {**late, "initialize.header.date": "Wed, 18 Nov 2026 13:06:48 GMT"}})
    assert found.party is Party.UNKNOWN


METADATA = 'resource_metadata="http://localhost:3001/.well-known/oauth-protected-resource/mcp"'


def wants(scope: str, status: int = 403) -> dict[str, Any]:
    """The call is refused for want of scope."""
    named = f', scope="{scope}"' if scope else ""
    challenge = f'Bearer error="insufficient_scope"{named}, {METADATA}'
    return {"call.status": status, "call.header.www-authenticate": challenge, "call.json": {}}


def test_more_scope_is_not_asked_for() -> None:
    # The capture goes on after the refusal, so that the client had its chance.
    copies = [{"step": "list", "name": "once more", "after": "call"}]
    found = verdict({"until": "once more", "copy": copies, "set": wants("admin"), "refuse": ["once more"]})
    assert found.cause != "step-up-not-attempted"
    found = verdict({"until": "call", "set": wants("admin")})
    assert blamed(found) == (Party.CLIENT, Confidence.GUESS, "step-up-not-attempted")
    assert "as far as this capture goes" in found.summary
    assert cleared(found) == {Party.MCP_SERVER}
    assert "scope admin" in remedy(found, Party.CLIENT)


def test_more_scope_is_not_asked_for_and_the_client_goes_on() -> None:
    metadata = [{"step": "prm", "name": "prm again", "after": "call"}]
    found = verdict({"until": "prm again", "copy": metadata, "set": wants("admin")})
    assert blamed(found) == (Party.CLIENT, Confidence.LIKELY, "step-up-not-attempted")


def test_scope_that_is_wanted_is_not_named() -> None:
    found = verdict({"until": "call", "set": wants("")})
    assert blamed(found) == (Party.MCP_SERVER, Confidence.LIKELY, "insufficient-scope-challenge-incomplete")


def test_scope_that_the_token_has_is_wanted() -> None:
    found = verdict({"until": "call", "set": wants("openid")})
    assert (found.party, found.confidence) == (Party.MCP_SERVER, Confidence.LIKELY)
    assert "which the token has" in found.summary


def test_scope_that_was_asked_for_is_not_granted() -> None:
    # AuthKit gives clients that register themselves the scopes of OpenID Connect and no others.
    found = verdict(
        {"until": "call", "set": {**wants("admin"), "authorize.query.scope": "openid offline_access admin"}}
    )
    assert blamed(found) == (Party.CONFIGURATION, Confidence.LIKELY, None)
    assert "did not grant it" in found.summary
    assert "dashboard" in remedy(found, Party.CONFIGURATION)


def test_more_scope_is_wanted_with_the_wrong_status() -> None:
    found = verdict({"until": "call", "set": wants("admin", 401)})
    assert (found.party, found.cause) == (Party.MCP_SERVER, "bearer-error-status-mismatch")
    assert "401 instead of 403" in found.summary


def test_a_step_up_that_succeeds_leaves_nothing_to_say() -> None:
    again = [
        {"step": "authorize", "name": "asked", "after": "call"},
        {"step": "token", "name": "redeemed", "after": "asked"},
    ]
    again.append({"step": "list", "name": "works", "after": "redeemed"})
    values = {
        "asked.query.scope": "openid offline_access admin",
        "asked.query.state": "state-2",
        "asked.location": {"code": "code-2", "state": "state-2"},
        "redeemed.form.code": "code-2",
        "redeemed.claim.jti": "2",
        "redeemed.json.refresh_token": "refresh-9",
        "works.bearer": "redeemed",
    }
    found = verdict({"until": "works", "copy": again, "set": {**wants("admin"), **values}})
    assert found.party is Party.NONE


def test_token_that_was_accepted_a_moment_ago_is_nobodys_fault() -> None:
    # The server's configuration fits, or it would not have answered tools/list with the same token.
    found = verdict({"until": "call", "refuse": ["call"]})
    assert blamed(found) == (Party.UNKNOWN, Confidence.CERTAIN, "fresh-token-rejected")
    assert "accepted it before" in found.summary
    assert "replicas" in remedy(found, Party.UNKNOWN)
