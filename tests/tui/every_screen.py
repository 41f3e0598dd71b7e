"""Every screen and dialog there is, in one table: how each is brought up, always with the same words on it."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from textual.screen import Screen
from textual.widgets import Input, OptionList, TextArea

from inspector.capture.proxy import RunningProxy
from inspector.capture.recipes import Mode
from inspector.capture.silence import CaptureFacts, diagnose
from inspector.capture.steering import (
    ActivePatch,
    Held,
    HeldMessage,
    InScope,
    KnownPatch,
    PatchState,
    ScopeState,
    StepState,
)
from inspector.session.location import HOME_VARIABLE
from inspector.session.model import Exchange
from inspector.tui.app import InspectorApp
from inspector.tui.live import CaptureState
from inspector.tui.masking import Masker
from inspector.tui.panes import status
from inspector.tui.screens import export, step
from inspector.tui.screens import open as opening
from inspector.tui.screens.agree import Agree
from inspector.tui.screens.ask import Ask
from inspector.tui.screens.capture import CaptureDialog
from inspector.tui.screens.compare import Candidate, ChooseRun, CompareScreen
from inspector.tui.screens.copy import CopyDialog
from inspector.tui.screens.edit_held import EditHeld
from inspector.tui.screens.export import ExportDialog
from inspector.tui.screens.help import HelpScreen
from inspector.tui.screens.main import MainScreen
from inspector.tui.screens.menu import MenuScreen
from inspector.tui.screens.open import OpenDialog
from inspector.tui.screens.patches import PatchesDialog
from inspector.tui.screens.replay import PerformDialog, SendAgainDialog
from inspector.tui.screens.rule import RuleScreen
from inspector.tui.screens.scope import ScopeDialog
from inspector.tui.screens.step import StepDialog
from inspector.tui.screens.walk import WalkScreen
from tests.tui.alone import view_of
from tests.tui.stage import KEY, DrivenFeed, Stage, stage
from tests.tui.story import AUTHKIT, CLIENT_ID, CODE, MCP, START, VERIFIER, exchange, patched, story

if TYPE_CHECKING:
    from inspector.tui.live import LiveCapture

type Words = Callable[[str], str]
"""What stands where a peer can put words: as they are, or hostile ones."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is recorded, and how captured words read."""

    exchanges: Sequence[Exchange]
    words: Words = str
    ascii_only: bool = False
    theme: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """A screen in one state. `shows` is its class, `prepare` brings it up from where it is to `start`."""

    shows: type[Screen[Any]]
    prepare: Callable[[Stage, Told], Awaitable[object]]
    start: str = "story"


def plain() -> Told:
    """The reference story."""
    return Told(story())


@asynccontextmanager
async def looking_at(look: Look, told: Told, size: tuple[int, int]) -> AsyncGenerator[Stage]:
    """Bring a screen up."""
    match look.start:
        case "patched":
            async with stage(patched(), size, ascii_only=told.ascii_only) as here:
                await _shown(here, look, told)
                yield here
        case "nothing":
            app = InspectorApp(masker=Masker(KEY), ascii_only=told.ascii_only)
            async with app.run_test(size=size) as pilot:
                here = Stage(app, pilot)
                await here.until(lambda: bool(app.sessions) and app.recording.ended)
                await _shown(here, look, told)
                yield here
        case "waiting":
            recipe = (told.words("Set HTTPS_PROXY=http://127.0.0.1:8080 in the client's environment."),)
            async with stage(DrivenFeed(), size, recipe=recipe, ascii_only=told.ascii_only) as here:
                await _shown(here, look, told)
                yield here
        case _:
            async with stage(told.exchanges, size, ascii_only=told.ascii_only) as here:
                await _shown(here, look, told)
                yield here


async def _shown(here: Stage, look: Look, told: Told) -> None:
    if told.theme:
        here.app.theme = told.theme
    await here.settle()
    await look.prepare(here, told)
    await here.settle()


