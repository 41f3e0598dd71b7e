"""What stands between the steps of the timeline, and where."""

from collections.abc import Callable

from inspector.session.model import Incident
from inspector.timeline.message import Kind
from inspector.timeline.steps import Status, Step
from inspector.tui.widgets.sequence_rows import PauseRow, PhaseRow, TimelineRow, TimelineRows


def step(number: int, phase: int, kind: Kind, at: float, status: Status = Status.OK) -> Step:
    exchanges = () if status is Status.NOT_CAPTURED else (number * 10,)
    return Step(number, phase, kind, kind.value, exchanges, status, at)


def all_of(rows: TimelineRows) -> list[TimelineRow]:
    return [rows[index] for index in range(len(rows))]


def ends(times: dict[int, float]) -> Callable[[int], float]:
    return lambda exchange: times.get(exchange, 0.0)


SIGN_IN = (
    step(1, 1, Kind.MCP, 0.0),
    step(2, 3, Kind.AUTHORIZE, 1.0),
    step(3, 4, Kind.TOKEN, 15.0),
    step(4, 5, Kind.MCP, 15.5),
)


def test_a_heading_stands_wherever_the_phase_changes_and_for_those_never_seen() -> None:
    phases = [(row.phase, row.seen) for row in all_of(TimelineRows(SIGN_IN)) if isinstance(row, PhaseRow)]
    assert phases == [(1, True), (2, False), (3, True), (4, True), (5, True)]


def test_of_nothing_every_phase_was_not_seen() -> None:
    assert all_of(TimelineRows()) == [PhaseRow(phase, seen=False) for phase in (1, 2, 3, 4, 5)]


def test_the_time_the_user_took_to_log_in_stands_before_the_token() -> None:
    found = all_of(TimelineRows(SIGN_IN, end_of=ends({20: 2.0})))
    pause = found.index(PauseRow(13.0, sign_in=True))
    assert found[pause - 1] is SIGN_IN[1]
    assert found[pause + 1 :][:2] == [PhaseRow(4, seen=True), SIGN_IN[2]]


def test_pages_loaded_meanwhile_do_not_shorten_the_log_in() -> None:
    browsing = Step(2, 3, Kind.AUTHORIZE, "Authorize", (20, 21, 22), Status.OK, 1.0)
    found = all_of(TimelineRows((SIGN_IN[0], browsing, *SIGN_IN[2:]), end_of=ends({20: 2.0, 22: 14.9})))
    assert PauseRow(13.0, sign_in=True) in found


def test_a_log_in_out_of_sight_took_what_passed_before_the_token() -> None:
    unseen = (
        step(1, 2, Kind.REGISTER, 1.0),
        step(2, 3, Kind.AUTHORIZE, 9.0, Status.NOT_CAPTURED),
        step(3, 4, Kind.TOKEN, 9.0),
    )
    found = all_of(TimelineRows(unseen))
    pause = found.index(PauseRow(8.0, sign_in=True))
    assert found[pause - 1] is unseen[1]


def test_other_pauses_are_shown_from_ten_seconds_on() -> None:
    for seconds, shown in ((9.9, False), (10.0, True)):
        found = all_of(TimelineRows((step(1, 5, Kind.MCP, 0.0), step(2, 5, Kind.MCP, seconds))))
        assert any(isinstance(row, PauseRow) and not row.sign_in for row in found) is shown


def test_an_answer_that_took_long_is_no_pause() -> None:
    long = (step(1, 5, Kind.MCP, 0.0), step(2, 5, Kind.MCP, 60.0))
    assert not any(isinstance(row, PauseRow) for row in all_of(TimelineRows(long, end_of=lambda _: 59.0)))


def test_an_incident_stands_at_its_time() -> None:
    first, between, last = (Incident(id, at, "tls", "host", "text") for id, at in ((1, -5.0), (2, 10.0), (3, 99.0)))
    found = all_of(TimelineRows(SIGN_IN, (last, between, first)))
    assert found[0] is first
    assert found[-1] is last
    assert found.index(SIGN_IN[1]) < found.index(between) < found.index(SIGN_IN[2])


def test_every_step_is_found_by_its_number() -> None:
    rows = TimelineRows(SIGN_IN, (Incident(1, 10.0, "tls", "host", "text"),))
    for each in SIGN_IN:
        assert rows[rows.index_of(each)] is each


def test_a_step_is_found_again_by_its_exchange_when_numbers_shift() -> None:
    later = (step(1, 1, Kind.MCP, -1.0), Step(2, 1, Kind.MCP, "mcp", (5, 10), Status.OK, 0.0), *SIGN_IN[2:])
    assert TimelineRows(later).same_step(SIGN_IN[0]) is later[1]
    assert TimelineRows(later).same_step(step(9, 5, Kind.MCP, 77.0)) is later[-1]
    assert TimelineRows().same_step(SIGN_IN[0]) is None
