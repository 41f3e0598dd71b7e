"""The reference server and the emulator at https, under names that no name server knows."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from socket import socket
from typing import Any

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from inspector.reference.authkit.app import authkit_app
from inspector.reference.authkit.emulator import AuthKit
from inspector.reference.listener import bound_socket, serving
from inspector.reference.mcp_server.app import mcp_server_app
from inspector.reference.mcp_server.deployment import Deployment
from inspector.reference.settings import DEMO
from tests.capture.upstream import make_certificates

MCP, AUTH = "mcp.lab.test", "auth.lab.test"


@dataclass(frozen=True)
class SecurePair:
    """Where they are, the CA that vouches for them, and how the proxy finds them."""

    mcp_url: str
    issuer: str
    ca: Path
    resolve: tuple[str, ...]


@asynccontextmanager
async def secure_pair(folder: Path) -> AsyncIterator[SecurePair]:
    """Both running, with certificates in `folder`; clients can only register with them."""
    certificates = make_certificates(folder, MCP, AUTH)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.server)
    async with AsyncExitStack() as running:
        plain = [running.enter_context(bound_socket(0, "test server")) for _ in (MCP, AUTH)]
        ports = [await running.enter_async_context(_tls_before(each, context)) for each in plain]
        mcp_url, issuer = f"https://{MCP}:{ports[0]}/mcp", f"https://{AUTH}:{ports[1]}"
        authkit = AuthKit(issuer, replace(DEMO, cimd=False).for_server(mcp_url))
        app = authkit_app(authkit)
        http = httpx.AsyncClient(transport=httpx.ASGITransport(app=app))
        deployment = Deployment(lambda: authkit.settings, mcp_url, issuer, http, authkit.api_key)
        await running.enter_async_context(
            serving((app, plain[1]), (_for_any_host(mcp_server_app(deployment, None)), plain[0]))
        )
        names = (f"{name}:{port}:127.0.0.1" for name, port in zip((MCP, AUTH), ports, strict=True))
        yield SecurePair(mcp_url, issuer, certificates.ca, tuple(names))


def _for_any_host(app: ASGIApp) -> ASGIApp:
    """The MCP server takes requests for names of this machine only; here it goes by another."""

    async def renamed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            others = [field for field in scope["headers"] if field[0] != b"host"]
            scope = {**scope, "headers": [(b"host", b"localhost:1"), *others]}
        await app(scope, receive, send)

    return renamed


@asynccontextmanager
async def _tls_before(server: socket, context: ssl.SSLContext) -> AsyncIterator[int]:
    """The port at which TLS is taken off before a server."""
    port = server.getsockname()[1]

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.gather(_pass_on(reader, back), _pass_on(there, writer))
        except OSError:
            pass
        finally:
            writer.close()
            back.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context) as listening:
        front: Any = listening.sockets[0]
        yield int(front.getsockname()[1])
        listening.close_clients()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
