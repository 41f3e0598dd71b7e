"""What a scripted client really sends: a forward proxy that notes requests, and may answer some of them itself."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from inspector.reference.client import Outcome, perform
from inspector.reference.profile import Profile


@dataclass(frozen=True)
class Request:
    """One request as the proxy got it."""

    method: str
    url: str
    headers: dict[str, str]
    body: str

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """The query of a GET, the form of a POST."""
        return parse_qsl(self.body if self.method == "POST" else urlsplit(self.url).query)

    @property
    def message(self) -> dict[str, Any]:
        """The JSON in the body."""
        document: dict[str, Any] = json.loads(self.body)
        return document


type Interference = Callable[[Request], str | None]
"""The head of the response with which the proxy answers a request itself, or None to pass it on."""


@asynccontextmanager
async def forward_proxy(requests: list[Request], interfere: Interference = lambda request: None) -> AsyncIterator[str]:
    """A minimal HTTP forward proxy; its URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            line, *fields = head.rstrip().split("\r\n")
            headers = {key.lower(): value for key, _, value in (field.partition(": ") for field in fields)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            method, url, _ = line.split(" ")
            request = Request(method, url, headers, body.decode())
            requests.append(request)
            answer = interfere(request)
            writer.write(await _passed_on(request, head, body) if answer is None else _answered(answer))
            await writer.drain()
        except asyncio.IncompleteReadError:
            pass
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _passed_on(request: Request, head: str, body: bytes) -> bytes:
    target = urlsplit(request.url)
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    head = head.replace(f"{target.scheme}://{target.netloc}", "", 1)
    writer.write(head.replace("Connection: keep-alive", "Connection: close").encode("latin-1") + body)
    try:
        return await reader.read()  # the answer ends with its connection
    finally:
        writer.close()


def _answered(head: str) -> bytes:
    return f"HTTP/1.1 {head}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode("latin-1")


async def traffic(
    profile: Profile, mcp_url: str, interfere: Interference = lambda request: None
) -> tuple[Outcome, list[Request]]:
    """How the client ended, and what it and its browser sent."""
    requests: list[Request] = []
    async with forward_proxy(requests, interfere) as proxy:
        outcome = await perform(profile, mcp_url, proxy=proxy)
    return outcome, requests
