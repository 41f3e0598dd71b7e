"""The case files: each case says exactly what the rules find in a changed good run."""

from pathlib import Path
from typing import Any

import pytest

from inspector.rules.model import Finding, Party
from inspector.rules.registry import find_rule
from tests.rules.changes import Case, Outcome, load_cases, outcome

FILES = sorted(Path(__file__).parent.glob("*.toml"))
CASES = [case for file in FILES for case in load_cases(file)]
KINDS = ("fail", "pass", "absent")


@pytest.mark.parametrize(
    "changes",
    [{}, {"endpoint": "https://mcp.example.com/mcp", "issuer": "https://login.example.com"}],
    ids=["loopback", "https"],
)
def test_the_good_run_yields_nothing(changes: dict[str, Any]) -> None:
    judged = outcome(changes).judged
    assert judged.checked.findings == ()
    assert judged.verdict.party is Party.NONE


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}.{case.name}")
def test_case(case: Case) -> None:
    seen = outcome(case.table)
    checked = seen.judged.checked
    assert _ids(checked.findings) == sorted(wanted["rule"] for wanted in case.finds)
    _match(seen, case.finds)
    assert all(find_rule(finding.cause) for finding in checked.findings if finding.cause)
    kind = case.name.partition("_")[0]
    assert kind in KINDS
    assert (case.rule in checked.passed) == (kind == "pass")
    assert bool(checked.of(case.rule)) == (kind == "fail")
    reasons = [silence.reason for silence in checked.not_observed if silence.rule == case.rule]
    assert reasons == ([case.table["reason"]] if kind == "absent" else [])
    if kind == "fail":
        assert any(wanted["rule"] == case.rule and "at" in wanted for wanted in case.finds)


def _ids(findings: tuple[Finding, ...]) -> list[str]:
    return sorted(finding.rule for finding in findings)


def _match(seen: Outcome, finds: list[dict[str, Any]]) -> None:
    """Give each finding that is described in detail to a description of its own."""
    left = list(seen.judged.checked.findings)
    for wanted in sorted(finds, key=len, reverse=True):
        found = next((f for f in left if f.rule == wanted["rule"] and seen.says(f, wanted)), None)
        assert found, f"no finding is {wanted}, but there are {[(f, [seen.path(p) for p in f.places]) for f in left]}"
        left.remove(found)
