"""A session that cannot grow, as on a full disk: the clients do not notice, and the user is told once."""

import sys
from pathlib import Path

import httpx
import pytest

from inspector.capture.silence import what_is_lost
from inspector.session.model import State
from inspector.session.reader import Session
from tests.capture.conftest import Start
from tests.capture.rows import recorded, row
from tests.capture.upstream import Upstream

if sys.platform != "linux":
    pytest.skip("only Linux can limit the files of a running process", allow_module_level=True)

import resource

LARGE = b"x" * 100_000


def limit_files(pid: int, size: int) -> None:
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


async def test_traffic_goes_on_unrecorded_and_that_is_said(start: Start, server: Upstream, home: Path) -> None:
    server.answer("/mcp", LARGE)
    proxy = start(targets=(server.at("/mcp"),))
    async with httpx.AsyncClient(proxy=proxy.url, trust_env=False) as client:
        limit_files(proxy.pid, 50_000)
        for _ in range(3):
            assert (await client.get(server.at("/mcp"))).content == LARGE
        assert recorded(proxy, server.origin) == []
        log = (home / "proxy.log").read_text()
        assert log.count("inspector: The session cannot be written") == 1
        assert "Traceback" not in log
        assert what_is_lost(proxy) == (
            "The session cannot be written, so the recording is not whole (3 writes failed): make room on the disk of "
            f"{proxy.session}, and sign in once more."
        )

        limit_files(proxy.pid, resource.RLIM_INFINITY)
        assert (await client.get(server.at("/mcp"))).content == LARGE
    assert (await row(proxy, server.at("/mcp"))).state is State.COMPLETE
    with Session.open(proxy.session) as session:
        (incident,) = session.incidents()
    assert incident.text.startswith("The session could not be written 3 times")
    assert what_is_lost(proxy) == ""
