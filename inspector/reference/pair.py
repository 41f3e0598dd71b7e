"""The emulator and the MCP server together, pointed at each other."""

import asyncio
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

import httpx

from inspector.reference.authkit.app import authkit_app
from inspector.reference.authkit.emulator import AuthKit
from inspector.reference.faults import with_faults
from inspector.reference.listener import bound_socket, serving
from inspector.reference.mcp_server.app import mcp_server_app
from inspector.reference.mcp_server.deployment import Application, Deployment
from inspector.reference.mcp_server.oauth_proxy import CALLBACK
from inspector.reference.settings import DEMO, Settings

MCP_PORT = 3001
AUTHKIT_PORT = 3002


class Reference:
    """Both servers for the time of an `async with`, inside the running event loop. Port 0 takes a free one.

    `faults` are names from `inspector.reference.faults.FAULTS`; with `control` a program on this machine can exchange
    them at `/_control/faults` of the MCP server.

    Once entered, `mcp_url` (such as `http://localhost:3001/mcp`), `issuer` (`http://localhost:3002`, without a
    trailing slash) and `authkit` (the emulator's memory and keys) are set.

    Raises:
        ReferenceFailure: for unknown or contradictory faults, and on entering when a port is taken.
    """

    mcp_url: str
    issuer: str
    authkit: AuthKit

    def __init__(
        self,
        settings: Settings = DEMO,
        *,
        faults: tuple[str, ...] = (),
        control: bool = False,
        mcp_port: int = 0,
        authkit_port: int = 0,
    ) -> None:
        self._settings = settings
        self._faults = faults
        self._start_settings = with_faults(settings, faults)
        self._control = control
        self._ports = mcp_port, authkit_port
        self._running = AsyncExitStack()

    @property
    def settings(self) -> Settings:
        """The settings in force, with the MCP server's URL and the faults filled in."""
        return self.authkit.settings

    @property
    def faults(self) -> tuple[str, ...]:
        """The names of the faults in force."""
        return self._faults

    def set_faults(self, names: tuple[str, ...]) -> None:
        """Put exactly these faults in force, from the next request on.

        Raises:
            ReferenceFailure: they are unknown or contradict each other.
        """
        self.authkit.settings = with_faults(self._settings, names).for_server(self.mcp_url)
        self._faults = names

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as starting:
            mcp_socket = starting.enter_context(bound_socket(self._ports[0], "reference MCP server"))
            authkit_socket = starting.enter_context(bound_socket(self._ports[1], "AuthKit emulator"))
            self.mcp_url = f"http://localhost:{mcp_socket.getsockname()[1]}/mcp"
            self.issuer = f"http://localhost:{authkit_socket.getsockname()[1]}"
            self.authkit = AuthKit(self.issuer, self._start_settings.for_server(self.mcp_url))
            server_app = mcp_server_app(self._deployment(), self if self._control else None)
            await starting.enter_async_context(
                serving((authkit_app(self.authkit), authkit_socket), (server_app, mcp_socket))
            )
            self._running = starting.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._running.aclose()

    def _deployment(self) -> Deployment:
        """What an operator configures at both sides: the key of the user API, and the application where one is used."""
        application = None
        if self.settings.pre_registered_client:
            redirect_uri = self.mcp_url.removesuffix("/mcp") + CALLBACK
            client = self.authkit.add_application("Reference MCP server", redirect_uri)
            application = Application(client.client_id, client.secret or "")
        return Deployment(
            current=lambda: self.authkit.settings,
            mcp_url=self.mcp_url,
            issuer=self.issuer,
            # The server's own requests must reach the emulator, whatever proxy this process is told to use.
            http=httpx.AsyncClient(trust_env=False, timeout=10),
            api_key=self.authkit.api_key,
            application=application,
        )


async def serve(
    settings: Settings = DEMO,
    *,
    faults: tuple[str, ...] = (),
    control: bool = False,
    mcp_port: int = MCP_PORT,
    authkit_port: int = AUTHKIT_PORT,
    on_ready: Callable[[Reference], None] = lambda reference: None,
) -> None:
    """Serve until cancelled. `on_ready` is called once both servers answer, to tell the user the two URLs.

    `MCP_ALLOWED_TOKEN_AUDIENCES` of the environment widens the settings.

    Raises:
        ReferenceFailure: for unknown or contradictory faults, or when a port is taken.
    """
    settings = settings.with_environment(os.environ)
    reference = Reference(settings, faults=faults, control=control, mcp_port=mcp_port, authkit_port=authkit_port)
    async with reference:
        on_ready(reference)
        await asyncio.Event().wait()
