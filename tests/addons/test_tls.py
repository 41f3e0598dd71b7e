import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from inspector.capture.proxy import RunningProxy
from tests.capture.rows import incidents, recorded, row
from tests.capture.upstream import Certificates, Upstream, make_certificates, upstream


@pytest.fixture
async def secure(certificates: Certificates) -> AsyncIterator[Upstream]:
    async with upstream(certificates.server) as running:
        yield running


def trusting(proxy: RunningProxy, certificate: Path) -> httpx.AsyncClient:
    context = ssl.create_default_context(cafile=str(certificate))
    return httpx.AsyncClient(proxy=proxy.url, trust_env=False, verify=context, timeout=20)


async def test_https_is_recorded_for_a_client_that_trusts_us(proxy: RunningProxy, secure: Upstream) -> None:
    proxy.add_target(secure.at("/mcp"))
    secure.answer("/mcp", b"hello")
    async with trusting(proxy, proxy.ca_certificate) as client:
        assert (await client.get(secure.at("/mcp"))).content == b"hello"
    exchange = await row(proxy, secure.at("/mcp"))
    assert exchange.response_body.data == b"hello"
    assert exchange.tls.startswith("client TLSv1.3 ")
    assert "; server TLSv1.3 " in exchange.tls


async def test_tls_outside_the_scope_is_not_opened(
    proxy: RunningProxy, secure: Upstream, certificates: Certificates
) -> None:
    secure.answer("/api", b"private")
    async with trusting(proxy, certificates.ca) as client:  # it does not trust us: only the real certificate will do
        assert (await client.get(secure.at("/api"))).content == b"private"
    assert recorded(proxy, secure.origin) == []


async def test_a_client_that_does_not_trust_us_is_an_incident(
    proxy: RunningProxy, secure: Upstream, certificates: Certificates
) -> None:
    proxy.add_target(secure.at("/mcp"))
    began = time.time()
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.to_thread(handshake, proxy, secure, certificates.ca)
    (incident,) = await incidents(proxy, began)
    assert (incident.kind, incident.host) == ("tls-client", "127.0.0.1")
    assert incident.text.startswith("The client does not trust the inspector's certificate for 127.0.0.1 (TLS alert: ")


def handshake(proxy: RunningProxy, secure: Upstream, trusted: Path) -> None:
    """Shake hands as OpenSSL does by itself, with an alert when it fails."""
    host = secure.origin.removeprefix("https://")
    with socket.create_connection(("127.0.0.1", proxy.port)) as connection:
        connection.sendall(f"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        connection.recv(4096)
        context = ssl.create_default_context(cafile=str(trusted))
        context.wrap_socket(connection, server_hostname="127.0.0.1").close()


async def test_a_client_that_hangs_up_without_a_word_is_an_incident(
    proxy: RunningProxy, secure: Upstream, certificates: Certificates
) -> None:
    proxy.add_target(secure.at("/mcp"))
    began = time.time()
    async with trusting(proxy, certificates.ca) as client:
        with pytest.raises(httpx.ConnectError):  # asyncio drops the alert
            await client.get(secure.at("/mcp"))
    (incident,) = await incidents(proxy, began)
    assert (incident.kind, incident.host) == ("tls-client", "127.0.0.1")
    assert incident.text.startswith("The client closed the connection for 127.0.0.1 during the TLS handshake")


async def test_a_server_whose_certificate_does_not_hold_is_an_incident(proxy: RunningProxy, tmp_path: Path) -> None:
    async with upstream(make_certificates(tmp_path).server) as untrusted:
        proxy.add_target(untrusted.at("/mcp"))
        began = time.time()
        async with trusting(proxy, proxy.ca_certificate) as client:
            assert (await client.get(untrusted.at("/mcp"))).status_code == 502
        (incident,) = await incidents(proxy, began)
    assert (incident.kind, incident.host) == ("tls-server", "127.0.0.1")
    assert incident.text.startswith("The certificate of 127.0.0.1 does not hold (")
