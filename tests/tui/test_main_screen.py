import pytest
from textual import events

from inspector.tui.looks import aside
from inspector.tui.widgets.document import DocumentPane
from inspector.tui.widgets.row_list import RowList
from inspector.tui.widgets.timeline import TimelineList
from tests.tui.stage import BESIDE, SIZES, SPREAD, STACKED, stage
from tests.tui.story import CODE, MCP, VERIFIER, discovery, initialize, story

RUNS = [
    *story(),
    *(initialize(number, 100.0 + number, 401) for number in (20,)),
]


@pytest.mark.parametrize("size", SIZES)
async def test_the_verdict_is_in_sight_at_once(size: tuple[int, int]) -> None:
    async with stage(story(), size) as here:
        assert "✗ Fault: client · resource-missing-authorize · The client does not say" in here.verdict
        assert "Warp v0.2026.04 → http://localhost:3001/mcp" in here.status
        assert "What this rests on" in here.text


@pytest.mark.parametrize("size", SIZES)
async def test_a_clean_run_looks_calm(size: tuple[int, int]) -> None:
    async with stage(story(resource=True), size) as here:
        assert here.verdict.strip().startswith("✓ No fault found · ")
        assert "✗" not in here.text


async def test_stacked_shows_timeline_over_tabs() -> None:
    async with stage(story(), STACKED) as here:
        timeline = next(n for n, row in enumerate(here.rows) if "Timeline" in row)
        tabs = next(n for n, row in enumerate(here.rows) if "2 Request" in row)
        assert timeline < tabs
        assert "Problems" not in here.text


async def test_beside_shows_two_columns_and_the_problems() -> None:
    async with stage(story(), BESIDE) as here:
        row = next(row for row in here.rows if "Timeline" in row)
        assert "Verdict" in row
        assert "Problems · " in here.text
        assert "1 Why  2 Request  3 Response  4 Token  5 Raw" in here.text


async def test_spread_shows_why_over_request_and_response() -> None:
    async with stage(story(), SPREAD) as here:
        rows = here.rows
        why = next(n for n, row in enumerate(rows) if "1 Why" in row)
        both = next(n for n, row in enumerate(rows) if "2 Request" in row and "3 Response" in row)
        assert why < both
        assert aside("not sent") in here.text
        assert "Problems · " in here.text


@pytest.mark.parametrize("size", [(59, 30), (80, 19), (40, 10)])
async def test_a_tiny_window_keeps_timeline_and_verdict(size: tuple[int, int]) -> None:
    async with stage(story(), size) as here:
        assert "Fault: client" in here.verdict
        assert "Timeline" in here.text
        assert "2 Request" not in here.text
        assert "GET  /oauth" in here.text


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (20, 4)])
async def test_no_window_is_too_small_to_live(size: tuple[int, int]) -> None:
    async with stage(story(), size) as here:
        await here.press("p", "5", "down", "z", "z", "0")
        await here.pilot.resize_terminal(160, 48)
        await here.settle()
        assert "Fault: client" in here.text


async def test_phases_are_numbered_and_steps_stand_under_them() -> None:
    async with stage(story(), SPREAD) as here:
        left = [row[1:58] for row in here.rows[4:17]]
        headings = [row.split(" ───")[0].split("│ ")[-1] for row in left if " ───" in row]
        assert headings == ["1 Discover", "2 Register", "3 Authorize", "4 Token", "5 Use"]
        assert next(row for row in left if "/oauth2/token" in row).split()[-1] == "200"


async def test_phases_that_were_not_seen_are_shown_as_such() -> None:
    async with stage(discovery(), SPREAD) as here:
        for words in ("3 Authorize · not seen", "4 Token · not seen", "5 Use · not seen"):
            assert words in here.text
        assert "6 Refresh" not in here.text


async def test_the_cursor_begins_at_the_cause_and_in_sight() -> None:
    for size in SIZES:
        async with stage(story(), size) as here:
            cursor = next(row for row in here.rows if "▌" in row)
            assert "━✗1━" in cursor
            assert "uthorize" in cursor


async def test_moving_in_the_timeline_shows_each_step() -> None:
    async with stage(story(), BESIDE) as here:
        assert here.problems_at(6) in await here.press("down")
        assert here.problems_at(4) in await here.press("k", "k")
        assert here.problems_at(1) in await here.press("g")
        assert here.problems_at(7) in await here.press("G")
        assert "step 7" in await here.press("down")


async def test_p_goes_through_the_problems_worst_first_and_around() -> None:
    async with stage(story(), STACKED) as here:
        names = [finding.rule for finding in here.main._problems.findings]
        for name in (*names, names[0]):
            assert f"✗ {name}" in await here.press("p")
        assert f"✗ {names[-1]}" in await here.press("P")
        assert "Expected" in here.text
        assert "Found" in here.text


