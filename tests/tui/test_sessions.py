"""Several open sessions: tabs, the first screen, opening, progress, stopping, closing."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from inspector.session.importing import Recording
from inspector.session.model import Exchange
from inspector.session.writer import SessionWriter
from inspector.tui.app import InspectorApp
from inspector.tui.feed import Feed, FileFeed, SessionFeed
from inspector.tui.masking import Masker
from inspector.tui.opening import SAMPLE, open_path, open_sample
from inspector.tui.preferences import Preferences
from inspector.tui.recording import Analyst
from tests.tui.stage import BESIDE, KEY, STACKED, Stage, stage
from tests.tui.story import initialize, story


@asynccontextmanager
async def empty(size: tuple[int, int] = STACKED, preferences: Preferences | None = None) -> AsyncGenerator[Stage]:
    """The application with nothing open."""
    app = InspectorApp(masker=Masker(KEY), preferences=preferences)
    async with app.run_test(size=size) as pilot:
        here = Stage(app, pilot)
        await here.until(lambda: bool(app.sessions) and app.recording.ended)
        yield here


def session_file(path: Path, exchanges: Sequence[Exchange]) -> Path:
    with SessionWriter.create(path, meta={}) as writer, writer.batch():
        for exchange in exchanges:
            writer.record(exchange)
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MCP_AUTH_INSPECTOR_HOME", str(tmp_path / "home"))
    return tmp_path


async def test_the_first_screen_says_how_to_begin(home: Path) -> None:
    async with empty() as here:
        assert "Nothing is open" in here.status
        for words in ("s opens a recorded sign-in", "mcp-auth-inspector run -- ", "mcp-auth-inspector gateway"):
            assert words in here.text
        while "gateway" not in here.app.clipboard:
            await here.press("down", "y")
        assert here.app.clipboard == "mcp-auth-inspector gateway https://mcp.example.com/mcp"
        await here.press("p", "v", "d", "z", "0", "l", "plus", "escape", "Q")
        assert "Nothing is open" in here.status


async def test_the_sample_takes_the_place_of_the_first_screen_and_shows_a_fault(home: Path) -> None:
    async with empty(BESIDE) as here:
        await here.press("s")
        await here.until(lambda: here.app.recording.ended and "Fault: client" in here.verdict)
        assert "resource-missing-authorize" in here.verdict
        assert "run 2/2" in here.status
        assert len(here.app.sessions) == 1
        await here.press("Q")
        await here.until(lambda: "Nothing is open" in here.status)


def test_the_sample_holds_no_place_of_the_machine_it_was_made_on() -> None:
    assert b"/home/" not in SAMPLE.read_bytes()
    assert b"/root/" not in SAMPLE.read_bytes()
    feed = open_sample().feed
    assert isinstance(feed, SessionFeed)
    assert "/" not in feed.source
    feed.close()


async def test_sessions_are_tabs_each_with_its_own_cursor(home: Path) -> None:
    first = session_file(home / "first.mcpauth", story())
    second = session_file(home / "second.mcpauth", story(resource=True))
    async with stage(story(), BESIDE) as here:
        here.app.open_file(first)
        await here.until(lambda: len(here.app.sessions) == 2 and "first.mcpauth" in here.status)
        await here.until(lambda: "Fault: client" in here.verdict)
        await here.press("G")
        here.app.open_file(second)
        await here.until(lambda: len(here.app.sessions) == 3 and "No fault" in here.verdict)
        assert "1 demo.mitm  2 first.mcpauth  3 second.mcpauth" in here.text
        await here.press("comma")
        assert "first.mcpauth" in here.status
        assert here.main._timeline.step_id == 7
        await here.press("full_stop", "full_stop")
        assert "demo.mitm" in here.status
        await here.click("3 second.mcpauth")
        assert "No fault" in here.verdict
        await here.press("Q")
        assert "second.mcpauth" not in here.text
        assert len(here.app.sessions) == 2


async def test_a_session_out_of_sight_takes_in_what_comes_and_the_new_size_of_the_window(home: Path) -> None:
    from tests.tui.stage import DrivenFeed

    feed = DrivenFeed()
    path = session_file(home / "other.mcpauth", story(resource=True))
    async with stage(feed, STACKED) as here:
        here.app.open_file(path)
        await here.until(lambda: "No fault" in here.verdict if len(here.app.sessions) == 2 else False)
        await feed.queue.put(story())
        await here.until(lambda: bool(here.app.sessions[0].recording.runs))
        await here.pilot.resize_terminal(*BESIDE)
        await here.press("comma")
        await here.until(lambda: "Fault: client" in here.verdict)
        assert here.main.has_class("-beside")
        assert "Problems · " in here.text
        await feed.queue.put(None)


async def test_a_file_that_cannot_be_opened_is_said_in_one_sentence_and_changes_nothing(home: Path) -> None:
    (home / "x.mcpauth").write_bytes(b"SQLite format 3\0 and then nothing")
    async with stage(story(), STACKED) as here:
        here.app.open_file(home / "x.mcpauth")
        await here.until(lambda: bool(here.app._notifications))
        assert "x.mcpauth is truncated" in next(iter(here.app._notifications)).message
        assert len(here.app.sessions) == 1


async def test_a_broken_file_of_another_program_opens_with_its_trouble(home: Path) -> None:
    (home / "x.har").write_text("{ this is no JSON")
    async with empty() as here:
        here.app.open_file(home / "x.har")
        await here.until(lambda: here.app.session.name == "x.har" and here.app.recording.ended)
        assert "x.har" in here.app.recording.trouble
        assert here.app.recording.trouble[:40].split()[-1] in here.text


async def test_a_har_file_shows_its_warnings_in_the_status_line(home: Path) -> None:
    (home / "odd.har").write_text(json.dumps({"log": {"entries": [{"no": "request"}]}}))
    async with empty() as here:
        here.app.open_file(home / "odd.har")
        await here.until(lambda: here.app.session.name == "odd.har" and here.app.recording.ended)
        assert here.app.recording.warnings
        assert "not read" in here.status


@dataclass
class SlowFeed:
    """A long finished recording of which the test lets parts through."""

    source: str = "long.har"
    title: str = "recording"
    live: bool = False
    total: int = 100
    queue: asyncio.Queue[Sequence[Exchange] | None] = field(default_factory=asyncio.Queue)

    async def updates(self) -> AsyncIterator[Sequence[Exchange]]:
        while (part := await self.queue.get()) is not None:
            yield part

    def recording(self) -> Recording:
        raise NotImplementedError


@asynccontextmanager
async def reading(feed: Feed) -> AsyncGenerator[Stage]:
    app = InspectorApp(feed, masker=Masker(KEY))
    async with app.run_test(size=STACKED) as pilot:
        here = Stage(app, pilot)
        await here.until(lambda: bool(app.sessions))
        yield here


async def test_progress_is_shown_while_a_long_recording_is_read_and_escape_stops_it() -> None:
    feed = SlowFeed()
    async with reading(feed) as here:
        await feed.queue.put([initialize(number, number / 10, 401) for number in range(1, 41)])
        await here.until(lambda: "40%" in here.text)
        assert "Reading" in here.text
        assert "esc stop" in here.text
        assert "Timeline" in here.text
        await here.press("escape")
        await feed.queue.put([initialize(41, 5.0, 401)])
        await here.until(lambda: here.app.recording.ended)
        assert "You stopped the reading after 41 of 100 exchanges" in here.verdict
        await here.until(lambda: "Reading" not in here.text)
        assert here.app.recording.exchange_count == 41


async def test_closing_while_it_is_read_leaves_no_trace() -> None:
    feed = SlowFeed()
    async with reading(feed) as here:
        await here.press("Q")
        await here.until(lambda: "Nothing is open" in here.status)
        assert not any(worker.is_running for worker in here.app.workers if worker.name == "feed")


async def test_an_import_ends_when_it_is_stopped(tmp_path: Path) -> None:
    entry = {"request": {"method": "GET", "url": "http://a/", "headers": []}, "response": {"status": 200}}
    path = tmp_path / "many.har"
    path.write_text(json.dumps({"log": {"entries": [entry] * 50}}))
    whole = FileFeed(path)
    assert sum([len(part) async for part in whole.updates()]) == whole.total == 50
    assert whole.read == 1.0
    stopped = FileFeed(path)
    stopped.stop()
    assert [part async for part in stopped.updates()] == []


def test_a_long_recording_is_judged_a_few_times_and_not_once_a_part() -> None:
    class Counting:
        exchange_count = judged = 0

        def add(self, exchanges: Iterable[Exchange]) -> None:
            self.exchange_count += len(list(exchanges))

        @property
        def runs(self) -> tuple[()]:
            self.judged += 1
            return ()

    analyser = Counting()
    analyst = Analyst(analyser)
    part = story()
    for number in range(200):
        analyst.take(part, more=number < 199)
    assert analyser.exchange_count == 200 * len(part)
    assert analyser.judged < 12


def test_what_a_path_is_opened_as_depends_on_its_content(home: Path) -> None:
    session_file(home / "named.har", story())
    (home / "named.mcpauth").write_text("{}")
    feed = open_path(home / "named.har").feed
    assert isinstance(feed, SessionFeed)
    feed.close()
    assert isinstance(open_path(home / "named.mcpauth").feed, FileFeed)
