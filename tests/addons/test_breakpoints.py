import asyncio

import pytest
from mitmproxy.connection import Client
from mitmproxy.test import tflow

from addons.breakpoints import Breakpoints, Drop, Gone, Held, Release
from addons.legs import Leg
from addons.parts import Parts

UI, OTHER_UI = object(), object()


class Changes:
    """Counts how often the list was said to be another."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


@pytest.fixture
def changes() -> Changes:
    return Changes()


@pytest.fixture
def breakpoints(changes: Changes) -> Breakpoints:
    return Breakpoints(changes)


def held(client: Client | None = None) -> Held:
    return Held("request", Leg.TOKEN, "POST", "http://h/token", Parts((), b""), client or tflow.tclient_conn())


def switch_on(breakpoints: Breakpoints, **wanted: float) -> None:
    breakpoints.switch_on(UI, **{"responses": False, "mcp": False, "hold_for": 60, **wanted})  # type: ignore[arg-type]


async def hold(breakpoints: Breakpoints, message: Held) -> asyncio.Task[object]:
    waiting: asyncio.Task[object] = asyncio.create_task(breakpoints.hold(message))
    await asyncio.sleep(0)
    assert message in breakpoints.held
    return waiting


async def test_a_message_goes_on_by_itself_at_its_deadline(breakpoints: Breakpoints) -> None:
    switch_on(breakpoints, hold_for=0.02)
    message = held()
    decision = await breakpoints.hold(message)
    assert decision == Release(why="nobody let it go for 0.02 s")
    assert message.deadline - message.since == pytest.approx(0.02)
    assert breakpoints.held == []


async def test_each_change_of_the_list_is_told(breakpoints: Breakpoints, changes: Changes) -> None:
    switch_on(breakpoints)
    before, message = changes.count, held()
    waiting = await hold(breakpoints, message)
    assert changes.count == before + 1
    assert breakpoints.decide(message.id, Drop())
    assert not breakpoints.decide(message.id, Release())  # the first word counts
    assert await waiting == Drop()
    assert changes.count == before + 2
    assert breakpoints.find(message.id) is None


async def test_only_who_switched_it_on_ends_it_by_leaving(breakpoints: Breakpoints) -> None:
    switch_on(breakpoints)
    waiting = await hold(breakpoints, held())
    breakpoints.peer_gone(OTHER_UI)
    assert breakpoints.owner is UI
    assert not waiting.done()
    breakpoints.peer_gone(UI)
    assert breakpoints.owner is None
    assert await waiting == Release(why="the user interface that held it is gone")


async def test_a_client_that_leaves_takes_its_own_messages_along(breakpoints: Breakpoints) -> None:
    switch_on(breakpoints)
    client = tflow.tclient_conn()
    mine, other = await hold(breakpoints, held(client)), await hold(breakpoints, held())
    breakpoints.client_gone(client)
    assert await mine == Gone()
    assert not other.done()
    breakpoints.switch_off()
    assert await other == Release()


def test_what_is_stopped(breakpoints: Breakpoints) -> None:
    assert not breakpoints.stops("request", Leg.TOKEN)
    switch_on(breakpoints)
    assert [leg for leg in Leg if not breakpoints.stops("request", leg)] == [Leg.MCP, Leg.OTHER]
    assert not any(breakpoints.stops("response", leg) for leg in Leg)
    switch_on(breakpoints, responses=True, mcp=True)
    assert [leg for leg in Leg if not breakpoints.stops("response", leg)] == [Leg.OTHER]