async def test_digits_show_the_panes() -> None:
    async with stage(story(), STACKED) as here:
        await here.press("down")
        assert "grant_type" in await here.press("2")
        assert '"access_token"' in await here.press("3")
        assert "signature" in await here.press("4")
        assert "HTTP/1.1" in await here.press("5")
        assert here.problems_at(6) in await here.press("1")


async def test_four_takes_the_place_of_the_response_where_panes_stand_beside() -> None:
    async with stage(story(), SPREAD) as here:
        text = await here.press("down", "4")
        assert "3 Response" not in text
        assert "4 Token" in text
        assert "2 Request" in text
        assert "3 Response" in await here.press("3")


async def test_the_selected_finding_is_scrolled_to_in_the_other_panes() -> None:
    async with stage(story(), SPREAD) as here:
        await here.press("p", "p", "p")
        assert "resource       " + aside("not sent") in here.text
        assert "✗ resource-missing-token" in here.text


async def test_zero_and_enter_on_the_verdict_line_show_the_whole_verdict() -> None:
    async with stage(story(), STACKED) as here:
        assert "What this rests on" not in await here.press("p")
        assert "What this rests on" in await here.press("0")
        await here.press("p", "escape")
        here.main.query_one("#verdict").focus()
        assert "What this rests on" in await here.press("enter")


async def test_an_observation_leads_to_its_step() -> None:
    async with stage(story(), BESIDE) as here:
        await here.press("0")
        pane = here.main.query_one("#why", DocumentPane)
        while not (pane.target and pane.target.step == 7):
            await here.press("down")
        assert here.problems_at(7) in await here.press("enter")
        assert here.main.query_one(TimelineList).step_id == 7


async def test_escape_goes_back_to_the_timeline_and_then_to_the_verdict() -> None:
    async with stage(story(), STACKED) as here:
        await here.press("p", "3", "escape")
        assert here.main.focused is here.main.query_one(TimelineList)
        assert "What this rests on" in await here.press("escape")
        assert here.app.is_running


async def test_enter_in_the_problem_list_opens_the_finding() -> None:
    async with stage(story(), BESIDE) as here:
        here.main.query_one("#problems").focus()
        text = await here.press("down", "enter")
        assert "error · certain · fault: client" in text
        assert here.main.focused is here.main.query_one("#why")


async def test_left_and_right_go_through_the_exchanges_of_a_folded_step() -> None:
    async with stage(story(), SPREAD) as here:
        await here.press("g", "down", "down")
        assert "exchange 4" in here.text
        text = await here.press("left")
        assert "404 Not Found" in text
        assert "exchange 3" in text
        assert "404 Not Found" in await here.press("left")
        assert "200 OK" in await here.press("right")


async def test_reveal_lasts_until_the_pane_loses_the_focus() -> None:
    async with stage(story(), SPREAD) as here:
        await here.press("down", "2")
        assert CODE not in here.text
        text = await here.press("v")
        assert CODE in text
        assert VERIFIER[:30] in text
        assert "secrets shown" in text
        assert CODE not in await here.press("tab")
        assert "secrets hidden" in here.text
        assert CODE in await here.press("2", "v")
        assert CODE not in await here.press("v")


async def test_copy_takes_what_the_cursor_is_on_with_secrets_hidden() -> None:
    async with stage(story(), SPREAD) as here:
        await here.press("down", "y")
        assert here.app.clipboard == "POST https://imaginative-palm-54.authkit.app/oauth2/token 200"
        await here.press("2", "v")
        while "code:" not in here.app.clipboard:
            await here.press("down", "y")
        assert CODE in here.text
        assert CODE not in here.app.clipboard
        assert here.app.clipboard.startswith("code: " + aside("hidden 26 chars #")[:-1])
        assert [each.message for each in here.app._notifications][-1].endswith("1 secret hidden.")


async def test_copy_from_a_problem_and_from_the_verdict() -> None:
    async with stage(story(), SPREAD) as here:
        here.main.query_one("#problems").focus()
        await here.press("y")
        assert here.app.clipboard.startswith("resource-missing-authorize: ")
        here.main.query_one("#verdict").focus()
        await here.press("y")
        assert here.main.view
        assert here.main.view.judged.verdict.summary in here.app.clipboard


async def test_zoom_gives_a_pane_the_whole_screen_and_takes_it_back() -> None:
    async with stage(story(), STACKED) as here:
        text = await here.press("3", "z")
        assert "Timeline" not in text
        assert "Fault: client" in text
        assert "302 Found" in text
        assert "Timeline" in await here.press("z")
        assert "Request" not in await here.press("escape", "z")
        assert "2 Request" in await here.press("escape")


