import asyncio
import os
import signal
from contextlib import aclosing
from pathlib import Path

import httpx

from inspector.capture.watch import changes
from inspector.session.model import Exchange
from inspector.session.writer import SessionWriter
from tests.capture.conftest import Start
from tests.capture.upstream import Upstream

ANY = Exchange(0, "GET", "http://localhost/")


async def test_growth_is_pushed_and_after_the_death_of_the_proxy_looked_for(start: Start, server: Upstream) -> None:
    proxy = start(targets=(server.at("/mcp"),))
    async with aclosing(changes(proxy)) as growth, asyncio.timeout(20):
        coming = asyncio.ensure_future(anext(growth))
        async with httpx.AsyncClient(proxy=proxy.url, trust_env=False) as client:
            await client.get(server.at("/mcp"))
        pushed = await coming
        os.kill(proxy.pid, signal.SIGKILL)
        with SessionWriter.append_to(proxy.session) as writer:
            latest = writer.record(ANY).changed
            assert latest > pushed
            while await anext(growth) < latest:
                pass


async def test_a_session_alone_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "s.mcpauth"
    async with aclosing(changes(path)) as growth, asyncio.timeout(20):
        coming = asyncio.ensure_future(anext(growth))
        await asyncio.sleep(0)  # it begins to look before there is a file
        with SessionWriter.create(path, meta={}) as writer:
            first = writer.record(ANY).changed
            assert await coming == first
            second = writer.record(ANY).changed
            assert await anext(growth) == second
