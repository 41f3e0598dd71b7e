"""What the tests of the stories ask of a verdict; the wire is the good run with one change."""

from collections.abc import Mapping
from typing import Any

from inspector.rules.model import Confidence, Party
from inspector.verdict.model import Verdict
from tests.rules.changes import Outcome, outcome

ENVIRONMENT = "client_01HZENVAUTHKIT0000000000AB"
WRONG_AUDIENCE = {"token.claim.aud": ENVIRONMENT}
REFUSED = {"until": "initialize", "refuse": ["initialize"]}
INVALID_TARGET = {"token.status": 400, "token.json": {"error": "invalid_target"}}
BOTH_LEGS = ["authorize.query.resource", "token.form.resource"]


def verdict(changes: Mapping[str, Any]) -> Verdict:
    return outcome(changes).judged.verdict


def blamed(found: Verdict) -> tuple[Party, Confidence, str | None]:
    return found.party, found.confidence, found.cause


def cleared(found: Verdict) -> set[Party]:
    return {each.party for each in found.cleared}


def remedy(found: Verdict, party: Party) -> str:
    return " ".join(each.text for each in found.remedies if each.party is party)


def told(seen: Outcome) -> list[tuple[str, str]]:
    """The observations, each with the name of the step that shows it."""
    steps = {step.id: step.exchanges for step in seen.judged.run.steps}
    names = {exchange.id: name for name, exchange in seen.recorded.items()}
    found = seen.judged.verdict.observations
    return [(names[steps[each.step][0]] if each.step else "", each.text) for each in found]
