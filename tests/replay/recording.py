"""Records a scripted client as the proxy would, but in memory: an HTTP proxy of a few lines that notes everything."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from inspector.reference.authkit.store import Client
from inspector.reference.client import perform
from inspector.reference.pair import Reference
from inspector.reference.profile import Profile, load_profile
from inspector.reference.settings import DEMO, Settings
from inspector.session.model import Body, Exchange
from inspector.verdict.analysis import analyse
from inspector.verdict.model import Judged


async def record_client(client: str | Profile, settings: Settings = DEMO, faults: tuple[str, ...] = ()) -> Judged:
    """The judged run of a scripted client at reference servers of its own."""
    return judged(await record_exchanges(client, settings, faults))


async def record_exchanges(
    client: str | Profile, settings: Settings = DEMO, faults: tuple[str, ...] = ()
) -> list[Exchange]:
    """What a scripted client and its browser sent, and what came back."""
    profile = load_profile(client) if isinstance(client, str) else client
    exchanges: list[Exchange] = []
    async with Reference(settings, faults=faults) as pair:
        if profile.name == "pre-registered":
            known = Client(profile.client_id, "known", (profile.redirect_uri,), "none")
            pair.authkit.store.clients[profile.client_id] = known
        async with proxied(exchanges) as proxy:
            await perform(profile, pair.mcp_url, proxy=proxy)
    return exchanges


@asynccontextmanager
async def proxied(exchanges: list[Exchange]) -> AsyncIterator[str]:
    """The URL of a proxy that notes what passes it."""
    async with await asyncio.start_server(_proxy(exchanges), "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def judged(exchanges: list[Exchange]) -> Judged:
    """The one run of a recording."""
    runs = analyse(exchanges).runs
    return runs[-1]


def _proxy(exchanges: list[Exchange]) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            writer.close()
            return
        line, *fields = head.decode("latin-1").rstrip().split("\r\n")
        headers = tuple((key, value) for key, _, value in (field.partition(": ") for field in fields))
        length = next((value for key, value in headers if key.lower() == "content-length"), "0")
        body = await reader.readexactly(int(length))
        method, url, _ = line.split(" ")
        begun = time.time()
        answer = await _passed_on(url, head, body)
        status, answer_headers, data = _parsed(answer)
        exchanges.append(
            Exchange(
                id=len(exchanges) + 1,
                method=method,
                url=url,
                request_headers=headers,
                request_body=Body.whole(body),
                status=status,
                response_headers=answer_headers,
                response_body=Body.whole(data),
                started_at=begun,
                response_end=time.time(),
            )
        )
        writer.write(answer)
        await writer.drain()
        writer.close()

    return serve


async def _passed_on(url: str, head: bytes, body: bytes) -> bytes:
    target = urlsplit(url)
    origin = f"{target.scheme}://{target.netloc}".encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    writer.write(head.replace(origin, b"", 1).replace(b"Connection: keep-alive", b"Connection: close") + body)
    try:
        return await reader.read()
    finally:
        writer.close()


def _parsed(answer: bytes) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
    head, _, data = answer.partition(b"\r\n\r\n")
    line, *fields = head.decode("latin-1").split("\r\n")
    headers = tuple((key, value) for key, _, value in (field.partition(": ") for field in fields))
    if any(key.lower() == "transfer-encoding" for key, _ in headers):
        data = _unchunked(data)
    return int(line.split(" ")[1]), headers, data


def _unchunked(data: bytes) -> bytes:
    whole = b""
    while data:
        size, _, rest = data.partition(b"\r\n")
        length = int(size, 16)
        whole += rest[:length]
        data = rest[length + 2 :]
    return whole
