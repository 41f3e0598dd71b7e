"""The labelled captures: every one can be judged, and where the official suite blames the client the rules do so too.

What the suite passes, no rule holds against the client as an error. Rules may still say more than the suite asks.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from inspector.rules.model import Finding, Party, Severity
from inspector.rules.registry import find_rule
from inspector.rules.runner import INTERNAL_ERROR
from inspector.session.importing import import_file
from inspector.verdict.analysis import Analysis

CORPUS = Path(__file__).with_name("corpus")
LABELS: dict[str, dict[str, Any]] = json.loads((CORPUS / "labels.json").read_text())

_ISS = {"iss-mismatch", "client-redeems-after-iss-failure"}
_STEP_UP = {"step-up-not-attempted", "step-up-scope-union-missing"}
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
    "resource-mismatch-rejected": {"client-accepts-mismatched-prm"},
    "pkce-code-challenge-sent": {"pkce-missing"},
    "pkce-s256-method-used": {"pkce-method-not-s256", "pkce-missing"},
    "pkce-code-verifier-sent": {"code-verifier-missing"},
    "pkce-verifier-matches-challenge": {"code-verifier-mismatch", "code-verifier-missing", "pkce-missing"},
    "prm-priority-order": {"client-ignores-resource-metadata-url", "prm-probe-order"},
    "prm-pathbased-requested": {
        "prm-probe-order",
        "client-skips-protected-resource-metadata",
        "client-ignores-resource-metadata-url",
    },
    "authorization-server-metadata-wrong-path": {"as-discovery-order"},
    "scope-from-www-authenticate": {"scope-not-from-challenge"},
    "scope-from-scopes-supported": {"scope-omitted-though-supported", "scope-exceeds-metadata"},
    "scope-omitted-when-undefined": {"scope-exceeds-metadata"},
    "scope-step-up-initial": {"scope-not-from-challenge"},
    "scope-step-up-escalation": _STEP_UP,
    "scope-retry-limit": {"reauthorization-loop"},
    "token-endpoint-auth-method": {"client-auth-method-mismatch"},
    "cimd-client-id-used": {"registration-priority-order"},
    "sep-837-application-type-present": {"registration-application-type-missing"},
    "sep-2207-offline-access-not-requested": {"offline-access-not-offered"},
    "sep-2350-scope-union-on-reauth": _STEP_UP,
    "sep-2352-no-reuse-on-as-change": {"credential-cross-issuer-reuse"},
    "sep-2352-no-cross-as-credential-reuse": {"credential-cross-issuer-reuse"},
    "sep-2352-reregister-on-as-change": {"reregistration-missing-on-issuer-change"},
    "sep-2468-client-validate-metadata-issuer": {"client-accepts-issuer-mismatch", "as-metadata-issuer-mismatch"},
    "sep-2468-client-compare-iss-supported": _ISS,
    "sep-2468-client-compare-iss-unadvertised": _ISS,
    "sep-2468-client-no-normalization": _ISS,
    "sep-2468-client-reject-missing-iss": {"client-redeems-after-iss-failure"},
}
"""The suite's checks, and the rules that make the same statement: any of them."""

WITHOUT_RULES = ("authorization-", "client-", "token-request", "invalid-bearer-token", "pre-reg", "sep-1932-", "wif-")
"""Beginnings of checks that no rule makes: whether a request was made at all, and what extensions of MCP ask for."""

