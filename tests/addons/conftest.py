"""One running proxy for all tests here; each test has servers, and so origins, of its own."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from inspector.capture.proxy import ProxySettings, RunningProxy, start_proxy
from inspector.session.location import HOME_VARIABLE
from tests.capture.upstream import Certificates, Upstream, make_certificates, upstream


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def proxy(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[RunningProxy]:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(home))
        running = start_proxy(ProxySettings(home / "session.mcpauth", upstream_ca=certificates.ca))
        yield running
        running.stop()


@pytest.fixture
async def server() -> AsyncIterator[Upstream]:
    """A server nobody has named: out of scope until the proxy learns about it."""
    async with upstream() as running:
        yield running


@pytest.fixture
async def target(proxy: RunningProxy, server: Upstream) -> Upstream:
    """A server that belongs to the inspected conversation."""
    proxy.add_target(server.at("/mcp"))
    return server


@pytest.fixture
async def client(proxy: RunningProxy) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(proxy=proxy.url, trust_env=False, timeout=20) as running:
        yield running
