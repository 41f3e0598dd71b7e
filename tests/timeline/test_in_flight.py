"""A live capture is judged at every moment: what is still on its way must not look broken."""

from dataclasses import replace

import pytest

from inspector.session.model import Body, State
from inspector.verdict.analysis import Analysis
from tests.rules.good import exchanges, good_steps


@pytest.mark.parametrize("step", list(good_steps()))
def test_an_answer_on_its_way_is_no_finding(step: str) -> None:
    recorded = exchanges(good_steps())
    names = list(recorded)
    analysis = Analysis()
    analysis.add([recorded[name] for name in names[: names.index(step)]])
    whole = recorded[step]
    for state in (State.REQUEST, State.RESPONDING):
        status = whole.status if state is State.RESPONDING else None
        headers = whole.response_headers if status else ()
        analysis.add([replace(whole, state=state, status=status, response_headers=headers, response_body=Body())])
        assert [finding.rule for judged in analysis.runs for finding in judged.checked.findings] == []


def test_half_an_answer_is_no_broken_document() -> None:
    recorded = exchanges(good_steps())
    whole = recorded["prm"]
    half = Body(whole.response_body.data[:9], 9)
    analysis = Analysis()
    analysis.add([recorded["challenge"], replace(whole, state=State.FAILED, response_body=half, error="reset")])
    (judged,) = analysis.runs
    assert judged.checked.findings == ()
    assert judged.run.steps[-1].status == "failed"
