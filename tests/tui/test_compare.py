from dataclasses import replace

from inspector.tui.panes.compare import compare_lines
from inspector.tui.screens.compare import Candidate, ChooseRun, CompareScreen
from inspector.verdict.compare import compare
from tests.tui.stage import SIZES, STACKED, stage
from tests.tui.story import CODE, story
from tests.tui.test_walk import view_of

FAULTY, CLEAN = view_of(), view_of(resource=True)
BEFORE, AFTER = Candidate("Warp, as it is", FAULTY), Candidate("Warp with resource", CLEAN)


def told(left: Candidate, right: Candidate) -> str:
    comparison = compare(left.view.judged, right.view.judged)
    lines = compare_lines(comparison, left.name, right.name, left.view.veil_with(right.view))
    return "\n".join(line.plain for line in lines)


def test_the_first_difference_is_marked_and_shown_with_both_values() -> None:
    text = told(BEFORE, AFTER)
    marked = next(line for line in text.splitlines() if "first difference" in line)
    assert "Authorize" in marked
    assert text.count("first difference") == 1
    after = text.partition(marked)[2]
    assert after.index("query resource: A not sent") < after.index("B {server}/mcp")
    assert "only in A: resource-missing-authorize" in text


def test_runs_that_did_the_same_say_so() -> None:
    assert "Both did the same" in told(AFTER, AFTER)


def test_no_secret_is_compared() -> None:
    assert CODE not in told(BEFORE, AFTER)


async def test_the_comparison_fits_every_size_and_swaps() -> None:
    for size in SIZES:
        async with stage(story(), size) as here:
            here.app.push_screen(CompareScreen(BEFORE, AFTER))
            await here.settle()
            assert "Warp, as it is" in here.text
            text = await here.press("s")
            assert text.index("Warp with resource") < text.index("Warp, as it is")


async def test_the_other_run_is_chosen_from_a_list() -> None:
    async with stage(story(), STACKED) as here:
        chosen: list[Candidate | None] = []
        here.app.push_screen(ChooseRun([BEFORE, AFTER]), chosen.append)
        await here.settle()
        await here.press("down", "enter")
        assert chosen == [AFTER]


async def test_c_compares_with_another_run_of_the_recording() -> None:
    later = [replace(each, id=each.id + 100, started_at=each.started_at + 3600) for each in story(resource=True)]
    async with stage([*story(), *later], STACKED) as here:
        await here.press("c")
        assert "Compare with" in here.text
        await here.press("enter")
        assert "first difference" in here.text


async def test_with_a_single_run_there_is_nothing_to_compare_and_it_says_so() -> None:
    async with stage(story(), STACKED) as here:
        assert "Only one sign-in is open" in await here.press("c")
