"""FastMCP's AuthKitProvider, pointed at the emulator: what it takes and refuses is what AuthKit's tokens must be."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from inspector.reference.client import Outcome, perform
from inspector.reference.pair import Reference
from inspector.reference.profile import load_profile
from inspector.reference.settings import DEMO
from tests.acceptance.capture import PATIENCE, report, started
from tests.acceptance.packages import FASTMCP, python_environment
from tests.acceptance.test_clients import rules

pytestmark = pytest.mark.acceptance


@dataclass(frozen=True)
class Site:
    """A FastMCP server and the AuthKit environment that knows it as a resource."""

    authkit: Reference
    mcp_url: str

    async def sign_in(self, profile: str) -> Outcome:
        """What becomes of this scripted client."""
        return await perform(load_profile(profile), self.mcp_url)

    async def status(self, **claims: Any) -> int:
        """The answer to a request with a token of the emulator's that differs from a good one in these claims."""
        now = int(time.time())
        good = {
            "iss": self.authkit.issuer,
            "aud": self.mcp_url,
            "sub": "user_01K8ZQ3V7N5R2M9XWT4C6HBD0E",
            "client_id": "client_01K8ZQ5D2M7XGQ4T9RW3B6NVCE",
            "scope": "openid profile email",
            "iat": now,
            "exp": now + 300,
        }
        token = self.authkit.authkit.keys.sign(good | claims)
        params = {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1.0"},
        }
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.post(
                self.mcp_url,
                json={"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params},
                headers={"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"},
            )
        return answer.status_code


@asynccontextmanager
async def fastmcp_site() -> AsyncIterator[Site]:
    """Both running. The emulator learns the server's URL, which has a free port, only once it is known."""
    python = python_environment("fastmcp", FASTMCP)
    async with Reference() as reference:
        server = await asyncio.create_subprocess_exec(
            str(python),
            str(Path(__file__).with_name("fastmcp_server.py")),
            reference.issuer,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            assert server.stdout
            async with asyncio.timeout(PATIENCE):
                mcp_url = (await server.stdout.readline()).decode().strip()
            reference.authkit.settings = replace(DEMO, cimd=False, resource_indicators=(mcp_url, f"{mcp_url}/"))
            yield Site(reference, mcp_url)
        finally:
            server.terminate()
            await server.wait()


async def test_its_authkit_provider_takes_the_emulators_tokens_as_authkits() -> None:
    async with fastmcp_site() as site:
        bound = await site.sign_in("compliant")
        for_the_client = await site.sign_in("warp")
        with_a_slash = await site.sign_in("trailing-slash")
        told_apart = {
            "good": await site.status(),
            "for the client": await site.status(aud=site.authkit.settings.environment_client_id),
            "trailing slash": await site.status(aud=f"{site.mcp_url}/"),
            "127.0.0.1": await site.status(aud=site.mcp_url.replace("localhost", "127.0.0.1")),
            "expired": await site.status(exp=int(time.time()) - 120),
            "other issuer": await site.status(iss="http://localhost:1"),
        }
        root_only = await site.sign_in("root-metadata")
    assert (bound.authorized, bound.audience) == (True, site.mcp_url)
    assert (for_the_client.status, for_the_client.audience) == (401, DEMO.environment_client_id)
    assert (with_a_slash.status, with_a_slash.audience) == (401, f"{site.mcp_url}/")
    assert told_apart == {"good": 200} | dict.fromkeys(told_apart.keys() - {"good"}, 401)
    assert root_only.sentence == "The server publishes no protected resource metadata."


async def test_its_client_gets_into_its_server_and_is_told_so(tmp_path: Path) -> None:
    session = tmp_path / "fastmcp.mcpauth"
    client = (str(python_environment("fastmcp", FASTMCP)), str(Path(__file__).with_name("fastmcp_client.py")))
    async with fastmcp_site() as site, started((*client, site.mcp_url), tmp_path, session) as running:
        async with asyncio.timeout(PATIENCE):
            assert await running.process.wait() == 0
    code, document = await report(session)
    (run,) = document["runs"]
    assert (code, run["verdict"]["party"], run["server"]) == (0, "none", site.mcp_url)
    # Where the server names no scope, this client really sends " offline_access", with the space.
    assert rules(run) == {"scope-malformed", "dcr-deprecated"}
