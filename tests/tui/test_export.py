from collections.abc import Sequence
from pathlib import Path

from textual.widgets import Input, OptionList

from inspector.report.formats import FORMATS
from inspector.session.importing import ImportedRecording
from inspector.session.model import Exchange
from inspector.tui.screens.export import ExportDialog
from tests.tui.stage import BESIDE, SIZES, STACKED, Stage, stage
from tests.tui.story import CODE, VERIFIER, story


def recording(exchanges: Sequence[Exchange]) -> ImportedRecording:
    return ImportedRecording("story", exchanges, (), {})


async def opened(here: Stage, folder: Path, written: list[Path | None]) -> ExportDialog:
    dialog = ExportDialog(lambda: recording(story()), None, folder)
    here.app.push_screen(dialog, written.append)
    await here.until(lambda: bool(dialog._report))
    return dialog


async def test_the_report_is_shown_before_it_is_written_and_holds_no_secret(tmp_path: Path) -> None:
    written: list[Path | None] = []
    for size in SIZES:
        async with stage(story(), size) as here:
            dialog = await opened(here, tmp_path, written)
            assert "Export a report" in here.text
            assert "Hidden values" in here.text
            assert CODE not in dialog._report
            assert VERIFIER not in dialog._report


async def test_every_format_that_exists_is_offered(tmp_path: Path) -> None:
    async with stage(story(), BESIDE) as here:
        dialog = await opened(here, tmp_path, [])
        formats = dialog.query_one("#formats", OptionList)
        assert [option.id for option in formats.options] == [each.name for each in FORMATS]


async def test_another_format_is_another_report_under_another_name(tmp_path: Path) -> None:
    async with stage(story(), BESIDE) as here:
        dialog = await opened(here, tmp_path, [])
        first = dialog._report
        await here.press("down")
        await here.until(lambda: dialog._report != first)
        assert "<html" in dialog._report
        assert dialog.query_one("#file", Input).value.endswith("-html.html")


async def test_the_file_is_written_and_an_existing_one_is_left_alone(tmp_path: Path) -> None:
    written: list[Path | None] = []
    async with stage(story(), STACKED) as here:
        dialog = await opened(here, tmp_path, written)
        taken = tmp_path / "taken.md"
        taken.write_text("mine")
        dialog.query_one("#file", Input).value = str(taken)
        await dialog.action_write()
        await here.settle()
        assert "exists already" in here.text
        assert taken.read_text() == "mine"
        dialog.query_one("#file", Input).value = str(tmp_path / "issue.md")
        await dialog.action_write()
        await here.until(lambda: bool(written))
    assert written == [tmp_path / "issue.md"]
    assert "resource-missing-authorize" in (tmp_path / "issue.md").read_text()


async def test_a_single_value_can_be_shown_and_masked_again(tmp_path: Path) -> None:
    async with stage(story(), BESIDE) as here:
        dialog = await opened(here, tmp_path, [])
        masked = dialog.query_one("#masked", OptionList)
        masked.focus()
        masked.highlighted = next(number for number, each in enumerate(dialog._listed) if "state" in each.kind)
        await here.settle()
        hidden = dialog._report
        await here.press("space")
        await here.until(lambda: dialog._report != hidden)
        assert "Zk3vPq81mXc0" in dialog._report
        await here.press("space")
        await here.until(lambda: dialog._report == hidden)


async def test_x_exports_the_run_shown() -> None:
    async with stage(story(), BESIDE) as here:
        await here.press("x")
        await here.until(lambda: isinstance(here.app.screen, ExportDialog) and bool(here.app.screen._report))
        assert "Export a report" in here.text
