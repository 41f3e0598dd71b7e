"""A server that notes every byte it gets, and a wire to send with."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from inspector.session.model import Exchange

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{}"


@dataclass
class Canary:
    """A listener; `received` is what each connection sent, and nothing was sent where it is empty."""

    port: int = 0
    received: list[bytes] = field(default_factory=list)
    answer: bytes = ANSWER

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def listening(answer: bytes = ANSWER) -> AsyncIterator[Canary]:
    canary = Canary(answer=answer)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0")
        canary.received.append(head + await reader.readexactly(int(length.partition(b":")[2])))
        writer.write(canary.answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        canary.port = server.sockets[0].getsockname()[1]
        yield canary


@pytest.fixture
async def canary() -> AsyncIterator[Canary]:
    """A server the user did not name."""
    async with listening() as one:
        yield one


@pytest.fixture
async def server() -> AsyncIterator[Canary]:
    """A server the user named."""
    async with listening() as one:
        yield one


@pytest.fixture
def recorded() -> list[Exchange]:
    """What a wire of the test has recorded."""
    return []


@pytest.fixture
def record(recorded: list[Exchange]) -> Callable[[Exchange], Exchange]:
    def keep(exchange: Exchange) -> Exchange:
        recorded.append(replace(exchange, id=len(recorded) + 1))
        return recorded[-1]

    return keep
