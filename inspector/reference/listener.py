"""Serving an ASGI application on loopback inside the running event loop."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp

from inspector.errors import ReferenceFailure


def bound_socket(port: int, purpose: str) -> socket.socket:
    """A socket on 127.0.0.1, on any free port for 0.

    Raises:
        ReferenceFailure: the port cannot be had.
    """
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
    """uvicorn without its signal handlers, which belong to the program around it, and with a moment of readiness."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@asynccontextmanager
async def serving(app: ASGIApp, listening: socket.socket) -> AsyncIterator[None]:
    """Serve `app` on a bound socket for the time of the context; open streams are cut after a second."""
    config = uvicorn.Config(
        app, http="h11", ws="none", log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=1
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve([listening]))
    ready = asyncio.create_task(server.ready.wait())
    await asyncio.wait((task, ready), return_when=asyncio.FIRST_COMPLETED)
    ready.cancel()
    try:
        yield
    finally:
        server.should_exit = True
        await task
