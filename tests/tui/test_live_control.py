"""The dialogs that steer a capture, against a real proxy, real servers and a real client."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.widgets import Input, OptionList, TextArea

from inspector.capture.proxy import ProxySettings, RunningProxy, start_proxy
from inspector.capture.recipes import Mode, recipes
from inspector.reference.client import Outcome, perform
from inspector.reference.pair import Reference
from inspector.reference.profile import load_profile
from inspector.session.location import HOME_VARIABLE
from inspector.session.reader import Session
from inspector.tui.live import LiveCapture
from inspector.tui.masking import Masker
from inspector.tui.opening import live_feed
from inspector.tui.screens.capture import CaptureDialog
from inspector.tui.screens.edit_held import EditHeld
from inspector.tui.screens.patches import PatchesDialog
from inspector.tui.screens.scope import ScopeDialog
from inspector.tui.screens.step import StepDialog
from tests.tui.stage import BESIDE, SIZES, Stage, stage
from tests.tui.story import story


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))


@asynccontextmanager
async def capturing(tmp_path: Path, target: str) -> AsyncIterator[tuple[RunningProxy, LiveCapture]]:
    proxy = await asyncio.to_thread(start_proxy, ProxySettings(session=tmp_path / "s.mcpauth", targets=(target,)))
    live = LiveCapture(lambda: None)
    try:
        yield proxy, live
    finally:
        await live.close()
        await asyncio.to_thread(proxy.stop)


async def let_everything_go(here: Stage, dialog: StepDialog, client: "asyncio.Task[Outcome]") -> Outcome:
    async with asyncio.timeout(60):
        while not client.done():
            if dialog._shown:
                await dialog.action_release()
            await here.pilot.pause(0.02)
    return client.result()


async def test_every_client_and_way_has_a_recipe_on_the_screen() -> None:
    async with stage(story(), BESIDE) as here:
        dialog = CaptureDialog(LiveCapture(lambda: None), "http://localhost:3001/mcp")
        here.app.push_screen(dialog)
        await here.until(lambda: any(modes.option_count for modes in dialog.query("#modes").results(OptionList)))
        clients, modes = dialog.query_one("#clients", OptionList), dialog.query_one("#modes", OptionList)
        for number, recipe in enumerate(recipes()):
            clients.highlighted = number
            await here.settle()
            assert recipe.title in here.text
            for way in range(len(recipe.modes)):
                modes.highlighted = way
                await here.settle()
                assert dialog._mode is recipe.modes[way]


async def test_a_capture_is_started_tested_and_stopped(tmp_path: Path) -> None:
    async with Reference() as reference, stage(story(), BESIDE) as here:
        live = LiveCapture(lambda: None)
        started: list[RunningProxy | None] = []
        dialog = CaptureDialog(live, reference.mcp_url)
        here.app.push_screen(dialog, started.append)
        await here.until(lambda: any(modes.option_count for modes in dialog.query("#modes").results(OptionList)))
        assert "begun by its command" in here.text, "run is a capture of its own"
        dialog.query_one("#modes", OptionList).highlighted = dialog._recipe.modes.index(Mode.ENV)
        await here.settle()
        await here.click(" Start ")
        await here.until(lambda: bool(started))
        proxy = started[0]
        assert proxy is not None
        dialog = CaptureDialog(live, reference.mcp_url)
        here.app.push_screen(dialog)
        await here.until(lambda: proxy.url in here.text)
        await dialog.action_test()
        await here.settle()
        assert "Test of the capture" in here.text
        assert "goes through it" in here.text
        await dialog.action_stop()
        await here.settle()
        assert "The capture has ended" in here.text
        assert not await asyncio.to_thread(lambda: proxy.alive)


async def test_a_gateway_needs_a_url_and_says_so() -> None:
    async with stage(story(), BESIDE) as here:
        dialog = CaptureDialog(LiveCapture(lambda: None))
        here.app.push_screen(dialog)
        await here.until(lambda: any(modes.option_count for modes in dialog.query("#modes").results(OptionList)))
        dialog.query_one("#modes", OptionList).highlighted = dialog._recipe.modes.index(Mode.GATEWAY)
        await here.settle()
        await dialog.action_start()
        await here.settle()
        assert "give the URL of the MCP server" in here.text


async def test_messages_wait_are_explained_and_go_on(tmp_path: Path) -> None:
    async with (
        Reference() as reference,
        stage(story(), BESIDE) as here,
        capturing(tmp_path, reference.mcp_url) as (proxy, live),
    ):
        dialog = StepDialog(live, Masker(b"key"))
        here.app.push_screen(dialog)
        await here.until(lambda: live.steps)
        client = asyncio.create_task(perform(load_profile("compliant"), reference.mcp_url, proxy=proxy.url))
        await here.until(lambda: "The client reads what the MCP server says of itself" in here.text)
        assert "resource-metadata request" in here.text
        outcome = await let_everything_go(here, dialog, client)
        assert outcome.authorized


async def test_a_held_message_can_be_changed_byte_by_byte(tmp_path: Path) -> None:
    async with (
        Reference() as reference,
        stage(story(), BESIDE) as here,
        capturing(tmp_path, reference.mcp_url) as (proxy, live),
    ):
        dialog = StepDialog(live, Masker(b"key"))
        here.app.push_screen(dialog)
        await here.until(lambda: live.steps)
        client = asyncio.create_task(perform(load_profile("compliant"), reference.mcp_url, proxy=proxy.url))
        async with asyncio.timeout(60):
            while not (dialog._message and dialog._message.held.what == "register"):
                if dialog._message:
                    await dialog.action_release()
                await here.pilot.pause(0.02)
        dialog.action_edit()
        await here.settle()
        editor = here.app.screen
        assert isinstance(editor, EditHeld)
        body = editor.query_one("#edit-body", TextArea)
        body.text = "{}"
        editor.query_one("#edit-headers", TextArea).text = "no header"
        editor.action_send()
        await here.settle()
        assert "this is none" in here.text
        editor.query_one("#edit-headers", TextArea).text = editor._headers
        editor.query_one("#edit-start", Input).focus()
        editor.action_send()
        await here.settle()
        outcome = await let_everything_go(here, dialog, client)
        assert not outcome.authorized, "a registration without redirect URIs is refused"


async def test_the_status_line_says_what_the_capture_holds_and_changes(tmp_path: Path) -> None:
    async with (
        Reference() as reference,
        capturing(tmp_path, reference.mcp_url) as (proxy, live),
        stage(live_feed(Session.open(proxy.session), proxy), BESIDE) as here,
    ):
        assert await live.look(tmp_path / "another.mcpauth") is None
        steering = await live.steering()
        await steering.patch_on("set-header=X-Secret=swordfish")
        await live.step(True)
        await here.until(lambda: "STEP on   PATCH set-header" in here.status)
        assert "swordfish" not in here.text
        client = asyncio.create_task(perform(load_profile("compliant"), reference.mcp_url, proxy=proxy.url))
        await here.until(lambda: isinstance(here.app.screen, StepDialog))
        state = await live.look(proxy.session)
        assert state is not None
        assert (state.steps, state.held, state.patches) == (True, 1, ("set-header",))
        await steering.step_off()
        assert (await client).authorized


async def test_a_capture_in_which_nothing_arrives_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.tui.live.SILENT_FOR", 0.0)
    async with (
        capturing(tmp_path, "http://localhost:9/mcp") as (proxy, _),
        stage(live_feed(Session.open(proxy.session), proxy), BESIDE) as here,
    ):
        await here.until(lambda: "Why nothing arrives" in here.text)
        assert "No connection has come in: restart the client with the variables set." in here.text


async def test_patches_are_listed_and_switched(tmp_path: Path) -> None:
    async with (
        Reference() as reference,
        stage(story(), BESIDE) as here,
        capturing(tmp_path, reference.mcp_url) as (_, live),
    ):
        dialog = PatchesDialog(live)
        here.app.push_screen(dialog)
        await here.until(lambda: "drop-resource" in here.text)
        await dialog._turn("drop-resource", on=True)
        await here.settle()
        assert "drop-resource  applied 0 times" in here.text
        dialog.query_one(OptionList).highlighted = 0
        await dialog.action_turn()
        await here.settle()
        assert "applied" not in here.text


async def test_the_scope_is_shown_with_its_reasons_and_changed(tmp_path: Path) -> None:
    async with (
        Reference() as reference,
        stage(story(), BESIDE) as here,
        capturing(tmp_path, reference.mcp_url) as (_, live),
    ):
        dialog = ScopeDialog(live)
        here.app.push_screen(dialog)
        await here.until(lambda: reference.mcp_url.removesuffix("/mcp") in here.text)
        await dialog._change(add="http://localhost:9/")
        await here.settle()
        assert "http://localhost:9" in here.text
        await dialog.action_all()
        await here.settle()
        assert "Everything that passes by is recorded" in here.text


async def test_without_a_capture_every_dialog_says_so() -> None:
    for size in SIZES:
        async with stage(story(), size) as here:
            for make in (PatchesDialog, ScopeDialog, lambda live: StepDialog(live, Masker(b"key"))):
                here.app.push_screen(make(LiveCapture(lambda: None)))
                await here.until(lambda: "No capture is running" in here.text)
                await here.press("escape")
