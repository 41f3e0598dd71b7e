"""Key sets are fetched from where the metadata says, from nowhere else, and not without end."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from inspector.errors import ReplayFailure
from inspector.probe import key_sets
from inspector.probe.key_sets import fetch_key_set, missing_key_sets
from inspector.session.model import Exchange, Source
from inspector.verdict.analysis import Analysis
from tests.rules.changes import outcome, recording
from tests.rules.good import ISSUER
from tests.verdict.stories.telling import REFUSED

type Answer = Callable[[str], bytes]
"""What the server sends for a path."""


@asynccontextmanager
async def server(answer: Answer) -> AsyncIterator[tuple[str, list[str]]]:
    """A server that sends raw answers; its origin, and the paths it was asked for."""
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        while await reader.readline() not in (b"\r\n", b""):
            pass
        asked.append(line.split()[1].decode())
        writer.write(answer(asked[-1]))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as running:
        yield f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}", asked


def response(body: bytes, head: str = "200 OK") -> bytes:
    length = f"Content-Length: {len(body)}"
    return f"HTTP/1.1 {head}\r\nContent-Type: application/json\r\n{length}\r\nConnection: close\r\n\r\n".encode() + body


async def test_what_comes_is_an_exchange_like_any_other() -> None:
    async with server(lambda path: response(b'{"keys": []}')) as (origin, asked):
        exchange = await fetch_key_set(f"{origin}/jwks", 7)
    assert asked == ["/jwks"]
    assert (exchange.id, exchange.url, exchange.status, exchange.source) == (7, f"{origin}/jwks", 200, Source.PROBE)
    assert exchange.response_body.data == b'{"keys": []}'


async def test_a_redirect_on_the_same_server_is_followed() -> None:
    def answer(path: str) -> bytes:
        return response(b"{}") if path == "/new" else response(b"", "302 Found\r\nLocation: /new")

    async with server(answer) as (origin, asked):
        assert (await fetch_key_set(f"{origin}/old", 1)).url == f"{origin}/old"
    assert asked == ["/old", "/new"]


async def test_a_redirect_to_another_server_is_not() -> None:
    async with (
        server(lambda path: response(b"{}")) as (elsewhere, asked),
        server(lambda path: response(b"", f"302 Found\r\nLocation: {elsewhere}/jwks")) as (origin, _),
    ):
        with pytest.raises(ReplayFailure, match="redirected to another server"):
            await fetch_key_set(f"{origin}/jwks", 1)
    assert asked == []


async def test_redirects_end() -> None:
    async with server(lambda path: response(b"", "302 Found\r\nLocation: /jwks")) as (origin, asked):
        with pytest.raises(ReplayFailure, match="more than 3 times"):
            await fetch_key_set(f"{origin}/jwks", 1)
    assert len(asked) == 4


@pytest.mark.parametrize(
    "address",
    [
        "http://id.example.com/jwks",
        "file:///etc/passwd",
        "ftp://127.0.0.1/jwks",
        "jwks",
        "https://user@id.example/",
        "",
    ],
)
async def test_only_https_or_this_machine_is_asked(address: str) -> None:
    with pytest.raises(ReplayFailure, match="only https, or http on this machine"):
        await fetch_key_set(address, 1)


async def test_a_body_without_end_is_cut_off() -> None:
    async with server(lambda path: response(b"x" * (key_sets.LARGEST + 1))) as (origin, _):
        with pytest.raises(ReplayFailure, match="larger than 1024 KiB"):
            await fetch_key_set(f"{origin}/jwks", 1)


async def test_a_server_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_sets, "SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts the connection, and never answers
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/jwks"
        with pytest.raises(ReplayFailure, match=r"did not come|cannot be fetched"):
            await fetch_key_set(address, 1)


@pytest.mark.parametrize("head", ["404 Not Found", "500 Oops"])
async def test_an_error_is_no_key_set(head: str) -> None:
    async with server(lambda path: response(b"{}", head)) as (origin, _):
        with pytest.raises(ReplayFailure, match=head[:3]):
            await fetch_key_set(f"{origin}/jwks", 1)


async def test_the_environment_names_no_proxy_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    async with server(lambda path: response(b"{}")) as (origin, asked):
        await fetch_key_set(f"{origin}/jwks", 1)
    assert asked == ["/jwks"]


def test_what_is_missing_is_what_the_metadata_names() -> None:
    assert missing_key_sets([outcome({**REFUSED, "drop_step": ["keys"]}).judged.run]) == (f"{ISSUER}/oauth2/jwks",)
    assert missing_key_sets([outcome(REFUSED).judged.run]) == ()
    assert missing_key_sets([outcome({"drop_step": ["keys", "as"]}).judged.run]) == ()
    assert missing_key_sets([outcome({"until": "register"}).judged.run]) == ()


@contextmanager
def without_keys() -> Iterator[tuple[Analysis, Exchange]]:
    """A refused token whose key set was not captured, and the key set."""
    recorded = recording(REFUSED)
    keys = recorded.pop("keys")
    analysis = Analysis()
    analysis.add(recorded.values())
    yield analysis, keys


def test_the_fetched_key_set_decides() -> None:
    with without_keys() as (analysis, keys):
        assert [judged.verdict.party for judged in analysis.runs] == ["unknown"]
        analysis.add([keys])
        assert [judged.verdict.party for judged in analysis.runs] == ["mcp-server"]
    assert "keys" in json.loads(keys.response_body.data)


@pytest.mark.parametrize(
    "address",
    ["https://\u2603.test/", "https://xn--/", "https://localhost:1/\ud800", f"https://localhost/{'a' * 70_000}"],
)
async def test_an_address_that_cannot_be_asked_is_said_in_a_sentence(address: str) -> None:
    with pytest.raises(ReplayFailure, match="cannot be fetched"):
        await fetch_key_set(address, 1)
