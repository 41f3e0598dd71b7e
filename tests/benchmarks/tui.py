"""What the screens cost: the first paint, a key press on long lists, and rows that arrive live."""

import asyncio
import fcntl
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import OptionList

from inspector.session.model import Exchange
from inspector.session.writer import SessionWriter
from inspector.tui.recording import Analyser
from tests.benchmarks.ratio import Ratio, compare
from tests.tui.stage import SPREAD, DrivenFeed, Stage, stage
from tests.tui.story import story
from tests.tui.test_timeline import Unjudged, calls

ROWS = 100_000
PRESSES = 25
RATE = 2_000
LIVE_SECONDS = 5
_PAINTED = b"Timeline"
_PAINT_SECONDS = 0.06
"""Longer than Textual waits before it paints, so that a press is over when the next is sent."""


def ratios() -> Iterator[Ratio]:
    """Measure what starts a process: the time until the timeline is on a terminal."""
    with tempfile.TemporaryDirectory() as name:
        os.environ["MCP_AUTH_INSPECTOR_HOME"] = name
        short, long = Path(name) / "short.mcpauth", Path(name) / "long.mcpauth"
        _write(short, story())
        _write(long, calls(ROWS))
        beside = "python -c 'import textual.app'"
        yield compare("first paint of a small session", lambda: _first_paint(short), beside, _import_textual)
        yield compare(f"first paint of {ROWS} exchanges", lambda: _first_paint(long), beside, _import_textual)


def costs() -> Iterator[str]:
    """Measure inside the process: the CPU time of a key press, and how late the screen is while traffic arrives."""
    yield from asyncio.run(_key_presses())
    yield from asyncio.run(_live())


def _write(path: Path, exchanges: Sequence[Exchange]) -> None:
    with SessionWriter.create(path, meta={}) as writer, writer.batch():
        for exchange in exchanges:
            writer.record(exchange)


def _import_textual() -> None:
    subprocess.run([sys.executable, "-c", "import textual.app"], check=True)


def _first_paint(session: Path) -> None:
    """Open a session in a terminal, and wait until its timeline is drawn."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", SPREAD[1], SPREAD[0], 0, 0))
    command = [sys.executable, "-m", "inspector", "open", str(session)]
    environment = os.environ | {"TERM": "xterm-256color"}
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, close_fds=True)
    os.close(theirs)
    try:
        painted, deadline = b"", time.monotonic() + 60
        while _PAINTED not in painted:
            if not select.select([ours], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise RuntimeError("Nothing was painted for a minute.")
            painted += os.read(ours, 65536)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


class _Options(App[None]):
    """Textual's own list."""

    def compose(self) -> ComposeResult:
        yield OptionList(*(f"{number} POST /mcp tools/call 200" for number in range(1_000)))


async def _key_presses() -> list[str]:
    async with _Options().run_test(size=SPREAD) as pilot:
        pilot.app.query_one(OptionList).action_last()
        beside = await _press_cost(pilot)
    taken = {}
    for rows in (100, ROWS):
        async with _filled(rows, Unjudged()) as here:
            taken[rows] = await _press_cost(here.pilot)
    few, many = taken.values()
    return [
        f"key press on {ROWS} rows: {many * 1e3:.1f} ms CPU, {many / few:.2f} x that on 100 rows, "
        f"{many / beside:.2f} x one in an OptionList of 1000 ({beside * 1e3:.1f} ms)"
    ]


async def _press_cost(pilot: Pilot[None]) -> float:
    """The median CPU time of a press with all that it has painted, without what the same time costs in idleness."""
    pressed: list[float] = []
    idle: list[float] = []
    for _ in range(PRESSES):
        for key, into in (("up", pressed), (None, idle)):
            before = time.process_time()
            if key:
                await pilot.press(key)
            await pilot.pause(_PAINT_SECONDS)
            into.append(time.process_time() - before)
    return statistics.median(pressed) - statistics.median(idle)


async def _live() -> list[str]:
    arriving = calls(RATE * LIVE_SECONDS)
    feed = DrivenFeed()
    async with stage(feed, SPREAD) as here:
        quiet = await _lateness(1.0)
        watching = asyncio.create_task(_lateness(LIVE_SECONDS))
        for start in range(0, len(arriving), RATE // 10):
            await feed.queue.put(arriving[start : start + RATE // 10])
            await asyncio.sleep(0.1)
        late = await watching
        before = time.perf_counter()
        await _until(lambda: here.app.recording.exchange_count == len(arriving))
        behind = time.perf_counter() - before
        await feed.queue.put(None)
    return [
        f"{RATE} exchanges/s for {LIVE_SECONDS} s: the screen is late by {_median_and_worst(late)}, "
        f"at rest by {_median_and_worst(quiet)}; all rows {behind:.1f} s after the last arrived"
    ]


async def _lateness(seconds: float) -> list[float]:
    """How much later than asked for the event loop gets to a task, again and again."""
    late = []
    end = time.perf_counter() + seconds
    while (before := time.perf_counter()) < end:
        await asyncio.sleep(0.01)
        late.append(time.perf_counter() - before - 0.01)
    return late


def _median_and_worst(late: Sequence[float]) -> str:
    p95 = statistics.quantiles(late, n=20)[-1]
    return f"{statistics.median(late) * 1e3:.0f} ms (p95 {p95 * 1e3:.0f} ms)"


@asynccontextmanager
async def _filled(rows: int, analyser: Analyser) -> AsyncGenerator[Stage]:
    feed = DrivenFeed()
    async with stage(feed, SPREAD, analyser=analyser) as here:
        exchanges = calls(rows)
        await feed.queue.put(exchanges)
        await _until(lambda: here.app.recording.exchange_count == len(exchanges))
        await here.settle()
        yield here
        await feed.queue.put(None)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(300):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)
