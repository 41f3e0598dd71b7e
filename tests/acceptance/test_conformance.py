"""The published conformance suite, against the emulator, and against the MCP server with and without its protection."""

import asyncio
import json
import random
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from inspector.reference.authkit.store import Client
from inspector.reference.listener import bound_socket, serving
from inspector.reference.mcp_server.tools import CLAIMS, FULL_SCOPE, mcp_protocol
from inspector.reference.pair import Reference
from tests.acceptance.packages import entry_point, node, npm_package

pytestmark = pytest.mark.acceptance

VERSION = "0.2.0-alpha.12"
PATIENCE = 120.0

type Checks = Mapping[str, set[str]]
"""The names of the checks of each scenario."""


def conformance(*arguments: str) -> tuple[str, ...]:
    script = entry_point(npm_package("@modelcontextprotocol/conformance", VERSION), "conformance")
    return (str(node()), str(script), *arguments)


def checks(results: Path, status: str) -> Checks:
    """What ended with this status. Directories are named by role, scenario and time."""
    found: dict[str, set[str]] = {}
    for file in results.rglob("checks.json"):
        scenario = re.sub(r"^(authorization-)?server-|-\d{4}-\d\d-\d\dT.*$", "", file.parent.name)
        found[scenario] = {check["name"] for check in json.loads(file.read_text()) if check["status"] == status}
    return found


async def test_the_emulator_passes_as_an_authorization_server(tmp_path: Path) -> None:
    port = random.randrange(20_000, 30_000)  # below what the system hands out, so that nobody else comes by it
    client = Client("client_01K8ZQ5D2M7XGQ4T9RW3B6NVCE", "suite", (f"http://127.0.0.1:{port}/callback",), "none")
    async with Reference() as pair:
        pair.authkit.store.clients[client.client_id] = client
        suite = await asyncio.create_subprocess_exec(
            *conformance("authorization", "--url", pair.issuer, "--resource", pair.mcp_url),
            *("--client-id", client.client_id, "--port", str(port), "--output-dir", str(tmp_path)),
            stdout=asyncio.subprocess.PIPE,
        )
        assert suite.stdout
        said = b""
        async with asyncio.timeout(PATIENCE), httpx.AsyncClient(trust_env=False, follow_redirects=True) as browser:
            async for line in suite.stdout:
                said += line
                if line.startswith(f"{pair.issuer}/oauth2/authorize?".encode()):
                    await browser.get(line.decode().strip())
            assert await suite.wait() == 0, said.decode()
    passed, failed = checks(tmp_path, "SUCCESS"), checks(tmp_path, "FAILURE")
    assert "AuthorizationServerMetadata" in passed["authorization-server-metadata-endpoint"]
    assert passed["authorization-code-grant"] == {"AuthorizationCodeGrant"}
    assert failed == {"authorization-server-metadata-endpoint": set(), "authorization-code-grant": set()}


async def run_against(url: str, revision: str, results: Path) -> tuple[Checks, Checks]:
    """What a server passes of all that a revision requires, and what it fails."""
    suite = await asyncio.create_subprocess_exec(
        *conformance("server", "--url", url, "--requirements", revision, "--output-dir", str(results)),
        stdout=asyncio.subprocess.DEVNULL,
    )
    async with asyncio.timeout(PATIENCE):
        await suite.wait()
    return checks(results, "SUCCESS"), checks(results, "FAILURE")


async def nobody(user_id: str) -> dict[str, Any]:
    return {}


@asynccontextmanager
async def unprotected() -> AsyncIterator[str]:
    """The URL of a server of the SDK with the same tools and nothing in front of them."""
    hosts = ("127.0.0.1:*", "localhost:*")
    security = TransportSecuritySettings(allowed_hosts=[*hosts], allowed_origins=[f"http://{host}" for host in hosts])
    sessions = StreamableHTTPSessionManager(mcp_protocol(nobody), security_settings=security)
    protocol = StreamableHTTPASGIApp(sessions)

    class Anybody:
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await protocol({**scope, CLAIMS: {"sub": "anybody"}}, receive, send)

    listening = bound_socket(0, "unprotected server")
    async with sessions.run(), serving((Starlette(routes=[Route("/mcp", Anybody())]), listening)):
        yield f"http://localhost:{listening.getsockname()[1]}/mcp"


@asynccontextmanager
async def bearing(token: str, mcp_url: str) -> AsyncIterator[str]:
    """The server's URL for a client that cannot send a token: it is added to everything that is passed on."""

    async def pass_on(request: Request) -> Response:
        headers = [
            (name, value) for name, value in request.headers.raw if name not in (b"content-length", b"connection")
        ]
        asked = http.build_request(
            request.method,
            mcp_url,
            headers=[*headers, (b"authorization", f"Bearer {token}".encode())],
            content=await request.body(),
        )
        answer = await http.send(asked, stream=True)
        kept = {
            name: value for name, value in answer.headers.items() if name not in ("transfer-encoding", "connection")
        }
        return StreamingResponse(answer.aiter_raw(), answer.status_code, kept, background=BackgroundTask(answer.aclose))

    listening = bound_socket(0, "token bearer")
    app = Starlette(routes=[Route("/mcp", pass_on, methods=["GET", "POST", "DELETE"])])
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as http, serving((app, listening)):
        yield f"http://localhost:{listening.getsockname()[1]}/mcp"


@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
async def test_protection_costs_the_mcp_server_nothing(tmp_path: Path, revision: str) -> None:
    async with Reference() as pair, unprotected() as open_url:
        claims: dict[str, Any] = {"iss": pair.issuer, "aud": pair.mcp_url, "sub": "user_1", "scope": FULL_SCOPE}
        claims |= {"iat": 0, "exp": int(time.time()) + 600}
        async with bearing(pair.authkit.keys.sign(claims), pair.mcp_url) as protected_url:
            (passed, failed), (expected, not_expected) = await asyncio.gather(
                run_against(protected_url, revision, tmp_path / "protected"),
                run_against(open_url, revision, tmp_path / "unprotected"),
            )
    assert sum(map(len, expected.values())) > 40
    assert passed == expected
    assert failed == not_expected
