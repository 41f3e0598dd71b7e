"""The labelled captures: every one can be judged, and on `resource` and PKCE the official suite agrees."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from inspector.rules.model import Finding
from inspector.rules.runner import INTERNAL_ERROR
from inspector.session.importing import import_file
from inspector.verdict.analysis import Analysis

CORPUS = Path(__file__).with_name("corpus")
LABELS: dict[str, dict[str, Any]] = json.loads((CORPUS / "labels.json").read_text())

RULES_OF_CHECK = {
    "resource-parameter-in-authorization": {"resource-missing-authorize"},
    "resource-parameter-in-token": {"resource-missing-token"},
    "resource-parameter-valid-uri": {"resource-invalid-uri"},
    "resource-parameter-consistency": {"resource-inconsistent"},
    "resource-parameter-matches-prm": {
        "resource-mismatch-prm",
        "resource-trailing-slash",
        "resource-less-specific",
        "resource-not-this-server",
    },
    "pkce-code-challenge-sent": {"pkce-missing"},
    "pkce-s256-method-used": {"pkce-method-not-s256", "pkce-missing"},
    "pkce-code-verifier-sent": {"code-verifier-missing"},
    "pkce-verifier-matches-challenge": {"code-verifier-mismatch", "code-verifier-missing", "pkce-missing"},
    "resource-mismatch-rejected": {"client-accepts-mismatched-prm"},
}
"""The suite's checks, and the rules that make the same statement: any of them."""


@cache
def findings(capture: str) -> tuple[Finding, ...]:
    analysis = Analysis()
    analysis.add(import_file(CORPUS / f"{capture}.flow").exchanges())
    return tuple(finding for judged in analysis.runs for finding in judged.checked.findings)


def labelled(outcome: str) -> list[Any]:
    """Every capture with every check of that outcome which a rule makes as well."""
    return [
        pytest.param(capture, check, id=f"{capture}-{check}")
        for capture, label in LABELS.items()
        for check in label[outcome]
        if check in RULES_OF_CHECK and check not in label["not_reached"]
    ]


def test_every_capture_has_a_label() -> None:
    assert {file.stem for file in CORPUS.glob("*.flow")} == set(LABELS)
    assert len(LABELS) == 124


@pytest.mark.parametrize("capture", LABELS)
def test_every_capture_can_be_judged(capture: str) -> None:
    assert [finding.message for finding in findings(capture) if finding.rule == INTERNAL_ERROR] == []


@pytest.mark.parametrize(("capture", "check"), labelled("failed"))
def test_a_check_that_failed_is_a_finding(capture: str, check: str) -> None:
    assert {finding.rule for finding in findings(capture)} & RULES_OF_CHECK[check]


@pytest.mark.parametrize(("capture", "check"), labelled("passed"))
def test_a_check_that_passed_is_none(capture: str, check: str) -> None:
    assert not {finding.rule for finding in findings(capture)} & RULES_OF_CHECK[check]
