"""The emulator and the MCP server together, pointed at each other."""

import asyncio
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from inspector.reference.authkit.app import authkit_app
from inspector.reference.authkit.emulator import AuthKit
from inspector.reference.listener import bound_socket, serving
from inspector.reference.mcp_server.app import mcp_server_app
from inspector.reference.settings import DEMO, Settings

MCP_PORT = 3001
AUTHKIT_PORT = 3002


class Reference:
    """Both servers for the time of an `async with`, inside the running event loop. Port 0 takes a free one.

    Once entered, `mcp_url` (such as `http://localhost:3001/mcp`), `issuer` (`http://localhost:3002`, without a
    trailing slash) and `authkit` (the emulator's memory and keys) are set.

    Raises:
        ReferenceFailure: on entering, when a port is taken.
    """

    mcp_url: str
    issuer: str
    authkit: AuthKit

    def __init__(self, settings: Settings = DEMO, *, mcp_port: int = 0, authkit_port: int = 0) -> None:
        self._settings = settings
        self._ports = mcp_port, authkit_port
        self._running = AsyncExitStack()

    @property
    def settings(self) -> Settings:
        """The settings in force, with the MCP server's URL filled in."""
        return self.authkit.settings

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as starting:
            mcp_socket = starting.enter_context(bound_socket(self._ports[0], "reference MCP server"))
            authkit_socket = starting.enter_context(bound_socket(self._ports[1], "AuthKit emulator"))
            self.mcp_url = f"http://localhost:{mcp_socket.getsockname()[1]}/mcp"
            self.issuer = f"http://localhost:{authkit_socket.getsockname()[1]}"
            self.authkit = AuthKit(self.issuer, self._settings.for_server(self.mcp_url))
            server_app = mcp_server_app(lambda: self.authkit.settings, self.mcp_url, self.issuer)
            await starting.enter_async_context(
                serving((authkit_app(self.authkit), authkit_socket), (server_app, mcp_socket))
            )
            self._running = starting.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._running.aclose()


async def serve(
    settings: Settings = DEMO,
    *,
    mcp_port: int = MCP_PORT,
    authkit_port: int = AUTHKIT_PORT,
    on_ready: Callable[[Reference], None] = lambda reference: None,
) -> None:
    """Serve until cancelled. `on_ready` is called once both servers answer, to tell the user the two URLs.

    `MCP_ALLOWED_TOKEN_AUDIENCES` of the environment widens the settings.

    Raises:
        ReferenceFailure: a port is taken.
    """
    settings = settings.with_environment(os.environ)
    async with Reference(settings, mcp_port=mcp_port, authkit_port=authkit_port) as reference:
        on_ready(reference)
        await asyncio.Event().wait()
