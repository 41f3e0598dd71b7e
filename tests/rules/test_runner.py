"""The runner: three outcomes, levels by revision, one bad rule that does not hide the others, stable order."""

from collections.abc import Iterator, Mapping

import pytest

from inspector.protocol.revisions import Levels
from inspector.rules import registry, runner
from inspector.rules.model import Confidence, Fault, NotObserved, Party, Phase, Severity, observed, place, present
from inspector.rules.registry import Check, Rule
from inspector.rules.runner import INTERNAL_ERROR, check
from inspector.timeline import Timeline
from inspector.timeline.run import Run
from tests.rules.changes import recording

REFERENCE_STORY = {
    "until": "initialize",
    "refuse": ["initialize"],
    "drop": ["authorize.query.resource", "token.form.resource"],
    "set": {"token.claim.aud": "client_01HZENVAUTHKIT0000000000AB"},
}


def good_run(pinned: str = "", changes: Mapping[str, object] | None = None) -> Run:
    timeline = Timeline(pinned)
    timeline.add_all(recording(changes or {}).values())
    (run,) = timeline.runs
    return run


def declared(check: Check, identifier: str = "made-up", levels: str = "- | MUST | SHOULD | MAY") -> Rule:
    return Rule(
        identifier,
        "A made-up rule",
        Phase.TOKEN,
        Party.CLIENT,
        Severity.WARNING,
        Confidence.LIKELY,
        Levels.parse(levels),
        check,
    )


@pytest.fixture
def rules(monkeypatch: pytest.MonkeyPatch) -> list[Rule]:
    """The rules that are asked, to be filled by the test."""
    made: list[Rule] = []
    monkeypatch.setattr(runner, "all_rules", lambda: made)
    return made


def fails(run: Run) -> Iterator[Fault | NotObserved]:
    yield Fault("Something is wrong.", (place(run.messages[0], "status"),), expected="a", found="b")


def passes(run: Run) -> Iterator[Fault | NotObserved]:
    yield from ()


def breaks(run: Run) -> Iterator[Fault | NotObserved]:
    if run.messages:
        raise RuntimeError("token secret-value-of-a-capture")
    yield from ()


def fails_and_breaks(run: Run) -> Iterator[Fault | NotObserved]:
    yield from fails(run)
    yield from breaks(run)


def is_silent(run: Run) -> Iterator[Fault | NotObserved]:
    if run.messages:
        raise NotObserved("N3", "nothing here")
    yield from ()


def is_silent_beside_a_fault(run: Run) -> Iterator[Fault | NotObserved]:
    yield NotObserved("N2", "half of it")
    yield from fails(run)


def test_a_finding_takes_what_is_not_said_from_the_declaration(rules: list[Rule]) -> None:
    rules.append(declared(fails))
    checked = check(good_run())
    (finding,) = checked.findings
    assert (finding.rule, finding.title) == ("made-up", "A made-up rule")
    assert (finding.severity, finding.confidence, finding.party) == (Severity.WARNING, Confidence.LIKELY, Party.CLIENT)
    assert (finding.message, finding.expected, finding.found) == ("Something is wrong.", "a", "b")
    assert finding.step == 1
    assert (checked.passed, checked.not_observed) == ((), ())


def test_a_rule_without_a_finding_passed(rules: list[Rule]) -> None:
    rules.append(declared(passes))
    assert check(good_run()).passed == ("made-up",)


def test_a_rule_that_cannot_decide_is_not_observed(rules: list[Rule]) -> None:
    rules.append(declared(is_silent))
    checked = check(good_run())
    assert [(silence.rule, silence.reason, silence.what) for silence in checked.not_observed] == [
        ("made-up", "N3", "nothing here")
    ]
    assert (checked.passed, checked.findings) == ((), ())


def test_a_fault_weighs_more_than_what_could_not_be_seen(rules: list[Rule]) -> None:
    rules.append(declared(is_silent_beside_a_fault))
    checked = check(good_run())
    assert [finding.rule for finding in checked.findings] == ["made-up"]
    assert (checked.passed, checked.not_observed) == ((), ())


def test_a_rule_that_raises_does_not_hide_the_others(rules: list[Rule]) -> None:
    rules += [declared(breaks, "broken"), declared(fails, "good")]
    checked = check(good_run())
    assert [finding.rule for finding in checked.findings] == ["good", INTERNAL_ERROR]
    broken = checked.findings[1]
    assert "broken" in broken.message
    assert "RuntimeError" in broken.message
    assert "secret" not in repr(broken)
    assert (broken.severity, broken.party, broken.places, broken.cause) == (Severity.INFO, Party.UNKNOWN, (), None)


def test_what_was_found_before_a_rule_broke_is_kept(rules: list[Rule]) -> None:
    rules.append(declared(fails_and_breaks))
    assert [finding.rule for finding in check(good_run()).findings] == ["made-up", INTERNAL_ERROR]


def test_a_requirement_the_revision_does_not_have_is_not_observed(rules: list[Rule]) -> None:
    rules.append(declared(fails))
    checked = check(good_run("2025-03-26"))
    assert checked.findings == ()
    assert [(silence.rule, silence.reason) for silence in checked.not_observed] == [("made-up", "N6")]


@pytest.mark.parametrize(
    ("revision", "level"),
    [("2025-06-18", "MUST"), ("2025-11-25", "SHOULD"), ("2026-07-28", "MAY"), ("2031-01-01", "MAY")],
)
def test_the_pinned_revision_gives_the_level(rules: list[Rule], revision: str, level: str) -> None:
    rules.append(declared(fails))
    assert check(good_run(revision)).findings[0].level == level


def test_findings_come_worst_first_then_by_step_then_by_id() -> None:
    findings = check(good_run(changes=REFERENCE_STORY)).findings
    ranks = [(list(Severity).index(f.severity), f.step or 0, f.rule) for f in findings]
    assert len(ranks) > 3
    assert ranks == sorted(ranks)


def test_the_order_does_not_depend_on_the_order_of_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    run = good_run(changes=REFERENCE_STORY)
    before = check(run).findings
    reversed_rules = tuple(reversed(registry.all_rules()))
    monkeypatch.setattr(runner, "all_rules", lambda: reversed_rules)
    assert check(run).findings == before


def test_the_same_finding_twice_is_one(rules: list[Rule]) -> None:
    def repeats(run: Run) -> Iterator[Fault | NotObserved]:
        yield from fails(run)
        yield from fails(run)

    rules.append(declared(repeats))
    assert len(check(good_run()).findings) == 1


def test_needing_something_that_is_there_gives_it_back() -> None:
    assert present("found", "N1", "") == "found"
    assert observed([1], "N1", "") == [1]


@pytest.mark.parametrize("need", [lambda: present(None, "N1", "that"), lambda: observed([], "N1", "that")])
def test_needing_something_that_is_not_there_leaves_the_rule(need: Check) -> None:
    with pytest.raises(NotObserved) as left:
        need()  # type: ignore[call-arg]
    assert (left.value.code, left.value.what) == ("N1", "that")