async def test_the_documentation_of_a_rule_is_at_hand() -> None:
    async with stage(story(), BESIDE) as here:
        text = await here.press("p", "d")
        assert "resource-missing-authorize" in text
        assert "What it checks" in text
        assert "Why it matters" in text
        assert "2025-06-18 MUST" in text
        assert "What it checks" not in await here.press("escape")
        assert "What it checks" in await here.press("0", "d")
        assert here.app.is_running
        assert "What it checks" not in await here.press("q")
        assert here.app.is_running


async def test_help_lists_every_key() -> None:
    async with stage(story(), (100, 120)) as here:
        text = await here.press("question_mark")
        for words in ("Go to the next problem", "Show the Token pane", "pgdn", "< ", "ctrl+p", "worth knowing"):
            assert words in text


async def test_the_palette_finds_actions_by_name() -> None:
    async with stage(story(), BESIDE) as here:
        await here.press("p", "ctrl+p")
        await here.press("v", "e", "r", "d", "i")
        await here.until(lambda: "Show the verdict on the whole run" in here.text)
        await here.press("down", "enter")
        await here.until(lambda: "What this rests on" in here.text)


async def test_several_runs_are_switched_with_angle_brackets() -> None:
    async with stage(RUNS, BESIDE) as here:
        assert "run 1/2" in here.status
        text = await here.press("greater_than_sign")
        assert "run 2/2" in here.status
        assert "fault in run 1" in here.status
        assert "No cause found" in text
        await here.press("less_than_sign")
        assert "run 1/2" in here.status


async def test_q_leaves() -> None:
    async with stage(story()) as here:
        await here.pilot.press("q")
        assert not here.app.is_running


async def test_the_mouse_does_it_alone() -> None:
    async with stage(story(), BESIDE) as here:
        assert here.problems_at(6) in await here.click("/oauth2/token")
        assert "grant_type" in await here.click("2 Request")
        assert "error · certain · fault: client" in await here.click("aud-is-client-id")
        assert "What this rests on" in await here.click("Fault: client")
        assert here.problems_at(5) in await here.click("step 5  The authorization")


async def test_the_mouse_works_where_panes_stand_beside() -> None:
    async with stage(story(), SPREAD) as here:
        text = await here.click("/oauth2/token")
        assert "grant_type" in text
        assert "error · certain" in await here.click("resource-missing-token")


async def test_the_wheel_scrolls_and_leaves_the_cursor() -> None:
    async with stage(story(), STACKED) as here:
        await here.press("g")
        timeline = here.main.query_one(TimelineList)
        assert "1 Discover ───" in here.text
        for _ in range(3):
            timeline.post_message(events.MouseScrollDown(timeline, 5, 5, 0, 1, 0, False, False, False))
        await here.settle()
        assert "1 Discover ───" not in here.text
        assert timeline.step_id == 1


async def test_resizing_from_one_layout_to_the_next_keeps_what_is_selected() -> None:
    async with stage(story(), SPREAD) as here:
        await here.press("p", "p")
        for size in (STACKED, BESIDE, (40, 10), SPREAD):
            await here.pilot.resize_terminal(*size)
            await here.settle()
            assert "aud-is-client-id" in here.text or size == (40, 10)
        assert here.main.selection.finding


async def test_the_footer_fits_at_eighty_columns_and_leaves_whole_entries_out_below() -> None:
    async with stage(story(), STACKED) as here:
        assert here.rows[-1].strip().startswith("? Help")
        assert here.rows[-1].strip().endswith("q Quit")
        await here.pilot.resize_terminal(60, 20)
        await here.settle()
        assert here.rows[-1].strip().startswith("? Help")
        assert here.rows[-1].strip().endswith("q Quit")


async def test_no_color_changes_nothing_but_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage(story(), SPREAD) as here:
        coloured = await here.press("p", "p")
    monkeypatch.setenv("NO_COLOR", "1")
    async with stage(story(), SPREAD) as here:
        assert here.app.no_color
        assert await here.press("p", "p") == coloured
        await here.press("question_mark", "escape", "d", "escape", "2", "3", "4", "5", "v", "z", "z", "tab")
        assert here.app.is_running
        assert MCP in here.text


async def test_every_segment_has_a_style() -> None:
    """Textual's filter for NO_COLOR breaks on a segment without one."""
    async with stage(story(), SPREAD) as here:
        for pane in ("1", "2", "3", "4", "5"):
            await here.press(pane)
            for widget in here.main.query(RowList).results():
                for y in range(widget.size.height if widget.display else 0):
                    assert all(segment.style for segment in widget.render_line(y))
