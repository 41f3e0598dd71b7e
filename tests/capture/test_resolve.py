"""Names that no name server knows, as --resolve gives them to the proxy."""

import ssl
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from inspector.errors import CaptureError
from tests.capture.conftest import Start
from tests.capture.rows import rows
from tests.capture.upstream import make_certificates, upstream


@pytest.mark.parametrize("name", ["mcp.test", "MCP.test"])
async def test_a_name_leads_to_its_address_and_tls_keeps_the_name(start: Start, tmp_path: Path, name: str) -> None:
    certificates = make_certificates(tmp_path, "mcp.test")
    async with upstream(certificates.server) as server:
        server.answer("/mcp", b"hello")
        port = urlsplit(server.origin).port
        url = f"https://mcp.test:{port}/mcp"
        proxy = start(targets=(url,), upstream_ca=certificates.ca, resolve=(f"{name}:{port}:127.0.0.1",))
        trust = ssl.create_default_context(cafile=proxy.ca_certificate)
        async with httpx.AsyncClient(proxy=proxy.url, trust_env=False, verify=trust) as client:
            for _ in range(2):
                assert (await client.get(url)).content == b"hello"
    first, second = await rows(proxy, url, lambda found: len(found) == 2)
    assert first.server_address == second.server_address == f"127.0.0.1:{port}"
    assert first.url == url


@pytest.mark.parametrize("entry", ["mcp.test", "mcp.test:443", "mcp.test:x:127.0.0.1", ":443:127.0.0.1"])
def test_what_is_no_entry_is_said(start: Start, entry: str) -> None:
    with pytest.raises(CaptureError, match=r"is not HOST:PORT:ADDRESS; give one such as mcp.test:443:127.0.0.1"):
        start(resolve=(entry,))
