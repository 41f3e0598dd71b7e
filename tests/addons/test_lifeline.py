import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from addons import lifeline


@pytest.fixture(params=["told by the system", "looking for it"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "looking for it":
        monkeypatch.delattr(os, "pidfd_open", raising=False)
        monkeypatch.setattr(lifeline, "_LOOK_EVERY", 0.01)


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as running:
        yield running
        running.kill()


async def test_the_end_of_a_process_is_noticed(process: subprocess.Popen[bytes]) -> None:
    waiting = asyncio.create_task(lifeline.wait_for_end_of(process.pid))
    await asyncio.sleep(0.03)
    assert not waiting.done()
    process.kill()
    process.wait()
    async with asyncio.timeout(5):
        await waiting


async def test_a_process_that_has_ended_already_is_noticed(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    async with asyncio.timeout(5):
        await lifeline.wait_for_end_of(process.pid)
