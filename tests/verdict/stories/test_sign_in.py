"""Who is blamed, cleared and advised when there is no token."""

from inspector.rules.model import Confidence, Party
from tests.rules.changes import outcome
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
