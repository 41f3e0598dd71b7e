import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from inspector.errors import UnreadableInput
from inspector.session.model import Exchange
from inspector.session.reader import Session
from inspector.session.writer import SessionWriter
from inspector.tui.feed import Feed, FinishedFeed, SessionFeed, batched
from tests.tui.story import story


async def everything(feed: Feed) -> list[Exchange]:
    return [exchange async for part in feed.updates() for exchange in part]


async def test_a_finished_feed_gives_all_of_it_and_ends() -> None:
    feed = FinishedFeed(story() * 200, source="x.har")
    assert len(await everything(feed)) == len(story()) * 200
    assert not feed.live


async def test_a_session_feed_reads_what_is_written_at_each_sign(tmp_path: Path) -> None:
    path = tmp_path / "live.mcpauth"
    signs: asyncio.Queue[int | None] = asyncio.Queue()

    async def changes() -> AsyncIterator[int]:
        while (sign := await signs.get()) is not None:
            yield sign

    with SessionWriter.create(path, meta={}) as writer, Session.open(path) as session:
        writer.record(story()[0])
        updates = SessionFeed(session, changes).updates()
        assert [exchange.id for exchange in await anext(updates)] == [1]
        first = writer.record(story()[1])
        await signs.put(first.changed)
        assert [exchange.id for exchange in await anext(updates)] == [2]
        await signs.put(first.changed)  # a sign without anything new
        await signs.put(None)
        assert await anext(updates, None) is None


async def test_a_session_feed_without_changes_is_not_live(tmp_path: Path) -> None:
    path = tmp_path / "old.mcpauth"
    with SessionWriter.create(path, meta={}) as writer:
        for exchange in story():
            writer.record(exchange)
    with Session.open(path) as session:
        feed = SessionFeed(session)
        assert not feed.live
        assert feed.source == str(path)
        assert [exchange.url for exchange in await everything(feed)] == [exchange.url for exchange in story()]


async def test_batches_join_what_comes_close_together_and_pass_on_at_once_what_comes_alone() -> None:
    arrivals: asyncio.Queue[Sequence[Exchange] | None] = asyncio.Queue()

    async def updates() -> AsyncIterator[Sequence[Exchange]]:
        while (part := await arrivals.get()) is not None:
            yield part

    batches = batched(updates(), 30.0)
    for exchange in story()[:1]:
        await arrivals.put([exchange])
    async with asyncio.timeout(5):
        assert [exchange.id for exchange in await anext(batches)] == [1]  # long before the 30 seconds are over
        for exchange in story()[1:]:
            await arrivals.put([exchange])
        await arrivals.put(None)
        assert [exchange.id for exchange in await anext(batches)] == [2, 3, 4, 5, 6, 7, 8]
        assert await anext(batches, None) is None


async def test_who_is_slow_gets_all_that_came_meanwhile_at_once() -> None:
    async def updates() -> AsyncIterator[Sequence[Exchange]]:
        for each in story():
            yield [each]

    batches = batched(updates(), 0.0)
    assert len(await anext(batches)) == 1
    time.sleep(0.2)  # noqa: ASYNC251 - stands for work that takes its time
    assert len(await anext(batches)) == 7


async def test_an_error_comes_after_what_arrived_before_it() -> None:
    async def updates() -> AsyncIterator[Sequence[Exchange]]:
        yield story()[:1]
        yield story()[1:2]
        raise UnreadableInput("the file is damaged")

    batches = batched(updates(), 30.0)
    async with asyncio.timeout(5):
        assert [len(await anext(batches)) for _ in range(2)] == [1, 1]
        with pytest.raises(UnreadableInput, match="damaged"):
            await anext(batches)


async def test_leaving_cancels_what_is_waited_for() -> None:
    left = asyncio.Event()

    async def updates() -> AsyncIterator[Sequence[Exchange]]:
        yield story()[:1]
        try:
            await asyncio.Event().wait()
        finally:
            left.set()

    batches = batched(updates(), 0.01)
    await anext(batches)
    await asyncio.sleep(0)
    await batches.aclose()
    async with asyncio.timeout(5):
        await left.wait()
