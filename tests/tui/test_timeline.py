"""The timeline as a widget: what its rows hold, and that a row costs the same however many there are."""

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from time import process_time

import pytest
from rich.cells import cell_len

from inspector.rules.model import Checked, Confidence, Party
from inspector.session.model import Body, Exchange, Incident, Source, State, Translation
from inspector.timeline import Timeline
from inspector.tui.view import seconds
from inspector.tui.widgets.timeline import TimelineList
from inspector.verdict.model import Judged, Verdict
from tests.tui.alone import alone, view_of
from tests.tui.hostile import HOSTILE, raw_characters
from tests.tui.stage import SPREAD, STACKED, stage
from tests.tui.story import AUTHKIT, CLIENT_ID, CODE, MCP, START, access_token, exchange, initialize, story
from tests.tui.test_hostile_text import in_a_path


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
        assert not timeline.has_head
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


TEXTS = Path(__file__).parent / "timelines"
PANES = {"80x24": (78, 30), "120x36": (48, 30), "160x48": (58, 30)}
"""How wide the timeline is in a window of each size."""


def everything() -> list[Exchange]:
    """One of each thing a diagram can show."""
    told = story()
    back = f"http://127.0.0.1:33418/callback?code={CODE}&state=Zk3vPq81mXc0"
    broken = replace(told[4], id=30, status=None, state=State.FAILED, started_at=told[4].started_at - 0.05)
    rewritten = replace(told[6], translations=(Translation("form", "resource", "http://127.0.0.1:9/mcp", MCP),))
    later = replace(told[6], id=40, started_at=START + 300, response_end=START + 300.2)
    waiting = replace(told[6], id=41, status=None, state=State.REQUEST, started_at=START + 301, response_end=0.0)
    token = access_token(CLIENT_ID)
    return [
        *told[:4],
        replace(broken, response_end=0.0, response_body=Body(), response_headers=()),
        told[4],
        replace(told[5], response_headers=(("location", back),)),
        exchange(31, "GET", f"{AUTHKIT}/sign-in", 5.6, 0.4, 200),
        rewritten,
        told[7],
        *(initialize(100 + number, 30.0 + number / 5, 401, token=token) for number in range(40)),
        later,
        replace(waiting, response_body=Body(), response_headers=()),
    ]


INCIDENT = Incident(1, START + 3, "tls", "localhost", "The client does not trust the certificate of the inspector.")


