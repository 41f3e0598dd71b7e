from inspector.tui.looks import TICK
from inspector.tui.masking import Masker
from inspector.tui.panes.walk import walk_lines
from inspector.tui.screens.walk import WalkScreen
from inspector.tui.view import RunView
from inspector.verdict.analysis import Analysis
from inspector.verdict.walk import walk
from tests.tui.stage import BESIDE, SIZES, STACKED, stage
from tests.tui.story import CODE, MCP, VERIFIER, story


def view_of(*, resource: bool = False, upto: int | None = None) -> RunView:
    analysis = Analysis()
    analysis.add(story(resource=resource)[:upto])
    return RunView(analysis.runs[-1], Masker(b"key"))


def told(view: RunView, number: int) -> str:
    stops = walk(view.judged)
    lines = walk_lines(view, stops[number - 1], number, len(stops), view.veil())
    return "\n".join(f"{line.plain}  {line.remark}".rstrip() for line in lines)


def test_a_stop_tells_what_happens_what_was_sent_what_is_wrong_and_where_to_look() -> None:
    text = told(view_of(), 5)
    assert "stop 5 of 7" in text
    assert "The client opens the browser" in text
    assert "What was sent" in text
    assert "What came back: 302" in text
    assert "resource-missing-authorize" in text
    assert f"Expected: resource={MCP}" in text
    assert "What to look at" in text


def test_a_good_stop_says_that_nothing_is_wrong() -> None:
    assert f"{TICK} No rule found anything wrong here." in told(view_of(resource=True), 5)


def test_no_stop_shows_a_secret() -> None:
    view = view_of()
    everything = "".join(told(view, number) for number in range(1, 8))
    assert CODE not in everything
    assert VERIFIER not in everything


async def test_the_tour_goes_from_stop_to_stop_and_to_what_is_wrong() -> None:
    view = view_of()
    for size in SIZES:
        async with stage(story(), size) as here:
            left_at: list[int | None] = []
            here.app.push_screen(WalkScreen(lambda: view, None), left_at.append)
            await here.settle()
            assert "stop 1 of 7" in here.text
            await here.press("right", "right")
            assert "stop 3 of 7" in here.text
            await here.press("left")
            assert "stop 2 of 7" in here.text
            await here.press("p")
            assert "stop 5 of 7" in here.text
            await here.press("p", "p", "p")
            assert "stop 5 of 7" in here.text, "around the end"
            await here.press("escape")
            assert left_at == [5]


async def test_the_tour_can_be_walked_with_the_mouse() -> None:
    view = view_of()
    async with stage(story(), BESIDE) as here:
        here.app.push_screen(WalkScreen(lambda: view, None))
        await here.settle()
        await here.click(" Next ")
        assert "stop 2 of 7" in here.text


async def test_a_live_tour_learns_of_what_comes() -> None:
    shown = [view_of(upto=4)]
    async with stage(story(), STACKED) as here:
        here.app.push_screen(WalkScreen(lambda: shown[-1], 3))
        await here.settle()
        before = here.text
        shown.append(view_of())
        await here.until(lambda: "stop 3 of 7" in here.text)
        assert before != here.text


async def test_w_walks_from_the_step_at_the_cursor_and_comes_back_to_where_one_left() -> None:
    async with stage(story(), STACKED) as here:
        await here.press("end", "w")
        assert "stop 7 of 7" in here.text
        await here.press("left", "escape")
        assert here.main.step_here == 6
