"""Who is blamed, cleared and advised when there is no token."""

from typing import Any

import pytest

from inspector.rules.model import Confidence, Party
from tests.rules.changes import outcome
from tests.rules.good import ISSUER, VERIFIER
from tests.verdict.stories.telling import (
    blamed,
    cleared,
    remedy,
    told,
    verdict,
)


def test_wrong_verifier_that_is_refused() -> None:
    error = {"token.status": 400, "token.json": {"error": "invalid_grant"}}
    seen = outcome({"until": "token", "set": {"token.form.code_verifier": "a" * 43, **error}})
    found = seen.judged.verdict
    assert blamed(found) == (Party.CLIENT, Confidence.CERTAIN, "code-verifier-mismatch")
    assert cleared(found) == {Party.AUTHORIZATION_SERVER}
    assert "code_verifier" in remedy(found, Party.CLIENT)
    assert [step for step, _ in told(seen)] == ["token"]


def test_challenge_left_out_and_refused() -> None:
    error = {"authorize.location": {"error": "invalid_request", "state": "state-1"}}
    found = verdict({"until": "authorize", "drop": ["authorize.query.code_challenge"], "set": error})
    assert blamed(found) == (Party.CLIENT, Confidence.CERTAIN, "pkce-missing")


def test_user_who_declines_is_not_blamed_on_a_missing_challenge() -> None:
    error = {"authorize.location": {"error": "access_denied", "state": "state-1"}}
    found = verdict({"until": "authorize", "drop": ["authorize.query.code_challenge"], "set": error})
    assert "rightly refuses" not in found.summary


PROMISED = {"as.json.authorization_response_iss_parameter_supported": True}


def test_issuer_that_was_promised_and_is_not_sent() -> None:
    found = verdict({"until": "authorize", "set": PROMISED})
    assert blamed(found) == (
        Party.AUTHORIZATION_SERVER,
        Confidence.LIKELY,
        "as-metadata-iss-support-inconsistent",
    )
    assert cleared(found) == {Party.CLIENT}
    assert "authorization_response_iss_parameter_supported" in remedy(found, Party.AUTHORIZATION_SERVER)


def test_response_that_was_not_captured_breaks_no_promise() -> None:
    assert verdict({"until": "authorize", "set": PROMISED, "drop": ["authorize.location"]}).party is Party.UNKNOWN


@pytest.mark.parametrize(
    ("response", "sent"),
    [({"authorize.location.iss": "https://other.example"}, "iss=https://other.example"), (PROMISED, "no iss")],
)
def test_client_that_does_not_look_at_the_issuer_is_the_hole(response: dict[str, Any], sent: str) -> None:
    # Both are at fault. That the code is redeemed all the same is what an attacker needs.
    found = verdict({"until": "list", "set": response})
    assert blamed(found) == (Party.CLIENT, Confidence.LIKELY, "client-redeems-after-iss-failure")
    pinned = verdict({"until": "list", "set": response, "pinned": "2026-07-28"})  # which says MUST NOT itself
    assert blamed(pinned) == (Party.CLIENT, Confidence.CERTAIN, "client-redeems-after-iss-failure")
    assert sent in found.summary
    assert "authorization server is at fault as well" in found.summary
    assert "byte for byte" in remedy(found, Party.CLIENT)
    assert f"iss={ISSUER}" in remedy(found, Party.AUTHORIZATION_SERVER)


def test_client_that_discards_the_response_of_another_issuer_is_not_blamed() -> None:
    found = verdict({"until": "authorize", "set": {"authorize.location.iss": "https://other.example"}})
    assert (found.party, found.cause) == (Party.AUTHORIZATION_SERVER, "iss-mismatch")


def test_what_the_client_got_past_does_not_hide_that_it_stopped_at_the_response() -> None:
    at_the_root = {"prm.url": "http://localhost:3001/.well-known/oauth-protected-resource"}
    found = verdict({"until": "authorize", "set": {**PROMISED, **at_the_root}})
    assert found.cause == "as-metadata-iss-support-inconsistent"


def test_token_request_that_is_json() -> None:
    sent = {"grant_type": "authorization_code", "code": "code-1", "code_verifier": VERIFIER}
    refused = {"token.status": 400, "token.json": {"error": "invalid_request"}, "token.sent": sent}
    found = verdict({"until": "token", "drop": ["token.form"], "set": refused})
    assert blamed(found) == (Party.CLIENT, Confidence.LIKELY, None)
    assert "x-www-form-urlencoded" in remedy(found, Party.CLIENT)
