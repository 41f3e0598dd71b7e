from tests.tui.stage import STACKED, stage
from tests.tui.story import story


def cursor_row(rows: list[str]) -> str:
    return next(row for row in rows if "▌" in row)


async def test_a_text_is_found_in_the_timeline_and_n_goes_on_around_the_end() -> None:
    async with stage(story(), STACKED) as here:
        await here.press("home", "slash", *"TOKEN", "enter")
        assert here.main.step_here == 6
        await here.press("slash", *["backspace"] * 5, *"POST", "enter")
        found = {here.main.step_here}
        for _ in range(4):
            await here.press("n")
            found.add(here.main.step_here)
        assert found == {1, 4, 6, 7}
        before = here.main.step_here
        await here.press("n", "N")
        assert here.main.step_here == before


async def test_a_text_that_is_not_there_is_said() -> None:
    async with stage(story(), STACKED) as here:
        assert "does not have that text" in await here.press("slash", *"nowhere", "enter")


async def test_a_text_is_found_in_a_pane() -> None:
    async with stage(story(), STACKED) as here:
        await here.press("end", "up", "2", "slash", *"verifier", "enter")
        assert "code_verifier" in cursor_row(here.rows[12:])


async def test_a_filter_leaves_steps_out_says_how_many_and_is_taken_away_again() -> None:
    async with stage(story(), STACKED) as here:
        await here.press("f", *"~m post", "enter")
        assert "Timeline · 4 of 7 · ~m post" in here.text
        assert "not seen" not in here.text
        assert "nothing sent" not in here.text
        steps = []
        await here.press("home")
        for _ in range(4):
            steps.append(here.main.step_here)
            await here.press("down")
        assert steps == [1, 4, 6, 7]
        await here.press("f", *["backspace"] * 7, "enter")
        assert "of 7" not in here.text


async def test_a_filter_that_is_none_is_said_while_it_is_typed() -> None:
    async with stage(story(), STACKED) as here:
        assert "is not known" in await here.press("f", *"~x")
        await here.press("enter")
        assert "is not known" in here.text, "it stays open"


async def test_a_problem_that_the_filter_leaves_out_can_still_be_read() -> None:
    async with stage(story(), STACKED) as here:
        await here.press("f", *"register", "enter")
        assert "resource-missing-authorize" in await here.press("p")