def same_everywhere(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Take what differs from day to day and from machine to machine out of the screens."""
    monkeypatch.setenv(HOME_VARIABLE, str(folder))
    monkeypatch.delenv("NO_COLOR", raising=False)
    for module in (step, status):
        monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: START + 30))
    monkeypatch.setattr(export, "_file_name", lambda chosen: f"mcp-auth-2026-11-21-0900-{chosen.name}{chosen.suffix}")


# The main screen.


def keys(*pressed: str) -> Callable[[Stage, Told], Awaitable[object]]:
    """What comes of keys."""

    async def press(here: Stage, _: Told) -> None:
        await here.press(*pressed)

    return press


async def unrelated(here: Stage, told: Told) -> None:
    feed = here.app.session.feed
    assert isinstance(feed, DrivenFeed)
    url = f"https://example.com/{told.words('favicon.ico')}"
    await feed.queue.put([exchange(1, "GET", url, 0.0, 0.01, 404)])
    await here.until(lambda: here.app.recording.exchange_count == 1)


def capture_says(**facts: object) -> Callable[[Stage, Told], Awaitable[object]]:
    """A live capture in some state."""

    async def prepare(here: Stage, told: Told) -> None:
        silence = tuple(map(told.words, cast("tuple[str, ...]", facts.get("silence", ()))))
        patches = tuple(map(told.words, cast("tuple[str, ...]", facts.get("patches", ()))))
        held = cast("int", facts.get("held", 0))
        here.main.show_capture(CaptureState(bool(held), held, START + 120, patches, silence))

    return prepare


async def live_capture(here: Stage, told: Told) -> None:
    feed = here.app.session.feed
    assert isinstance(feed, DrivenFeed)
    await feed.queue.put(told.exchanges)
    await here.until(lambda: here.app.recording.exchange_count == len(told.exchanges))


async def live_held(here: Stage, told: Told) -> None:
    await live_capture(here, told)
    await capture_says(held=2, patches=("add-resource", "set-header"))(here, told)


async def at_token(here: Stage, _: Told) -> None:
    here.main.go_to_step(6)
    await here.settle()


def tab_of_token(key: str) -> Callable[[Stage, Told], Awaitable[object]]:
    """A detail pane at the token request."""

    async def press(here: Stage, told: Told) -> None:
        await at_token(here, told)
        await here.press(key)

    return press


# A capture that never was.

PROXY = RunningProxy(
    pid=4711,
    port=8080,
    session=Path("/home/me/.local/state/mcp-auth-inspector/sessions/2026-11-21-090000-1f.mcpauth"),
    ca_certificate=Path("/home/me/.local/share/mcp-auth-inspector/ca/mitmproxy-ca-cert.pem"),
    started=START,
    control_port=1,
    token="t",
)


class PretendedSteering:
    """Says what a capture would say in the middle of the reference story."""

    def __init__(self, words: Words) -> None:
        self._words = words
        form = f"grant_type=authorization_code&code={CODE}&code_verifier={VERIFIER}&client_id={CLIENT_ID}"
        self.waiting = (
            HeldMessage(
                Held(1, "request", "token", "POST", f"{AUTHKIT}/{words('oauth2')}/token", 7, START, START + 120),
                (
                    ("Host", words("imaginative-palm-54.authkit.app")),
                    ("Content-Type", "application/x-www-form-urlencoded"),
                    (words("User-Agent"), words("Warp/0.2026.04")),
                ),
                f"{form}&evil={words('x')}".encode(errors="surrogatepass") if words is not str else form.encode(),
                "/oauth2/token",
            ),
            HeldMessage(
                Held(2, "response", "server-metadata", "GET", f"{AUTHKIT}/metadata", 4, START, START + 40),
                (("Content-Type", "application/json"),),
                b"{}",
                status=200,
            ),
        )

    async def held(self, id: int) -> HeldMessage:
        return next(each for each in self.waiting if each.held.id == id)

    async def patches(self) -> PatchState:
        words = self._words
        return PatchState(
            (ActivePatch(f"add-resource={words(MCP)}", 2),),
            (
                KnownPatch("add-resource", "[VALUE]", "Adds resource to the authorization and token requests."),
                KnownPatch("drop-resource", "", "Takes resource out of them."),
                KnownPatch("set-header", "NAME=VALUE", "Sets a header of every request."),
            ),
        )

    async def scope(self) -> ScopeState:
        words = self._words
        return ScopeState(
            origins=(
                InScope("http://localhost:3001", "named on the command line"),
                InScope(words(AUTHKIT), words("named by the metadata of http://localhost:3001")),
            ),
            record_all=False,
            learns_servers=False,
            unrecorded={words("api.github.com:443"): 12, "telemetry.example.com:443": 1},
            unrecorded_others=0,
        )

    async def step_on(self, **_: object) -> StepState:
        return StepState(True, False, False, 120, tuple(each.held for each in self.waiting))


class PretendedCapture:
    """A capture without a process behind it."""

    def __init__(self, told: Told, *, runs: bool = True, waits: bool = True) -> None:
        self._steering = PretendedSteering(told.words)
        self.proxy = PROXY if runs else None
        self.steps = True
        self.held = tuple(each.held for each in self._steering.waiting) if waits else ()

    async def find(self) -> RunningProxy | None:
        return self.proxy

    async def steering(self) -> PretendedSteering:
        return self._steering


def _capture(told: Told, *, runs: bool = True, waits: bool = True) -> "LiveCapture":
    return cast("LiveCapture", PretendedCapture(told, runs=runs, waits=waits))


# Dialogs.


def search(here: Stage, _: Told) -> Awaitable[object]:
    return here.press("slash")


async def filter_wrong(here: Stage, _: Told) -> None:
    await here.press("f", *"~x")


async def capture(here: Stage, told: Told) -> None:
    here.app.push_screen(CaptureDialog(_capture(told, runs=False), MCP))
    await _filled(here, "#modes")


async def capture_running(here: Stage, told: Told) -> None:
    dialog = CaptureDialog(_capture(told), told.words(MCP))
    here.app.push_screen(dialog)
    await _filled(here, "#modes")
    dialog.query_one("#clients", OptionList).highlighted = 2


async def _filled(here: Stage, selector: str) -> None:
    await here.until(lambda: any(each.option_count for each in here.app.screen.query(selector).results(OptionList)))


async def step_mode(here: Stage, told: Told) -> None:
    here.app.push_screen(StepDialog(_capture(told), Masker(KEY)))
    await here.until(lambda: "The client trades the code" in here.text)


async def step_mode_empty(here: Stage, told: Told) -> None:
    here.app.push_screen(StepDialog(_capture(told, waits=False), Masker(KEY)))
    await here.until(lambda: "Nothing waits" in here.text)


def edit(*, answering: bool) -> Callable[[Stage, Told], Awaitable[object]]:
    """The editor of a held message."""

    async def prepare(here: Stage, told: Told) -> None:
        message = PretendedSteering(told.words).waiting[0]
        here.app.push_screen(EditHeld(message, answering=answering))
        await here.until(lambda: bool(here.app.screen.query(TextArea)))
        for area in here.app.screen.query(TextArea):
            area.cursor_blink = False

    return prepare


async def patches(here: Stage, told: Told) -> None:
    here.app.push_screen(PatchesDialog(_capture(told)))
    await _filled(here, "#patches")


async def scope(here: Stage, told: Told) -> None:
    here.app.push_screen(ScopeDialog(_capture(told)))
    await _filled(here, "#scope")


async def files(here: Stage, told: Told) -> None:
    folder = Path("/home/me/recordings")
    dialog = OpenDialog([], folder)
    entry = opening.Entry
    found = [
        entry(folder.parent, "../", is_folder=True),
        entry(folder / "a", f"{told.words('warp')}.mcpauth", size=81920, modified=0.0),
        entry(folder / "b", f"{told.words('browser')}.har", size=3 * 1024 * 1024, modified=0.0),
        entry(folder / "older", "older/", is_folder=True),
    ]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(opening, "contents", lambda folder: found)
        patched.setattr(opening, "recent_files", lambda opened: [])
        patched.setattr(opening, "_when", lambda timestamp: "2026-11-20 14:05")
        here.app.push_screen(dialog)
        await here.until(lambda: "older/" in here.text)


async def report(here: Stage, told: Told) -> None:
    from tests.tui.test_export import recording

    dialog = ExportDialog(lambda: recording(told.exchanges), None, Path("/home/me/reports"))
    dialog._key = KEY
    here.app.push_screen(dialog)
    await here.until(lambda: bool(dialog._report))


def walk(*pressed: str) -> Callable[[Stage, Told], Awaitable[object]]:
    """A stop of the guided tour."""

    async def prepare(here: Stage, _: Told) -> None:
        await here.press("0", "w", *pressed)

    return prepare


def _candidates(told: Told) -> tuple[Candidate, Candidate]:
    return (
        Candidate(told.words("run 1, Warp v0.2026.04"), view_of(told.exchanges)),
        Candidate(told.words("run 2, Warp v0.2026.04"), view_of(story(resource=True))),
    )


async def choose_run(here: Stage, told: Told) -> None:
    here.app.push_screen(ChooseRun(_candidates(told)))


async def compared(here: Stage, told: Told) -> None:
    here.app.push_screen(CompareScreen(*_candidates(told)))


async def copy_as(here: Stage, told: Told) -> None:
    await at_token(here, told)
    await here.press("Y")
    await _filled(here, "#forms")


async def send_again(here: Stage, told: Told) -> None:
    await at_token(here, told)
    await here.press("r")
    await here.until(lambda: bool(here.app.screen.query("#resend-to:focus")))
    here.app.screen.query_one("#resend-to", Input).cursor_blink = False


async def agree(here: Stage, told: Told) -> None:
    here.app.push_screen(
        Agree(
            (
                f"POST {AUTHKIT}/oauth2/token would be sent to https://staging.example.com.",
                "It carries 1 recorded secret that https://staging.example.com has not had:",
                told.words("  code of step 6"),
            )
        )
    )


async def what_if(here: Stage, _: Told) -> None:
    await here.press("W")
    await here.until(lambda: isinstance(here.app.screen, PerformDialog))
    await _filled(here, "#changes")


def pulled_down(number: int) -> Callable[[Stage, Told], Awaitable[object]]:
    """A menu, counted from 0."""
    return keys("f10", *["right"] * number)


NOBODY = diagnose(CaptureFacts(), Mode.ENV, "http://127.0.0.1:8080")

EVERY_SCREEN = {
    "first-run": Look(MainScreen, keys(), "nothing"),
    "waiting": Look(MainScreen, keys(), "waiting"),
    "nothing-of-a-sign-in": Look(MainScreen, unrelated, "waiting"),
    "silent": Look(MainScreen, capture_says(silence=NOBODY), "waiting"),
    "live": Look(MainScreen, live_capture, "waiting"),
    "live-held": Look(MainScreen, live_held, "waiting"),
    "verdict": Look(MainScreen, keys("0")),
    "problem": Look(MainScreen, keys("p")),
    "token-step": Look(MainScreen, at_token),
    "request": Look(MainScreen, tab_of_token("2")),
    "response": Look(MainScreen, tab_of_token("3")),
    "token": Look(MainScreen, tab_of_token("4")),
    "raw": Look(MainScreen, tab_of_token("5")),
    "patched": Look(MainScreen, tab_of_token("2"), "patched"),
    "list": Look(MainScreen, keys("escape", "l")),
    "menu-file": Look(MenuScreen, pulled_down(0)),
    "menu-capture": Look(MenuScreen, pulled_down(1)),
    "menu-flow": Look(MenuScreen, pulled_down(2)),
    "menu-replay": Look(MenuScreen, pulled_down(3)),
    "menu-view": Look(MenuScreen, pulled_down(4)),
    "menu-help": Look(MenuScreen, pulled_down(5)),
    "context-menu": Look(MenuScreen, keys("escape", "m")),
    "help": Look(HelpScreen, keys("question_mark")),
    "rule": Look(RuleScreen, keys("p", "d")),
    "search": Look(Ask, search),
    "filter": Look(Ask, filter_wrong),
    "open": Look(OpenDialog, files),
    "capture": Look(CaptureDialog, capture),
    "capture-running": Look(CaptureDialog, capture_running),
    "step": Look(StepDialog, step_mode),
    "step-empty": Look(StepDialog, step_mode_empty),
    "edit-held": Look(EditHeld, edit(answering=False)),
    "answer-held": Look(EditHeld, edit(answering=True)),
    "patches": Look(PatchesDialog, patches),
    "scope": Look(ScopeDialog, scope),
    "export": Look(ExportDialog, report),
    "walk": Look(WalkScreen, walk()),
    "walk-problem": Look(WalkScreen, walk("p")),
    "choose-run": Look(ChooseRun, choose_run),
    "compare": Look(CompareScreen, compared),
    "copy-as": Look(CopyDialog, copy_as),
    "send-again": Look(SendAgainDialog, send_again),
    "agree": Look(Agree, agree),
    "what-if": Look(PerformDialog, what_if),
}
"""Every screen by the name of its picture in words."""
