"""What holds for every story: later attempts, names of hosts, and what a verdict rests on."""

from typing import Any

import pytest

from inspector.rules.model import Confidence, Party
from tests.rules.changes import outcome
from tests.rules.good import CLIENT_ID, ENDPOINT
from tests.verdict.stories.telling import (
    BOTH_LEGS,
    ENVIRONMENT,
    INVALID_TARGET,
    REFUSED,
    WRONG_AUDIENCE,
    blamed,
    cleared,
    told,
    verdict,
)


def test_attempt_that_a_later_one_has_overcome() -> None:
    second = {"authorize": "asked", "token": "redeemed", "initialize": "hello"}
    steps = ["initialize", *second.values()]
    changes: dict[str, Any] = {
        "copy": [
            {"step": step, "name": name, "after": after}
            for (step, name), after in zip(second.items(), steps[:-1], strict=True)
        ],
        "refuse": ["initialize"],
        "drop": BOTH_LEGS,
        "set": {
            **WRONG_AUDIENCE,
            "asked.query.state": "state-2",
            "asked.location": {"code": "code-2", "state": "state-2"},
            "redeemed.form.code": "code-2",
            "redeemed.form.resource": ENDPOINT,
            "redeemed.claim.aud": ENDPOINT,
            "redeemed.json.refresh_token": "refresh-9",
            "hello.bearer": "redeemed",
        },
        "until": "hello",
    }
    found = verdict(changes)
    assert blamed(found) == (Party.CLIENT, Confidence.CERTAIN, "resource-missing-authorize")
    assert found.summary.startswith("Sign-in works, but: ")
    changes["refuse"] = ["initialize", "hello"]
    assert verdict(changes).cause == "fresh-token-rejected"


def test_second_token_request_for_the_same_code() -> None:
    changes = {
        "copy": [{"step": "token", "name": "first", "after": "authorize"}],
        "set": {"first.status": 400, "first.json": {"error": "invalid_target"}},
    }
    assert verdict(changes).summary.startswith("Sign-in works, but: ")


@pytest.mark.parametrize("host", ["https://x.authkit.app", "https://auth.example.com", "http://localhost:3002"])
@pytest.mark.parametrize("audience", [ENVIRONMENT, CLIENT_ID])
def test_names_of_hosts_decide_nothing(host: str, audience: str) -> None:
    changes = {**REFUSED, "set": {"token.claim.aud": audience}}
    here, there = verdict(changes), verdict({**changes, "issuer": host})
    assert blamed(here) == blamed(there)
    assert here.summary == there.summary
    assert [each.text for each in here.remedies] == [each.text for each in there.remedies]


STORIES: dict[str, dict[str, Any]] = {
    "reference": {**REFUSED, "drop": BOTH_LEGS, "set": WRONG_AUDIENCE},
    "no indicators": {**REFUSED, "set": WRONG_AUDIENCE},
    "not in the list": {"until": "token", "set": INVALID_TARGET},
    "accepts the wrong audience": {"until": "list", "drop": BOTH_LEGS, "set": WRONG_AUDIENCE},
    "good token refused": REFUSED,
    "browser not captured": {**REFUSED, "drop_step": ["authorize"], "set": WRONG_AUDIENCE},
    "token request only": {"drop": ["token.form.resource"]},
    "another spelling": {**REFUSED, "set": {"token.claim.aud": f"{ENDPOINT}/"}},
}


@pytest.mark.parametrize("changes", STORIES.values(), ids=STORIES.keys())
def test_every_verdict_rests_on_steps_that_exist_and_advises_somebody(changes: dict[str, Any]) -> None:
    seen = outcome(changes)
    found = seen.judged.verdict
    assert found.observations
    assert all(step for step, _ in told(seen))
    assert found.remedies
    assert found.party not in cleared(found)
    assert found.summary.endswith(".")
    ids = {finding.rule for finding in seen.judged.checked.findings}
    assert found.cause is None or found.cause in ids
