"""A server that speaks HTTP/2 and nothing else, over TLS on loopback."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived, StreamEnded, StreamReset

type Headers = list[tuple[str, str]]


@dataclass
class Stream:
    """One request that has come whole, and the way back."""

    path: str
    number: int
    connection: H2Connection
    writer: asyncio.StreamWriter
    reset: asyncio.Event = field(default_factory=asyncio.Event)

    def head(self, status: int, *headers: tuple[str, str]) -> None:
        self.connection.send_headers(self.number, [(":status", str(status)), *headers])
        self._flush()

    def data(self, data: bytes, *, end: bool = True) -> None:
        self.connection.send_data(self.number, data, end_stream=end)
        self._flush()

    def _flush(self) -> None:
        self.writer.write(self.connection.data_to_send())


type Answer = Callable[[Stream], Awaitable[None]]


@dataclass
class Http2Server:
    """`answers` by path; `connections` counts those that were opened."""

    origin: str
    answers: dict[str, Answer] = field(default_factory=dict)
    connections: int = 0

    def at(self, path: str) -> str:
        return self.origin + path

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        streams: dict[int, Stream] = {}
        try:
            async with asyncio.TaskGroup() as answering:
                while data := await reader.read(65536):
                    for event in connection.receive_data(data):
                        match event:
                            case RequestReceived(stream_id=int(number), headers=headers) if headers is not None:
                                path = next(str(value) for name, value in headers if str(name) == ":path")
                                streams[number] = Stream(path.partition("?")[0], number, connection, writer)
                            case StreamEnded(stream_id=int(number)):
                                answering.create_task(self._answer(streams[number]))
                            case StreamReset(stream_id=int(number)) if number in streams:
                                streams[number].reset.set()
                    writer.write(connection.data_to_send())
                for stream in streams.values():
                    stream.reset.set()
        except OSError:
            pass
        finally:
            writer.close()

    async def _answer(self, stream: Stream) -> None:
        await self.answers[stream.path](stream)


@asynccontextmanager
async def http2_server(certificate: Path) -> AsyncIterator[Http2Server]:
    """A running one; `certificate` is a PEM file with key."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    context.set_alpn_protocols(["h2"])
    running = Http2Server("")
    async with await asyncio.start_server(running.talk, "127.0.0.1", 0, ssl=context) as server:
        running.origin = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield running
        server.close_clients()
