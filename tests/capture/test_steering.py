"""The open connection through which a user interface steers a proxy."""

import asyncio
from dataclasses import replace

import httpx
import pytest

from inspector.capture.control import ProxyIsGone
from inspector.capture.steering import InScope, Steering
from inspector.errors import CaptureError
from tests.capture.conftest import Start
from tests.capture.rows import recorded, rows
from tests.capture.upstream import Upstream


async def test_the_scope_is_edited_while_the_proxy_runs_and_what_is_not_recorded_is_counted(
    start: Start, server: Upstream
) -> None:
    server.answer("/mcp", b"{}")
    url, host = server.at("/mcp"), server.origin.removeprefix("http://")
    proxy = start(targets=("http://localhost:1/mcp",))
    steering = await Steering.connect(proxy)
    async with httpx.AsyncClient(proxy=proxy.url, trust_env=False) as client:
        await client.get(url)
        before = await steering.scope()
        assert before.origins == (InScope("http://localhost:1", "you named it"),)
        assert (before.record_all, before.learns_servers) == (False, False)
        assert (before.unrecorded, before.unrecorded_others) == ({host: 1}, 0)

        added = await steering.scope_add(url)
        assert added.origins[1] == InScope(server.origin.replace("127.0.0.1", "localhost"), "you named it")
        await client.get(url)
        assert len(await rows(proxy, url)) == 1

        assert (await steering.scope_remove(url)).origins == before.origins
        await client.get(url)
        assert (await steering.scope()).unrecorded == {host: 2}

        assert (await steering.record_all(True)).record_all
        await client.get(url)
        await rows(proxy, url, lambda found: len(found) == 2)
        assert not (await steering.record_all(False)).record_all
        await client.get(url)
    assert (await steering.facts()).unrecorded.counts == {host: 3}
    assert len(recorded(proxy, url)) == 2
    await steering.close()


async def test_what_the_proxy_refuses_is_said_in_its_words_and_the_connection_stays(start: Start) -> None:
    steering = await Steering.connect(start())
    with pytest.raises(CaptureError, match=r"There is no wire patch 'add-resorce'; there are add-resource, "):
        await steering.patch_on("add-resorce")
    with pytest.raises(CaptureError, match="That message is not held any more"):
        await steering.held(1)
    with pytest.raises(CaptureError, match="can be held for 1 to 3600 seconds"):
        await steering.step_on(seconds=0)
    assert [each.patch for each in (await steering.patch_on("drop-resource")).active] == ["drop-resource"]
    state = await steering.step_on(responses=True, seconds=30)
    assert (state.on, state.responses, state.mcp, state.seconds, state.held) == (True, True, False, 30, ())
    assert not (await steering.step_off()).on
    await steering.close()


async def test_the_end_of_the_proxy_is_noticed(start: Start) -> None:
    proxy = start()
    with pytest.raises(ProxyIsGone):
        await Steering.connect(replace(proxy, token="wrong"))
    steering = await Steering.connect(proxy)
    await asyncio.to_thread(proxy.stop)
    with pytest.raises(ProxyIsGone):
        await steering.step()
    assert not steering.connected
    await steering.close()
    with pytest.raises(ProxyIsGone):
        await Steering.connect(proxy)
