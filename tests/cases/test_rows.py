"""Every failure from the issue trackers gets its verdict: the party that was found at fault, or that it is unknown."""

from collections import Counter

import pytest

from inspector.rules.model import Party
from tests.cases import after_token, dashboard, discovery, issuer, registration, resource
from tests.cases.rows import Row
from tests.rules.changes import outcome

ROWS: list[Row] = [
    row for section in (resource, dashboard, discovery, issuer, registration, after_token) for row in section.ROWS
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_verdict(row: Row) -> None:
    seen = outcome(row.changes())
    verdict = seen.judged.verdict
    said = [(f.rule, f.severity.value, f.party.value, f.cause) for f in seen.judged.checked.findings]
    assert (verdict.party, said) == (row.party, said), verdict.summary
    assert not row.cause or verdict.cause == row.cause, verdict.summary


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_says_why_nobody_is_to_blame(row: Row) -> None:
    assert (row.party is Party.UNKNOWN) == bool(row.why)


def test_names_are_used_once() -> None:
    assert max(Counter(row.name for row in ROWS).values()) == 1
