"""Serving an ASGI application on loopback inside the running event loop."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import uvicorn
from starlette.types import ASGIApp

from inspector.errors import ReferenceFailure

_LAST_WORDS = 1.0
"""Seconds a request in progress may take to end once its connection is closed."""


_had: set[int] = set()


def bound_socket(port: int, purpose: str) -> socket.socket:
    """A socket on 127.0.0.1; for 0 on a free port that this process never had, so that a URL means one server only.

    Raises:
        ReferenceFailure: the port cannot be had.
    """
    while True:
        listening = _bound(port, purpose)
        given: int = listening.getsockname()[1]
        if port or given not in _had:
            _had.add(given)
            return listening
        listening.close()


def _bound(port: int, purpose: str) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
    except OSError as error:
        listening.close()
        reason = error.strerror or "the port was refused"
        raise ReferenceFailure(
            f"The {purpose} cannot listen on 127.0.0.1 port {port} ({reason}); "
            "stop the program that uses it, or choose another port."
        ) from None
    except OverflowError:
        listening.close()
        raise ReferenceFailure(f"The {purpose} cannot listen on port {port}; give a number up to 65535.") from None
    return listening


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, which belong to the program around it, started and stopped by events."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
            )
        )
        self.ready = asyncio.Event()
        self._leaving = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self.ready.set()  # a failure shows when the server is left

    async def main_loop(self) -> None:
        while not await self.on_tick(0):  # a tick renews the Date header
            with suppress(TimeoutError):
                await asyncio.wait_for(self._leaving.wait(), timeout=1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # uvicorn's own waits a tenth of a second for connections to end; these are closed at once.
        for server in self.servers:
            server.close()
        for listening in sockets or []:
            listening.close()
        # An event stream is left open by its client; closed here, it ends in order instead of as a cancelled task.
        for connection in list(self.server_state.connections):
            connection.transport.close()
        if self.server_state.tasks:
            _, running = await asyncio.wait(self.server_state.tasks, timeout=_LAST_WORDS)
            for task in running:
                task.cancel()
        await self.lifespan.shutdown()

    def leave(self) -> None:
        self.should_exit = True
        self._leaving.set()


@asynccontextmanager
async def serving(*sites: tuple[ASGIApp, socket.socket]) -> AsyncIterator[None]:
    """Serve each application on its bound socket for the time of the context; open streams are closed with it."""
    servers = [_Server(app) for app, _ in sites]
    tasks = [asyncio.create_task(server.serve([site[1]])) for server, site in zip(servers, sites, strict=True)]
    try:
        for server in servers:
            await server.ready.wait()
        yield
    finally:
        for server in servers:
            server.leave()
        await asyncio.gather(*tasks)