_NOT_IN_FORCE = "the requirement does not exist in 2025-11-25, under which the suite was made to check it"
_ONE_REQUEST = "the capture has one request: refused for want of MCP-Protocol-Version, and the client gave up"
CANNOT_HOLD = {
    ("authorization-server-migration--ts-plain--2025-11-25--forced", "sep-2352-reregister-on-as-change"): _NOT_IN_FORCE,
    (
        "authorization-server-migration--ts-reuse-credentials--2025-11-25--forced",
        "sep-2352-reregister-on-as-change",
    ): _NOT_IN_FORCE,
    ("authorization-server-migration--ts-plain--2026-07-28", "sep-2352-reregister-on-as-change"): _ONE_REQUEST,
    (
        "authorization-server-migration--ts-reuse-credentials--2026-07-28",
        "sep-2352-reregister-on-as-change",
    ): _ONE_REQUEST,
    ("scope-step-up--ts-echo-scope--2026-07-28", "scope-step-up-initial"): _ONE_REQUEST,
    ("scope-step-up--ts-echo-scope--2026-07-28", "scope-step-up-escalation"): _ONE_REQUEST,
    ("scope-step-up--ts-echo-scope--2026-07-28", "sep-2350-scope-union-on-reauth"): _ONE_REQUEST,
    ("scope-step-up--ts-ignore-403--2026-07-28", "scope-step-up-initial"): _ONE_REQUEST,
    ("scope-step-up--ts-ignore-403--2026-07-28", "scope-step-up-escalation"): _ONE_REQUEST,
    ("scope-step-up--ts-ignore-403--2026-07-28", "sep-2350-scope-union-on-reauth"): _ONE_REQUEST,
}
"""Failed checks that the captures do not show, with the reason."""


@cache
def findings(capture: str) -> tuple[Finding, ...]:
    """What the rules say under the revision that the suite checked."""
    analysis = Analysis(LABELS[capture]["spec"] or "")
    analysis.add(import_file(CORPUS / f"{capture}.flow").exchanges())
    return tuple(finding for judged in analysis.runs for finding in judged.checked.findings)


def labelled(outcome: str) -> list[tuple[str, str]]:
    """Every capture with every check of that outcome which a rule makes as well."""
    return [
        (capture, check)
        for capture, label in LABELS.items()
        for check in label[outcome]
        if check in RULES_OF_CHECK and check not in label["not_reached"]
    ]


def failed() -> list[Any]:
    """The failed checks, those that cannot hold marked as such: they fail the tests again once they do hold."""
    return [
        pytest.param(*one, marks=pytest.mark.xfail(reason=CANNOT_HOLD[one], strict=True) if one in CANNOT_HOLD else ())
        for one in labelled("failed")
    ]


def test_every_capture_has_a_label() -> None:
    assert {file.stem for file in CORPUS.glob("*.flow")} == set(LABELS)
    assert len(LABELS) == 124


def test_every_check_that_failed_has_rules_or_is_known_to_have_none() -> None:
    checks = {check for label in LABELS.values() for check in label["failed"]} - RULES_OF_CHECK.keys()
    assert {check for check in checks if not check.startswith(WITHOUT_RULES)} == set()
    assert all(find_rule(rule) for rules in RULES_OF_CHECK.values() for rule in rules)


def test_what_cannot_hold_is_so_for_the_reason_given() -> None:
    assert set(labelled("failed")) >= CANNOT_HOLD.keys()
    for (capture, check), reason in CANNOT_HOLD.items():
        requests = import_file(CORPUS / f"{capture}.flow").exchanges()
        assert (len(list(requests)) == 1) == (reason == _ONE_REQUEST), (capture, check)


@pytest.mark.parametrize("capture", LABELS)
def test_every_capture_can_be_judged(capture: str) -> None:
    assert [finding.message for finding in findings(capture) if finding.rule == INTERNAL_ERROR] == []


@pytest.mark.parametrize(("capture", "check"), failed())
def test_a_check_that_failed_is_a_finding(capture: str, check: str) -> None:
    assert {finding.rule for finding in findings(capture)} & RULES_OF_CHECK[check]


@pytest.mark.parametrize(("capture", "check"), [one for one in labelled("passed") if one not in labelled("failed")])
def test_a_check_that_passed_is_no_fault_of_the_client(capture: str, check: str) -> None:
    # The suite's own authorization server sends a wrong `iss` on purpose: that it does so is found, and rightly.
    blamed = [f for f in findings(capture) if f.party is Party.CLIENT and f.severity is Severity.ERROR]
    assert not {finding.rule for finding in blamed} & RULES_OF_CHECK[check]
