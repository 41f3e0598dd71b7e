"""Proxies of a test's own, in a home of its own; whatever still runs at its end is stopped."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from inspector.capture.proxy import ProxySettings, RunningProxy, find_running, start_proxy
from inspector.session.location import HOME_VARIABLE
from tests.capture.upstream import Upstream, upstream

type Start = Callable[..., RunningProxy]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where this test's proxies keep their notes."""
    folder = tmp_path / "home"
    monkeypatch.setenv(HOME_VARIABLE, str(folder))
    yield folder
    for proxy in find_running():
        proxy.stop()


@pytest.fixture
def start(home: Path) -> Start:
    """Start a proxy; keyword arguments are its settings."""

    def started(**settings: Any) -> RunningProxy:
        return start_proxy(ProxySettings(**{"session": home / "session.mcpauth", **settings}))

    return started


@pytest.fixture
async def server() -> AsyncIterator[Upstream]:
    async with upstream() as running:
        yield running
