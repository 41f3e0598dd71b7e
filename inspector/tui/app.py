"""The terminal application: holds the open sessions, shows one of them, and remembers what the reader likes."""

import asyncio
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import App, SystemCommand
from textual.screen import Screen
from textual.timer import Timer
from textual.worker import WorkerFailed

from inspector.display import visible
from inspector.errors import InspectorError
from inspector.tui.actions import ACTIONS
from inspector.tui.ascii import AsciiOnly
from inspector.tui.feed import Feed, FinishedFeed, SessionFeed
from inspector.tui.masking import Masker
from inspector.tui.opening import Opened, live_feed, open_path, open_running, open_sample
from inspector.tui.panes.status import Origin
from inspector.tui.preferences import Preferences, load
from inspector.tui.recording import Analyser, Recording
from inspector.tui.screens.main import MainScreen
from inspector.tui.sessions import OpenSession
from inspector.tui.themes import HIGH_CONTRAST

if TYPE_CHECKING:
    from inspector.capture.proxy import RunningProxy
    from inspector.tui.live import LiveCapture
    from inspector.tui.screens.replay import Replayed

CAPTURE_SECONDS = 1.0
"""How often a capture is asked what it holds and changes."""

PROGRESS_SECONDS = 0.1
"""How often the progress of a recording that is being read is drawn."""


