"""Loops are folded to their first turn, their last and a count; the cost of an exchange does not grow."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from types import FrameType

import pytest

from inspector.session.model import Exchange, State
from inspector.timeline import Timeline, linking
from inspector.timeline.steps import Loop
from tests.timeline.build import AS, MCP, Client, exchange, ids, run_of, runs_of, states, timed

A = Client()


def storm(turns: int) -> list[Exchange]:
    """A client whose token the server refuses, and that refreshes and tries again, with rotating tokens."""
    return [each for n in range(1, turns + 1) for each in (A.refused("tools/list", A.token(n)), A.refresh(n))]


def turned(turn: Sequence[Exchange], times: int) -> list[Exchange]:
    return [*turn] * times


def test_a_thousand_refusals_and_refreshes() -> None:
    run = run_of([*A.story()[:6], *storm(1000), A.refused("tools/list", A.token(1001))])
    assert ids(run) == [*range(1, 7), 7, 8, 2005, 2006, 2007]
    assert run.loops == (Loop((2005, 2006), 1000),)
    noted = [(step.title, step.phase, step.note) for step in run.steps if step.note]
    assert noted == [("tools/list", 5, "loop, 1000 times"), ("Refresh token", 6, "loop, 1000 times")]
    assert not run.uses[-1].accepted


@pytest.mark.parametrize("turns", [3, 4, 5, 17, 100])
def test_the_count_is_true(turns: int) -> None:
    for before in (A.story()[:6], [*A.story()[:6], A.call(token=A.token())], [*A.story(), A.refresh(0)]):
        run = run_of([*before, *storm(turns)])
        notes = {step.note for step in run.steps if step.note.startswith("loop")}
        assert notes == {f"loop, {turns} times"}
        assert len(run.messages) == len(before) + 4


def test_twice_is_no_loop() -> None:
    run = run_of([*A.story()[:6], *storm(2)])
    assert run.loops == ()
    assert len(run.messages) == 10


def test_memory_does_not_grow_with_the_turns() -> None:
    timeline = Timeline()
    sizes = []
    for start in (1, 401):
        cycles = [each for n in range(start, start + 400) for each in storm_turn(n)]
        timeline.add_all(timed([*A.story(), *cycles] if start == 1 else cycles, first=start * 3))
        sizes.append(_held(timeline))
    assert sizes[1] <= sizes[0] + 20


def _held(timeline: Timeline) -> int:
    """How many exchanges and values tied to them are held, without the ties, which are bounded by a number."""
    (linker,) = timeline._linkers.values()
    return len(linker._owner) + len(linker._unlinked) + sum(len(d.messages) + len(d.loops) for d in linker._drafts)


def test_ties_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linking, "_MOST_TIES", 100)
    timeline = Timeline()
    timeline.add_all(timed([*A.story(), *(each for n in range(1, 200) for each in storm_turn(n))]))
    (linker,) = timeline._linkers.values()
    assert len(linker._ties) == 100
    (run,) = timeline.runs
    assert run.loops[0].turns == 199


def storm_turn(number: int) -> list[Exchange]:
    return [A.refused(token=A.token(number)), A.refresh(number)]


def test_a_server_that_names_new_addresses_without_end() -> None:
    timeline = Timeline()
    refusals = [
        A.refused(token="t", answered={"www-authenticate": f'Bearer resource_metadata="https://x/{n}"'})
        for n in range(1500)
    ]
    timeline.add_all(timed([*A.story(), *refusals]))
    (run,) = timeline.runs
    assert run.loops[0].turns == 1500
    (linker,) = timeline._linkers.values()
    (draft,) = linker._drafts
    assert len(draft.named_urls) == 500
    assert len(linker._metadata_urls) == 1000


def test_key_sets_without_end() -> None:
    timeline = Timeline()
    sets = [exchange("GET", f"{AS}/oauth2/jwks", 200, answer={"keys": [{"kid": str(n)}]}) for n in range(200)]
    timeline.add_all(timed([*A.story(), *sets]))
    assert [key["kid"] for key in timeline.runs[0].keys] == [str(n) for n in range(150, 200)]


def test_a_request_with_resources_without_end() -> None:
    """Comparing each with every run that the request may belong to would take long; ten are enough to tell."""
    stories = [each for n in range(60) for each in Client(str(n)).story()]
    timeline = Timeline()
    timeline.add_all(timed(stories))
    few, many = (
        work(
            timeline, [replace(A.recorded(), id=9000 + n, url=f"{AS}/oauth2/authorize?{'&'.join(['resource=x'] * n)}")]
        )
        for n in (20, 2000)
    )
    assert many < 20 * few


def test_a_loop_in_progress_counts_on() -> None:
    timeline = Timeline()
    counts = []
    for number, each in enumerate(timed([*A.story()[:6], *storm(6)]), 1):
        for state in states(each):
            timeline.add(state)
        (run,) = timeline.runs
        if number > 6 and number % 2 == 0:
            counts.append([loop.turns for loop in run.loops])
        assert len(run.messages) <= 6 + 6
    assert counts == [[], [], [3], [4], [5], [6]]


@pytest.mark.parametrize(
    "turn",
    [
        [A.refused()],
        [A.refused("tools/list", "t")],
        [A.refused(), A.resource_metadata(status=404), A.server_metadata(status=404)],
        [
            A.refused(token="t"),
            A.resource_metadata(status=404),
            A.resource_metadata("http://localhost:3001/.well-known/oauth-protected-resource"),
            A.server_metadata(status=404),
            A.server_metadata("openid-configuration"),
            A.refresh(),
        ],
    ],
    ids=["no token", "one token", "discovery in vain", "discovery before each refresh"],
)
def test_cycles_of_other_lengths(turn: list[Exchange]) -> None:
    before = [A.resource_metadata(), A.register()]
    run = run_of([*before, *turned(turn, 50)])
    assert len(run.messages) == len(before) + 2 * len(turn)
    assert [loop.turns for loop in run.loops] == [50]


def test_a_loop_within_a_loop() -> None:
    """Several requests are refused before each refresh; the count is that of the whole cycle."""
    turn = [*[A.refused(token="t")] * 3, A.refresh()]
    run = run_of([*A.story(), *turned(turn, 40)])
    assert max(loop.turns for loop in run.loops) == 40
    assert len(run.loops) <= 3
    assert len(run.messages) <= 8 + 3 * len(turn)
    assert {step.note for step in run.steps if step.title == "Refresh token" and step.note} == {"loop, 40 times"}


def test_ordinary_repetition_is_not_folded() -> None:
    calls = [A.call("tools/call", token=A.token())] * 30
    assert len(run_of([*A.story(), *calls]).messages) == 38
    pages = [A.resource_metadata(status=404)] * 30
    assert len(run_of([A.refused(), *pages]).messages) == 31


def test_what_differs_is_not_folded() -> None:
    turns = [each for n in range(9) for each in (A.refused(f"tool/{n}", "t"), A.refresh())]
    assert len(run_of([*A.story(), *turns]).messages) == 26


def test_the_token_request_with_the_code_is_no_turn() -> None:
    """It looks like a refresh by everything but its grant."""
    run = run_of([*A.story()[:6], A.refused(token="t"), A.refresh(), A.refused(token="t"), A.refresh()])
    assert run.loops == ()


def test_a_loop_that_ends_well() -> None:
    run = run_of([*A.story(), *storm(30), A.call(token=A.token(31)), A.call(token=A.token(31))])
    assert [loop.turns for loop in run.loops] == [30]
    assert run.steps[-1].note == "2 times"
    assert run.uses[-1].accepted
    assert run.uses[-1].exchange is run.refreshes[-1]


def test_two_loops_of_two_clients() -> None:
    other = Client("b", agent="other")
    mixed = [each for n in range(1, 40) for each in (*storm_turn(n), *_turn_of(other, n))]
    runs = runs_of([*A.story(), *other.story(), *mixed])
    assert [[loop.turns for loop in run.loops] for run in runs] == [[39], [39]]


def _turn_of(client: Client, number: int) -> list[Exchange]:
    return [client.refused(token=client.token(number)), client.refresh(number)]


def test_a_stream_that_stays_open_does_not_hide_a_loop() -> None:
    headers = {"accept": "text/event-stream", "authorization": "Bearer t", "user-agent": A.agent}
    stream = exchange("GET", MCP, 200, headers=headers, answered={"content-type": "text/event-stream"})
    story = [*A.story(), *storm_turn(1), replace(stream, state=State.RESPONDING)]
    run = run_of([*story, *(each for n in range(2, 10) for each in storm_turn(n))])
    assert [loop.turns for loop in run.loops] == [9]


def test_open_requests_are_not_folded() -> None:
    waiting = [A.call("tools/list", None, "t")] * 40
    assert len(run_of([*A.story(), *waiting]).messages) == 48


# What an exchange costs.


def work(timeline: Timeline, exchanges: Iterable[Exchange]) -> int:
    """How many lines of Python adding these takes: a measure of work that no busy machine changes."""
    lines = 0

    def count(frame: FrameType, event: str, argument: object) -> object:
        nonlocal lines
        lines += 1
        return count

    made = list(exchanges)
    before = sys.gettrace()
    sys.settrace(count)  # type: ignore[arg-type]  # typeshed knows no trace function without Any
    try:
        timeline.add_all(made)
    finally:
        sys.settrace(before)
    return lines


CHATTY = [A.call("tools/call", token=A.token()), exchange("GET", f"{AS}/noise", 200), A.call("ping", token="else")]


@pytest.mark.parametrize(
    "turn",
    [
        [A.call("tools/call", token=A.token())],
        storm_turn(1),
        [exchange("GET", "https://elsewhere.example/page", 200), Client("z").redeem()],
        CHATTY,
    ],
    ids=["uses", "loop", "noise", "mixed"],
)
def test_the_ten_thousandth_exchange_costs_no_more_than_the_thousandth(turn: list[Exchange]) -> None:
    measured = []
    for length in (1000, 10_000):
        timeline = Timeline()
        timeline.add_all(timed([*A.story(), *turned(turn, length // len(turn))]))
        measured.append(work(timeline, timed(turned(turn, 30), first=length + 100)))
    early, late = measured
    assert late <= 1.1 * early


def test_a_later_run_costs_no_more_than_an_earlier_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linking, "_MOST_RECENT", 10)
    measured = []
    for length in (30, 200):
        timeline = Timeline()
        stories = [Client(str(number)).story() for number in range(length + 5)]
        timeline.add_all(timed(each for story in stories[:length] for each in story))
        measured.append(work(timeline, timed([each for story in stories[length:] for each in story], first=10_000)))
        assert len(timeline.runs) == length + 5
    early, late = measured
    assert late <= 1.1 * early


def test_rows_cost_work_in_proportion_to_the_messages() -> None:
    measured = []
    for length in (1000, 4000):
        run = run_of([*A.story(), *[A.call("tools/call", token=A.token())] * length])
        calls = 0

        def count(frame: FrameType, event: str, argument: object) -> None:
            nonlocal calls
            calls += 1

        before = sys.getprofile()
        sys.setprofile(count)
        try:
            assert run.steps[-1].note == f"{length} times"
        finally:
            sys.setprofile(before)
        measured.append(calls)
    assert measured[1] <= 4.5 * measured[0]
