"""What looks odd and is right is not called an error."""

from dataclasses import replace

import pytest

from inspector.rules.model import Party, Severity
from inspector.session.model import Exchange
from inspector.verdict.analysis import analyse
from tests.cases.harmless import VARIANTS, another
from tests.cases.rows import CLAUDE_CODE, CURSOR, signs_in
from tests.rules.changes import recording


@pytest.mark.parametrize("name", VARIANTS)
def test_nothing_is_wrong(name: str) -> None:
    runs = analyse(recording(VARIANTS[name]).values()).runs
    errors = [f for judged in runs for f in judged.checked.findings if f.severity is Severity.ERROR]
    assert [(f.rule, f.message, f.found) for f in errors] == []
    *abandoned, last = [judged.verdict for judged in runs]
    assert last.party is Party.NONE, last.summary
    assert all(verdict.party is Party.UNKNOWN for verdict in abandoned)


def test_nothing_is_wrong_with_two_clients_at_once() -> None:
    ours = recording(signs_in(CLAUDE_CODE, {}))
    theirs = _of_another(recording(signs_in(replace(CURSOR, client_id="cursor-1"), {"set": another()})))
    runs = analyse([*ours.values(), *theirs]).runs
    assert [judged.verdict.party for judged in runs] == [Party.NONE, Party.NONE]
    assert {judged.run.client.name for judged in runs} == {CLAUDE_CODE.name, CURSOR.name}
    assert not any(f.severity is Severity.ERROR for judged in runs for f in judged.checked.findings)


def _of_another(recorded: dict[str, Exchange]) -> list[Exchange]:
    return [
        replace(exchange, id=exchange.id + 100, changed=exchange.id + 100, started_at=exchange.started_at + 0.5)
        for exchange in recorded.values()
    ]