class InspectorApp(App[None]):
    """A desktop of open sessions, each with a main screen of its own."""

    TITLE = "mcp-auth-inspector"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar = []

    def __init__(
        self,
        feed: Feed | None = None,
        *,
        proxy_label: str = "",
        recipe: Sequence[str] = (),
        analyser: Analyser | None = None,
        masker: Masker | None = None,
        preferences: Preferences | None = None,
        ascii_only: bool = False,
        system_clipboard: Callable[[str], object] | None = None,
    ) -> None:
        """Without a `feed` the first screen says how to begin. `proxy_label` is the proxy's address, shown while live;
        `recipe` are the lines that say how to send a client through it, shown until something is captured.
        `analyser` judges the feed in place of a new Analysis. `system_clipboard` takes what is copied, besides the
        terminal. Without `preferences` the usual ones apply, and none are kept.
        """
        super().__init__()
        self.preferences = preferences or Preferences()
        self.sessions: list[OpenSession] = []
        self.shown = 0
        self._first = (Opened(feed or nothing_yet(), proxy_label), tuple(recipe), analyser)
        self._masker = masker or Masker()
        self._system_clipboard = system_clipboard
        self._opened_so_far = 0
        self._ticker: Timer | None = None
        if ascii_only:
            self._filters.append(AsciiOnly())

    @property
    def session(self) -> OpenSession:
        """The session that is shown."""
        return self.sessions[self.shown]

    @property
    def recording(self) -> Recording:
        """What is known of it."""
        return self.session.recording

    async def on_mount(self) -> None:
        """Apply what was remembered, show the main screen, and begin to follow the feed."""
        self.register_theme(HIGH_CONTRAST)
        if self.preferences.theme in self.available_themes:
            self.theme = self.preferences.theme
        self.theme_changed_signal.subscribe(self, lambda theme: self._remember_theme(theme.name))
        self.set_keymap(self.preferences.keys)
        self._ticker = self.set_interval(PROGRESS_SECONDS, self._show_progress, pause=True)
        opened, recipe, analyser = self._first
        await self.add_session(opened, recipe, analyser)
        for trouble in self.preferences.troubles:
            self.notify(trouble, severity="warning", markup=False, timeout=15)

    async def on_unmount(self) -> None:
        """Let go of the files, and of what is held in step mode. A capture goes on."""
        for session in self.sessions:
            session.close()
        if "live" in self.__dict__:
            await self.live.close()

    @cached_property
    def live(self) -> "LiveCapture":
        """The capture that runs beside the screens."""
        from inspector.tui.live import LiveCapture

        return LiveCapture(self._capture_changed)

    def _capture_changed(self) -> None:
        """Show what waits in step mode, as its client waits as well."""
        from inspector.tui.screens.step import StepDialog

        if self.live.held and isinstance(self.screen, MainScreen):
            self.push_screen(StepDialog(self.live, self._masker))

    def step_through(self) -> None:
        """Show step mode."""
        from inspector.tui.screens.step import StepDialog

        self.push_screen(StepDialog(self.live, self._masker))

    def open_capture(self, proxy: "RunningProxy") -> None:
        """Show a capture that was started here."""
        from inspector.session.reader import Session

        label = proxy.gateway or proxy.url
        self._open(lambda: Opened(live_feed(Session.open(proxy.session), proxy), label))

    def _remember_theme(self, name: str) -> None:
        self.preferences.theme = name
        self.preferences.save()

    # The open sessions.

    async def add_session(self, opened: Opened, recipe: Sequence[str] = (), analyser: Analyser | None = None) -> None:
        """Open a tab for a feed and show it; the tab of a start screen gives way to it."""
        feed = opened.feed
        address = (feed.live and opened.proxy_label) or feed.source
        screen = MainScreen(Origin(feed.title, address, feed.live, tuple(recipe)), self._masker, self.preferences)
        session = OpenSession(feed, screen, visible(Path(feed.source).name or feed.title), analyser)
        self._opened_so_far += 1
        self.install_screen(screen, f"session-{self._opened_so_far}")
        self.sessions.append(session)
        if len(self.sessions) == 1:
            await self.push_screen(screen)
        else:
            await self.show_session(len(self.sessions) - 1)
            if is_start(self.sessions[0].feed):
                await self._remove(self.sessions[0])
        session.following = self.run_worker(session.follow(partial(self._show, session)), name="feed")
        if not feed.live and self._ticker:
            self._ticker.resume()
        if feed.live and isinstance(feed, SessionFeed):
            self.run_worker(self._watch_capture(session, Path(feed.source)), name="capture")

    async def _watch_capture(self, session: OpenSession, path: Path) -> None:
        """Show on a session's screen what its capture does with the messages that pass, and why there may be none."""
        while session in self.sessions and not session.recording.ended:
            await asyncio.sleep(CAPTURE_SECONDS)
            state = await self.live.look(path)
            if state is not None and session in self.sessions and session.screen.is_whole:
                session.screen.show_capture(state)

    async def show_session(self, number: int = 0, *, by: int = 0) -> None:
        """Show the session of a number, or the one `by` places further, around the end."""
        number = (self.shown + by) % len(self.sessions) if by else number
        while len(self.screen_stack) > 2:
            await self.pop_screen()
        self.shown = number
        await self.switch_screen(self.session.screen)
        self._name_sessions()

    async def close_session(self) -> None:
        """Close the session shown; after the last one the start screen is there."""
        session = self.session
        if len(self.sessions) == 1:
            await self.add_session(Opened(nothing_yet()))
        else:
            await self.show_session(by=1)
        if session in self.sessions:
            await self._remove(session)

    async def _remove(self, session: OpenSession) -> None:
        shown = self.session
        self.sessions.remove(session)
        self.shown = self.sessions.index(shown)
        session.stop()
        if session.following is not None:
            session.following.cancel()
        self.uninstall_screen(session.screen)
        await session.screen.remove()
        session.close()
        self._name_sessions()

    def _name_sessions(self) -> None:
        names = [session.name for session in self.sessions]
        for number, session in enumerate(self.sessions):
            session.screen.show_sessions(names, number)

    def _show(self, session: OpenSession, recording: Recording) -> None:
        if session in self.sessions and session.screen.is_whole:
            session.screen.show(recording)

    def _show_progress(self) -> None:
        reading = False
        for session in self.sessions:
            if session.screen.is_whole:
                session.screen.show_progress(session.progress)
            reading = reading or session.progress is not None
        if self._ticker and not reading:
            self._ticker.pause()

    def stop_reading(self) -> None:
        """Read the session shown no further."""
        self.session.stop()

    async def show_replays(self, done: "Replayed", run: int) -> None:
        """Show what was replayed of a run: in its own session, or where that could not be written in a new tab."""
        if done.is_new:
            await self.add_session(await asyncio.to_thread(open_path, done.path))
            text = visible(f"This recording cannot be written to; the replays are in {done.path}.")
            self.notify(text, markup=False)
        session = self.session
        if done.proof is not None:
            session.prove(run, done.proof)
        if not done.is_new:
            await session.read_on(partial(self._show, session))

    # Opening.

    def open_file(self, path: Path) -> None:
        """Open a file in a tab of its own, or say why that is not possible."""
        self._open(lambda: open_path(path), remember=path)

    def open_sample(self) -> None:
        """Open the sample."""
        self._open(open_sample)

    def open_running(self) -> None:
        """Open the newest capture that runs."""
        self._open(open_running)

    def _open(self, find: Callable[[], Opened], remember: Path | None = None) -> None:
        """Find a feed away from the screen's thread, as files and proxies may be slow to answer."""

        async def opening() -> None:
            try:
                opened = await asyncio.to_thread(find)
            except InspectorError as error:
                self.notify(visible(str(error)), title="Not opened", severity="error", markup=False, timeout=15)
                return
            if remember is not None:
                self.preferences.opened(remember)
            await self.add_session(opened)

        self.run_worker(opening(), name="open")

    # What Textual asks.

    def copy_to_clipboard(self, text: str) -> None:
        """Copy to the terminal's clipboard by OSC 52, and to the system's where there is one."""
        super().copy_to_clipboard(text)
        if self._system_clipboard:
            self._system_clipboard(text)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every action that can be done now, by its name."""
        if isinstance(screen, MainScreen):
            for action in ACTIONS:
                if not screen.reason_against(action):
                    run = partial(screen.action_do, action.id)
                    yield SystemCommand(f"{action.group}: {action.title}", action.tooltip, run)

    def _fatal_error(self) -> None:
        """Say where the program broke, without the values it was working on: they hold captured secrets.

        Textual's own crash screen prints the local variables of every frame, and messages hold values as well.
        """
        self.bell()
        self._exit_renderables.append(Text(_crash_report(self._exception)))
        self._close_messages_no_wait()


def nothing_yet() -> Feed:
    """What the start screen follows."""
    return FinishedFeed((), source="", title="start")


def is_start(feed: Feed) -> bool:
    """Whether a session is the start screen."""
    return isinstance(feed, FinishedFeed) and not feed.source and not feed.total


def run_app(
    feed: Feed | None = None,
    *,
    proxy_label: str = "",
    recipe: Sequence[str] = (),
    analyser: Analyser | None = None,
    ascii_only: bool = False,
) -> int:
    """Show a feed in the terminal until the reader leaves; gives the exit code, 0 or 1 after a crash.

    Without a feed it shows how to begin.
    """
    from inspector.tui.clipboard import to_system_clipboard

    app = InspectorApp(
        feed,
        proxy_label=proxy_label,
        recipe=recipe,
        analyser=analyser,
        preferences=load(),
        ascii_only=ascii_only,
        system_clipboard=to_system_clipboard,
    )
    app.run()
    if "live" in app.__dict__ and app.live.started_here and app.live.proxy is not None:
        print(
            f"mcp-auth-inspector: the capture at {app.live.proxy.gateway or app.live.proxy.url} goes on; "
            "`mcp-auth-inspector open` shows it again, `mcp-auth-inspector env --stop` ends it.",
            file=sys.stderr,
        )
    return app.return_code or 0


def _crash_report(error: BaseException | None) -> str:
    """Where it broke: the kind of fault and the places in the code, and no value."""
    while isinstance(error, WorkerFailed) or (error is not None and error.__cause__ is not None):
        error = error.error if isinstance(error, WorkerFailed) else error.__cause__
    kind = type(error).__name__ if error else "unknown fault"
    frames = traceback.extract_tb(error.__traceback__) if error else ()
    places = (f"  {Path(frame.filename).parent.name}/{Path(frame.filename).name}:{frame.lineno}" for frame in frames)
    return "\n".join(
        (
            f"mcp-auth-inspector stopped because of a fault in itself: {kind}",
            *(f"{place} in {frame.name}" for place, frame in zip(places, frames, strict=True)),
            "Values are left out here because they can hold secrets. A capture that is running goes on.",
        )
    )
