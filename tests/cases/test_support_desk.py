"""Calls at a support desk get an expert's answer, and are called certain only where the capture decides."""

import pytest

from inspector.rules.model import Confidence, Party
from inspector.verdict.analysis import analyse
from tests.cases.support_desk import CALLS, Call
from tests.rules.changes import recording


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_verdict(call: Call) -> None:
    *_, last = analyse(recording(call.changes).values()).runs
    verdict = last.verdict
    said = [(f.rule, f.severity.value, f.party.value, f.cause) for f in last.checked.findings]
    assert (verdict.party in call.parties, said) == (True, said), verdict.summary
    named = verdict.party not in (Party.NONE, Party.UNKNOWN)
    assert call.certain or not named or verdict.confidence is not Confidence.CERTAIN, verdict.summary
    assert call.says in verdict.summary
