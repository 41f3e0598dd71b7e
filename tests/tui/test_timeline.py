"""The timeline as a widget: what its rows hold, and that a row costs the same however many there are."""

from collections.abc import Iterable
from dataclasses import replace
from time import process_time

import pytest

from inspector.rules.model import Checked, Confidence, Party
from inspector.session.model import Body, Exchange, State
from inspector.timeline.linking import Timeline
from inspector.tui.view import seconds
from inspector.tui.widgets.timeline import TimelineList
from inspector.verdict.model import Judged, Verdict
from tests.tui.stage import SPREAD, STACKED, stage
from tests.tui.story import access_token, exchange, initialize, story


def calls(count: int) -> list[Exchange]:
    """A sign-in and then many calls of tools, each a row of its own."""
    token = access_token("http://localhost:3001/mcp")
    more = [
        exchange(
            100 + number,
            "POST",
            "http://localhost:3001/mcp",
            20 + number / 100,
            0.004,
            200,
            sent={"jsonrpc": "2.0", "id": number, "method": ("tools/list", "tools/call")[number % 2], "params": {}},
            answer={"jsonrpc": "2.0", "id": number, "result": {}},
            request_headers=(("authorization", f"Bearer {token}"),),
        )
        for number in range(count)
    ]
    return [*story(resource=True), *more]


async def rows_of(exchanges: list[Exchange], size: tuple[int, int] = SPREAD, *, as_diagram: bool = False) -> list[str]:
    async with stage(exchanges, size) as here:
        timeline = here.main.query_one(TimelineList)
        timeline.as_diagram = as_diagram
        return [timeline.row(index, timeline._row_width).plain for index in range(timeline.row_count)]


async def test_a_row_of_the_list_holds_glyph_method_path_status_duration_and_problems() -> None:
    async with stage(story(), SPREAD) as here:
        timeline = here.main.query_one(TimelineList)
        timeline.as_diagram = False
        assert timeline.head(timeline._row_width) is None
        rows = [timeline.row(index, timeline._row_width).plain for index in range(timeline.row_count)]
        assert here.main.view is not None
        count = len(here.main.view.step_findings[6])
    assert next(row for row in rows if "/oauth2/token" in row).split() == [
        *("6", "✗", "POST", "/oauth2/token", "200", "180ms"),
        str(count),
    ]


@pytest.mark.parametrize("size", [STACKED, SPREAD, (100, 30), (60, 20), (30, 12)])
async def test_columns_stand_under_each_other(size: tuple[int, int]) -> None:
    rows = [row for row in await rows_of(story(), size) if "POST" in row or "GET" in row]
    assert len({row.index("  1 ") for row in rows if row.endswith("  1 ")}) <= 1
    statuses = {row.rindex(status) for row in rows for status in (" 200", " 201", " 302", " 401") if status in row}
    assert len(statuses) == 1


async def test_every_glyph_has_its_meaning() -> None:
    exchanges = story(resource=True)
    pending = replace(
        exchanges[7], id=9, status=None, state=State.REQUEST, started_at=exchanges[7].started_at + 30, response_end=0.0
    )
    broken = replace(pending, id=10, state=State.FAILED, error="reset", started_at=exchanges[7].started_at + 9)
    refused = replace(
        exchanges[7], id=11, status=500, response_body=Body(), started_at=broken.started_at + 9, response_headers=()
    )
    rows = await rows_of([*exchanges, broken, refused, pending])
    glyphs = [row.split()[1] for row in rows if row.split()[0].isdigit() and ("POST" in row or "GET" in row)]
    assert glyphs[0] == "✓"
    assert "…" in glyphs
    assert "✗" in glyphs
    assert "·" in glyphs


async def test_a_leg_out_of_sight_is_drawn_as_such() -> None:
    rows = await rows_of([each for each in story() if each.id != 6])
    assert any("┄ Authorize  browser leg not captured" in row for row in rows)


async def test_a_loop_is_one_row_with_its_count() -> None:
    token = access_token("http://localhost:3001/mcp")
    turns = [initialize(100 + number, 30.0 + number, 401, token=token) for number in range(40)]
    rows = await rows_of([*story(), *turns])
    assert any("loop, " in row for row in rows)
    assert len(rows) < 20


async def test_a_json_rpc_method_stands_beside_the_path() -> None:
    assert any("/mcp  initialize" in row for row in await rows_of(story()))


class Unjudged:
    """Runs without rules: what is measured is the screen."""

    def __init__(self) -> None:
        self._timeline = Timeline()
        self.exchange_count = 0

    def add(self, exchanges: Iterable[Exchange]) -> None:
        for each in exchanges:
            self.exchange_count += 1
            self._timeline.add(each)

    @property
    def runs(self) -> tuple[Judged, ...]:
        verdict = Verdict(Party.NONE, Confidence.CERTAIN, None, "Not judged.")
        return tuple(Judged(run, Checked((), (), ()), verdict) for run in self._timeline.runs[:1])


async def test_a_key_press_costs_the_same_at_ten_rows_and_at_thousands() -> None:
    costs = []
    for count in (10, 3000):
        async with stage(calls(count), STACKED, analyser=Unjudged()) as here:
            timeline = here.main.query_one(TimelineList)
            assert timeline.row_count > count
            timeline.action_move(-1)
            started = process_time()
            for _ in range(50):
                timeline.action_move(-1)
                timeline.render_line(3)
            costs.append(process_time() - started)
    assert costs[1] < 5 * costs[0] + 0.05


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (0, "0ms"),
        (-1, "0ms"),
        (0.0124, "12ms"),
        (0.9996, "1.0s"),
        (1.24, "1.2s"),
        (9.96, "10s"),
        (59.6, "1m00s"),
        (185, "3m05s"),
        (3599.9, "1h00m"),
        (86400 * 3, "3d"),
    ],
)
def test_times_are_short(amount: float, shown: str) -> None:
    assert seconds(amount) == shown
