"""Nothing that was completed is lost when the proxy, its user interface or both are killed in mid-flight."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import httpx
import pytest

from inspector.capture.proxy import ProxySettings, RunningProxy, find_running, start_proxy
from inspector.capture.watch import changes
from inspector.session.model import State
from tests.capture.conftest import Start
from tests.capture.rows import recorded, row
from tests.capture.upstream import Upstream

ROOT = Path(__file__).parents[2]
USER_INTERFACE = """
import asyncio, sys
from pathlib import Path
from inspector.capture.proxy import ProxySettings, start_proxy
from inspector.capture.watch import changes

async def show(proxy):
    async for number in changes(proxy):
        print(number, flush=True)

proxy = start_proxy(ProxySettings(Path(sys.argv[1]), targets=(sys.argv[2],)))
print("ready", flush=True)
asyncio.run(show(proxy))
"""


class Load:
    """Several clients that ask without a break, and the paths that were answered whole."""

    def __init__(self, proxy: RunningProxy, server: Upstream) -> None:
        self.answered: list[str] = []
        self.enough = asyncio.Event()
        self._proxy = proxy
        self._server = server
        for number in range(10_000):
            server.answer(f"/{number}", b"x" * 2000)
        self._numbers = iter(range(10_000))

    async def run(self, clients: int = 8) -> None:
        await asyncio.gather(*(self._ask() for _ in range(clients)))

    async def _ask(self) -> None:
        async with httpx.AsyncClient(proxy=self._proxy.url, trust_env=False, timeout=20) as client:
            for number in self._numbers:
                path = f"/{number}"
                try:
                    response = await client.get(self._server.at(path))
                except httpx.HTTPError:
                    return
                assert response.content == b"x" * 2000
                self.answered.append(path)
                if len(self.answered) >= 60:
                    self.enough.set()

    def missing(self) -> set[str]:
        """Paths that were answered and are not complete in the session."""
        complete = {
            each.url.removeprefix(self._server.origin)
            for each in recorded(self._proxy, self._server.origin)
            if each.state is State.COMPLETE and each.response_body.data == b"x" * 2000
        }
        return set(self.answered) - complete


@pytest.fixture
def user_interface(home: Path, server: Upstream) -> Iterator[subprocess.Popen[str]]:
    """A process that started a proxy and shows its session as it grows."""
    arguments = [sys.executable, "-c", USER_INTERFACE, str(home / "session.mcpauth"), server.at("/mcp")]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


async def test_the_proxy_is_killed(start: Start, server: Upstream) -> None:
    proxy = start(targets=(server.at("/mcp"),))
    load = Load(proxy, server)
    running = asyncio.create_task(load.run())
    await load.enough.wait()
    os.kill(proxy.pid, signal.SIGKILL)
    await running
    assert load.missing() == set()


async def test_the_user_interface_is_killed(user_interface: subprocess.Popen[str], server: Upstream) -> None:
    may_answer = asyncio.Event()

    async def answer_late(writer: asyncio.StreamWriter) -> None:
        await may_answer.wait()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nlate")

    server.answers["/mcp"] = answer_late
    (proxy,) = find_running()
    async with httpx.AsyncClient(proxy=proxy.url, trust_env=False) as client:
        asking = asyncio.create_task(client.post(server.at("/mcp"), content=b"{}"))
        await row(proxy, server.at("/mcp"), State.REQUEST)
        assert user_interface.stdout is not None
        assert int(await asyncio.to_thread(user_interface.stdout.readline)) > 0  # it was watching
        user_interface.kill()
        user_interface.wait()
        may_answer.set()
        assert (await asking).content == b"late"

        (again,) = find_running()
        assert again == proxy
        assert again.alive
        done = await row(again, server.at("/mcp"))
        assert (done.request_body.data, done.response_body.data) == (b"{}", b"late")
        async with aclosing(changes(again)) as growth:
            seen = await anext(growth)
            await client.get(server.at("/next"))
            assert await anext(growth) > seen


async def test_both_are_killed(user_interface: subprocess.Popen[str], server: Upstream, home: Path) -> None:
    (proxy,) = find_running()
    load = Load(proxy, server)
    running = asyncio.create_task(load.run())
    await load.enough.wait()
    user_interface.kill()
    os.kill(proxy.pid, signal.SIGKILL)
    await running
    assert load.missing() == set()
    assert find_running() == []

    following = start_proxy(ProxySettings(proxy.session, targets=(server.at("/mcp"),)))
    async with httpx.AsyncClient(proxy=following.url, trust_env=False) as client:
        await client.get(server.at("/after"))
    assert (await row(following, server.at("/after"))).status == 404
    assert load.missing() == set()
