from tests.tui.stage import SPREAD, STACKED, stage
from tests.tui.story import story


async def test_the_meaning_of_the_line_at_the_cursor_stands_under_the_pane_where_it_does_not_fit_beside() -> None:
    async with stage(story(), STACKED) as here:
        await here.press("end", "up", "2")
        for _ in range(30):
            if "proves that the same client goes on" in here.text:
                break
            await here.press("j")
        else:
            raise AssertionError("no line told what code_verifier means")
        row = next(row for row in here.rows if "proves that the same client goes on" in row)
        assert row.startswith("╰")
        await here.press("escape")
        assert "proves that the same client goes on" not in here.text, "only while the pane has the focus"


async def test_what_is_long_is_opened_and_closed_by_enter() -> None:
    async with stage(story(), SPREAD) as here:
        await here.press("home", "3")
        closed = here.text
        for _ in range(40):
            row = next((row for row in here.rows if "▌" in row and "{" in row.partition("▌")[2]), "")
            if row:
                break
            await here.press("j")
        await here.press("enter")
        assert "enter opens" in here.text
        await here.press("enter")
        assert "enter opens" not in here.text or "enter opens" in closed
