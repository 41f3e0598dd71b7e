"""`python -m tests.benchmarks.accuracy`: prints how often the rules and the verdict are right, and on what."""

from collections.abc import Iterator

from inspector.rules.model import Party, Severity
from inspector.verdict.analysis import analyse
from tests.cases.harmless import VARIANTS
from tests.cases.test_partial import RUNS, moved_blame
from tests.cases.test_rows import ROWS
from tests.rules.changes import outcome, recording
from tests.rules.test_corpus import CANNOT_HOLD, LABELS, RULES_OF_CHECK, findings, labelled


def lines() -> Iterator[str]:
    """One line for each measure, ready to print; they take about a minute."""
    yield from _corpus()
    yield from _cases()
    yield _harmless()
    yield _partial_captures()


def _corpus() -> Iterator[str]:
    """The labelled captures of the official conformance suite: what it blames on the client, and what it passes."""
    failed = [one for one in labelled("failed") if one not in CANNOT_HOLD]
    found = [(capture, check) for capture, check in failed if _rules(capture) & RULES_OF_CHECK[check]]
    missed = ", ".join(f"{capture} {check}" for capture, check in failed if (capture, check) not in found)
    yield _line(
        f"corpus of {len(LABELS)} captures: recall",
        len(found),
        len(failed),
        missed or f"{len(CANNOT_HOLD)} more are not in the captures",
    )
    passed = [one for one in labelled("passed") if one not in labelled("failed")]
    false = [(capture, check) for capture, check in passed if _blamed(capture) & RULES_OF_CHECK[check]]
    yield _line("corpus: checks that passed, without a false error", len(passed) - len(false), len(passed))


def _rules(capture: str) -> set[str]:
    return {finding.rule for finding in findings(capture)}


def _blamed(capture: str) -> set[str]:
    errors = (f for f in findings(capture) if f.severity is Severity.ERROR and f.party is Party.CLIENT)
    return {finding.rule for finding in errors}


def _cases() -> Iterator[str]:
    """Failures from public issue trackers, rebuilt as captures."""
    wrong = []
    for row in ROWS:
        verdict = outcome(row.changes()).judged.verdict
        if verdict.party is not row.party or (row.cause and verdict.cause != row.cause):
            wrong.append(row.name)
    yield _line("failures from issue trackers: verdict right", len(ROWS) - len(wrong), len(ROWS), ", ".join(wrong))
    undecided = sum(row.party is Party.UNKNOWN for row in ROWS)
    yield f"{'':4}{undecided} of them cannot be decided from a capture, and are not"


def _harmless() -> str:
    """Sign-ins that look odd and are right."""
    accused = [
        name
        for name, changes in VARIANTS.items()
        if any(judged.checked.errors for judged in analyse(recording(changes).values()).runs)
    ]
    right = len(VARIANTS) - len(accused)
    return _line("odd and harmless sign-ins: no error found", right, len(VARIANTS), ", ".join(accused))


def _partial_captures() -> str:
    """Runs of which a proxy has missed legs or bodies: the verdict may weaken, and may not name somebody else."""
    checked, moved = 0, []
    for name in RUNS:
        count, wrong = moved_blame(name)
        checked += count
        moved += [name] * len(wrong)
    return _line(f"partial captures of {len(RUNS)} runs: blame not moved", checked - len(moved), checked)


def _line(what: str, right: int, of: int, note: str = "") -> str:
    return f"{what:<56} {right:>5} of {of:<5} {right / of:6.1%}" + (f"  ({note})" if note else "")


if __name__ == "__main__":
    for line in lines():
        print(line, flush=True)
