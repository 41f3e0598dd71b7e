"""The replay dialogs: send one request again, perform a client again, and prove a verdict."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from textual.widgets import Button, Input, OptionList, TextArea

from inspector.reference.settings import DEMO
from inspector.session.model import Exchange, Source
from inspector.session.reader import Session
from inspector.session.writer import SessionWriter
from inspector.tui.feed import SessionFeed
from inspector.tui.panes.why import why_lines
from inspector.tui.screens.agree import Agree
from inspector.tui.screens.replay import PerformDialog, SendAgainDialog
from inspector.tui.view import Selection
from inspector.tui.widgets.document import DocumentPane
from tests.replay.conftest import Canary, listening
from tests.replay.recording import record_exchanges
from tests.tui.stage import BESIDE, SIZES, Stage, stage


@pytest.fixture
async def session(tmp_path: Path) -> Path:
    """A session of a client that leaves `resource` out."""
    path = tmp_path / "mine.mcpauth"
    with SessionWriter.create(path, meta={}) as writer:
        for exchange in await record_exchanges("warp", DEMO):
            writer.record(exchange)
    return path


@pytest.fixture
async def canary() -> AsyncIterator[Canary]:
    """A server that notes what it gets."""
    async with listening() as one:
        yield one


def feed_of(path: Path) -> SessionFeed:
    return SessionFeed(Session.open(path), source=str(path))


def replays_in(path: Path) -> list[Exchange]:
    with Session.open(path) as read:
        return [exchange for exchange in read.exchanges() if exchange.source is Source.REPLAY]


def result(here: Stage) -> str:
    lines = here.app.screen.query_one("#replay-text", DocumentPane)._lines
    return "\n".join(line.plain for line in lines)


async def send_dialog(here: Stage) -> SendAgainDialog:
    await here.press("home", "r")
    await here.until(lambda: isinstance(here.app.screen, SendAgainDialog))
    dialog = here.app.screen
    assert isinstance(dialog, SendAgainDialog)
    await here.until(lambda: dialog.focused is not None)
    return dialog


async def test_a_request_is_edited_sent_and_its_answer_shown_beside_the_recorded_one(session: Path) -> None:
    async with stage(feed_of(session), BESIDE) as here:
        runs = here.main.run_count
        dialog = await send_dialog(here)
        headers = dialog.query_one("#resend-headers", TextArea)
        headers.text += "\nX-Mine: 1"
        await here.press("enter")
        await here.until(lambda: "the session" in here.text)
        assert "X-Mine: 1" in result(here)
        assert "now: 401 Unauthorized" in result(here)
        await here.press("escape")
        await here.until(lambda: here.main.run_count > runs)
    (sent,) = replays_in(session)
    assert ("X-Mine", "1") in sent.request_headers


async def test_nothing_leaves_for_the_original_server_before_the_reader_agrees(session: Path) -> None:
    async with stage(feed_of(session), BESIDE) as here:
        dialog = await send_dialog(here)
        dialog.query_one("#resend-to", Input).value = "original"
        await here.press("enter")
        await here.until(lambda: isinstance(here.app.screen, Agree))
        assert "would be sent to http://localhost:" in here.text
        await here.press("escape")
        await here.until(lambda: "Nothing was sent." in here.text)
    assert replays_in(session) == []


async def test_secrets_are_asked_about_before_they_go_to_another_host(session: Path, canary: Canary) -> None:
    async with stage(feed_of(session), BESIDE) as here:
        token = next(m for m in here.main.view.messages.values() if m.bearer) if here.main.view else None
        assert token is not None
        step = here.main.view.judged.run.step_of(token) if here.main.view else None
        here.main.go_to_step(step)
        await here.press("r")
        await here.until(lambda: isinstance(here.app.screen, SendAgainDialog))
        here.app.screen.query_one("#resend-to", Input).value = canary.url
        await here.press("enter")
        await here.until(lambda: isinstance(here.app.screen, Agree))
        assert "access_token #" in here.text
        assert (token.bearer or "") not in here.text
        await here.press("enter")  # once more, as somebody does who reads nothing
        await here.until(lambda: "Nothing was sent." in here.text)
        assert canary.received == []
        here.app.screen.query_one("#resend-to", Input).focus()
        await here.press("enter")
        await here.until(lambda: isinstance(here.app.screen, Agree))
        here.app.screen.query_one("#choice-agree", Button).press()
        await here.until(lambda: "marked as a replay" in here.text)
        assert len(canary.received) == 1


async def test_what_cannot_be_sent_is_said_in_the_dialog(session: Path) -> None:
    async with stage(feed_of(session), BESIDE) as here:
        dialog = await send_dialog(here)
        dialog.query_one("#resend-to", Input).value = "file:///etc/passwd"
        await here.press("enter")
        await here.until(lambda: "no http or https URL" in here.text)
        dialog.query_one("#resend-to", Input).value = "reference"
        dialog.query_one("#resend-headers", TextArea).text = "no header"
        await here.press("enter")
        await here.until(lambda: "this is none: no header" in here.text)
    assert replays_in(session) == []


@pytest.mark.parametrize("size", SIZES)
async def test_what_if_proves_the_verdict_and_the_run_says_so(session: Path, size: tuple[int, int]) -> None:
    async with stage(feed_of(session), size) as here:
        view = here.main.view
        assert view is not None
        assert "Confirmed" not in view.judged.verdict.summary
        offered = [line.plain for line in why_lines(view, Selection(), view.veil())]
        assert "W performs this client again with add-resource, to prove it" in offered
        await here.press("W")
        await here.until(lambda: isinstance(here.app.screen, PerformDialog))
        changes = here.app.screen.query_one("#changes", OptionList)
        await here.until(lambda: changes.highlighted == 1)
        assert "add-resource" in here.text
        await here.press("enter")
        await here.until(lambda: "Both are in the session" in here.text)
        assert "Proven" in result(here)
        assert "resource added on" in result(here)
        await here.press("escape")
        await here.until(lambda: here.main.run_count == 3)
        assert here.main.view is not None
        assert here.main.view.judged.run.id == view.judged.run.id
        assert here.main.view.judged.verdict.confidence == "certain"
        assert "Confirmed by performing it again" in here.main.view.judged.verdict.summary
        await here.press("greater_than_sign")
        assert size[0] < BESIDE[0] or "replay of run 1" in here.status
        assert any("replay of run 1 with add-resource" in each.name for each in here.main.other_runs())
    assert {e.listener for e in replays_in(session)} == {"replay of run 1", "replay of run 1 with add-resource"}


async def test_perform_again_can_be_stopped(session: Path) -> None:
    async with stage(feed_of(session), BESIDE) as here:
        await here.press("R")
        await here.until(lambda: isinstance(here.app.screen, PerformDialog))
        dialog = here.app.screen
        await here.until(lambda: "What" in result(here) or "Perform it again as it was" in result(here))
        await here.press("enter")
        await here.until(lambda: "1/" in result(here))
        dialog.query_one("#choice-stop", Button).press()
        await here.until(lambda: "Stopped" in here.text)
        assert not dialog.query_one("#choice-start", Button).disabled
    assert replays_in(session)


async def test_replays_of_what_cannot_be_written_go_to_a_new_session(
    session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MCP_AUTH_INSPECTOR_HOME", str(tmp_path / "home"))
    with Session.open(session) as read:
        shown = list(read.exchanges())
    async with stage(shown, BESIDE) as here:
        await here.press("R")
        await here.until(lambda: isinstance(here.app.screen, PerformDialog))
        await here.until(lambda: "Perform it again as it was" in result(here))
        await here.press("enter")
        await here.until(lambda: "a run of its own" in here.text)
        await here.press("escape")
        await here.until(lambda: len(here.app.sessions) == 2 and here.main.run_count == 2)
        assert any("cannot be written to" in each.message for each in here.app._notifications)
    assert replays_in(session) == []
    (written,) = (tmp_path / "home" / "sessions").glob("*.mcpauth")
    assert replays_in(written)
