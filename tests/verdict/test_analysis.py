"""A run is judged the same whether its exchanges come at once, one by one, or in every state they pass through."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from inspector.session.importing import import_file
from inspector.session.model import Body, Exchange, State
from inspector.verdict.analysis import Analysis, analyse
from inspector.verdict.model import Judged
from tests.rules.changes import recording
from tests.rules.good import good_steps

CORPUS = Path(__file__).parents[1] / "rules" / "corpus"
ENVIRONMENT = "client_01HZENVAUTHKIT0000000000AB"

RECORDINGS: dict[str, dict[str, Any]] = {
    "good": {},
    "reference story": {
        "until": "initialize",
        "refuse": ["initialize"],
        "drop": ["authorize.query.resource", "token.form.resource"],
        "set": {"token.claim.aud": ENVIRONMENT},
    },
    "invalid target": {"until": "token", "set": {"token.status": 400, "token.json": {"error": "invalid_target"}}},
    "keys at the end": {"copy": [{"step": "keys", "name": "late", "after": "again"}], "drop_step": ["keys"]},
    "browser not captured": {"drop_step": ["authorize"]},
    "no request before discovery": {"drop_step": ["challenge"]},
}


def said(judged: Judged) -> tuple[object, ...]:
    return judged.run.messages, judged.run.steps, judged.checked, judged.verdict


def at_once(exchanges: list[Exchange]) -> list[tuple[object, ...]]:
    analysis = Analysis()
    analysis.add(exchanges)
    return [said(judged) for judged in analysis.runs]


def states(exchange: Exchange) -> Iterator[Exchange]:
    """What a recorder writes of an exchange: when it is asked, when the answer begins, when it is complete."""
    if exchange.status is not None:
        asked = replace(exchange, status=None, reason="", response_headers=(), response_body=Body())
        asked = replace(asked, response_start=0.0, response_end=0.0, state=State.REQUEST)
        yield asked
        yield replace(
            asked,
            status=exchange.status,
            response_headers=exchange.response_headers,
            response_start=exchange.response_start,
            state=State.RESPONDING,
        )
    yield exchange


def captured(name: str) -> list[Exchange]:
    return list(import_file(CORPUS / f"{name}.flow").exchanges())


@pytest.mark.parametrize("changes", RECORDINGS.values(), ids=RECORDINGS.keys())
def test_one_by_one_is_as_at_once(changes: dict[str, Any]) -> None:
    exchanges = list(recording(changes).values())
    analysis = Analysis()
    for number, exchange in enumerate(exchanges, start=1):
        analysis.add([exchange])
        assert [said(judged) for judged in analysis.runs] == at_once(exchanges[:number])


@pytest.mark.parametrize("changes", RECORDINGS.values(), ids=RECORDINGS.keys())
def test_state_by_state_is_as_at_once(changes: dict[str, Any]) -> None:
    exchanges = list(recording(changes).values())
    analysis = Analysis()
    for exchange in exchanges:
        for state in states(exchange):
            analysis.add([state])
            assert analysis.runs or not at_once([state])
    assert [said(judged) for judged in analysis.runs] == at_once(exchanges)


@pytest.mark.parametrize("name", sorted(file.stem for file in CORPUS.glob("metadata-*.flow")))
def test_captures_state_by_state_are_as_at_once(name: str) -> None:
    exchanges = captured(name)
    analysis = Analysis()
    analysis.add(state for exchange in exchanges for state in states(exchange))
    assert [said(judged) for judged in analysis.runs] == at_once(exchanges)


def test_what_did_not_change_is_not_judged_again() -> None:
    exchanges = list(recording({}).values())
    analysis = Analysis()
    analysis.add(exchanges[:-1])
    (before,) = analysis.runs
    assert analysis.runs == (before,)
    assert analysis.runs[0] is before
    analysis.add(exchanges[-1:])
    assert analysis.runs[0] is not before


def test_a_newer_state_counts_once() -> None:
    exchanges = list(recording({}).values())
    analysis = Analysis()
    for exchange in exchanges:
        analysis.add(states(exchange))
    assert analysis.exchange_count == len(exchanges)


def test_the_pinned_revision_is_used() -> None:
    exchanges = recording({"drop": ["token.form.resource"]}).values()
    pinned, inferred = Analysis("2025-03-26"), Analysis()
    pinned.add(exchanges)
    inferred.add(exchanges)
    assert not pinned.runs[0].checked.of("resource-missing-token")
    assert inferred.runs[0].checked.of("resource-missing-token")


def test_a_finished_recording_is_sorted_by_time() -> None:
    exchanges = list(recording({}).values())
    (judged,) = analyse(reversed(exchanges)).runs
    assert said(judged) == at_once(exchanges)[0]
    assert analyse(exchanges, "2025-06-18").runs[0].run.revision.client == "2025-06-18"


def test_what_belongs_to_no_run_is_listed() -> None:
    alone = {"drop_step": [name for name in good_steps() if name != "register"]}
    exchanges = list(recording(alone).values())
    analysis = analyse(exchanges)
    assert analysis.runs == ()
    assert analysis.unlinked == (exchanges[0].id,)
