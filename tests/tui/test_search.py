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