@pytest.mark.parametrize("name", PANES)
@pytest.mark.parametrize("told", ["story", "everything", "uncaptured"])
async def test_the_diagram_looks_as_it_was_last_seen(told: str, name: str) -> None:
    """UPDATE_TEXTS=1 writes what it looks like anew; look at it before you commit it."""
    exchanges = {"story": story(), "everything": everything(), "uncaptured": [e for e in story() if e.id != 6]}[told]
    async with alone(exchanges, PANES[name], incidents=(INCIDENT,) if told == "everything" else ()) as here:
        here.timeline.go_to(5)
        await here.pilot.pause()
        shown = "".join(f"{row.rstrip()}\n" for row in here.rows).rstrip() + "\n"
    path = TEXTS / f"{told}-{name}.txt"
    if os.environ.get("UPDATE_TEXTS"):
        path.write_text(shown, encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8")


async def test_a_narrow_diagram_gives_way_to_the_list_and_a_wide_one_on_request() -> None:
    async with alone(story(), (58, 30)) as here:
        assert "├───►│" in here.rows[here.row_with("  30ms")]
        here.timeline.as_diagram = False
        await here.pilot.pause()
        assert here.row_with("6 ✗ POST /oauth2/token") > 0
        assert not any("►" in row for row in here.rows)
        here.timeline.as_diagram = True
        await here.pilot.resize_terminal(30, 30)
        await here.pilot.pause()
        assert here.timeline.as_diagram
        assert not any("►" in row for row in here.rows)


@pytest.mark.parametrize("size", [(78, 40), (58, 40), (48, 40), (36, 40)])
async def test_hostile_text_keeps_the_columns(size: tuple[int, int]) -> None:
    async with alone(story(), size) as here:
        for text in filter(in_a_path, HOSTILE):
            exchanges = story()
            path = f"{AUTHKIT}/{in_a_path(text)}"
            exchanges[4] = replace(exchanges[4], url=f"{path}/register", method=text[:30])
            exchanges[6] = replace(exchanges[6], url=f"{path}/token")
            incident = Incident(1, START + 3, text, text, text)
            here.timeline.show(view_of(exchanges), live=False, incidents=(incident,))
            await here.pilot.pause()
            assert all(cell_len(row) == size[0] for row in here.rows)
            assert raw_characters("".join(here.rows)) == set()
            assert len({cell_len(row[: row.rindex(" 200")]) for row in here.rows if " 200" in row}) == 1
            for index in range(here.timeline.row_count):
                if tip := here.timeline.tip(index):
                    assert raw_characters(tip.plain.replace("\n", "")) == set()


async def test_an_incident_can_be_chosen_and_copied() -> None:
    async with alone(story(), PANES["160x48"], incidents=(INCIDENT,)) as here:
        here.timeline.go_to(4)
        await here.pilot.press("down")
        assert (here.timeline.incident, here.timeline.step_id) == (INCIDENT, None)
        assert here.timeline.copied() == INCIDENT.text
        await here.pilot.press("down")
        assert (here.timeline.incident, here.timeline.step_id) == (None, 5)


async def test_a_row_is_found_by_its_path_method_title_note_and_status() -> None:
    async with alone(everything(), PANES["160x48"], incidents=(INCIDENT,)) as here:
        timeline = here.timeline
        for words, step in (("oauth2/register", 4), ("post", 1), ("sign-in", None), ("loop, 41", 8), ("302", 6)):
            here.timeline.go_to(10)
            assert timeline.find(words, 1) is (step is not None)
            assert timeline.step_id == (step or 10)
        assert timeline.find("does not trust", 1)
        assert timeline.incident is INCIDENT


async def test_other_colours_reach_every_row() -> None:
    async with alone(story(), PANES["160x48"]) as here:

        def colours() -> set[str]:
            return {segment.style.bgcolor.name for segment in here.strips[2] if segment.style and segment.style.bgcolor}

        dark = colours()
        here.app.theme = "textual-light"
        await here.pilot.pause()
        assert colours().isdisjoint(dark)


async def test_tips_say_what_the_flags_stand_for() -> None:
    async with alone(everything(), PANES["160x48"]) as here:
        tips = [tip.plain for index in range(here.timeline.row_count) if (tip := here.timeline.tip(index))]
    assert any("~ rewritten on the way: address translated: form resource" in tip for tip in tips)
    async with alone([replace(each, source=Source.REPLAY) for each in story()], PANES["160x48"]) as here:
        tips = [tip.plain for index in range(here.timeline.row_count) if (tip := here.timeline.tip(index))]
    assert any("R sent by the inspector as a replay" in tip for tip in tips)


async def test_without_colour_the_cursor_and_the_problems_are_still_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with alone(everything(), PANES["80x24"], incidents=(INCIDENT,)) as here:
        for key in ("end", "home", "down", "down"):
            await here.pilot.press(key)
        here.timeline.go_to(4)
        await here.pilot.pause()
        row = here.rows[here.row_with("▌")]
        assert "━" in row
        assert sum("━" in row for row in here.rows) == 1
        assert any("✗" in row for row in here.rows)


async def test_every_segment_has_a_style() -> None:
    async with alone(everything(), PANES["80x24"], incidents=(INCIDENT,)) as here:
        for y in range(here.timeline.size.height):
            assert all(segment.style is not None for segment in here.timeline.render_line(y))


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
