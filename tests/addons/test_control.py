import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import pytest

from addons.control import Control, Message

type Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


def answer(message: Message, _peer: object) -> Message:
    return {"did": message.get("do")}


@pytest.fixture
async def control() -> AsyncIterator[Control]:
    running = Control(answer)
    yield running
    running.close()


@pytest.fixture
async def connect(control: Control) -> AsyncIterator[Connect]:
    port = control.open()
    writers = []

    async def connected() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writers.append(writer)
        return reader, writer

    yield connected
    for writer in writers:
        writer.close()


async def read(reader: asyncio.StreamReader) -> Message:
    async with asyncio.timeout(5):
        message: Message = json.loads(await reader.readline())
        return message


def send(writer: asyncio.StreamWriter, message: object) -> None:
    writer.write(json.dumps(message).encode() + b"\n")


async def test_the_token_opens_and_messages_are_answered(control: Control, connect: Connect) -> None:
    reader, writer = await connect()
    send(writer, {"token": control.token})
    assert await read(reader) == {"changed": 0}
    send(writer, {"do": "ping"})
    assert await read(reader) == {"did": "ping"}


@pytest.mark.parametrize(
    "first",
    [
        b'{"token": "wrong"}\n',
        b'{"token": "\\u00fc"}\n',
        b'{"token": null}\n',
        b'{"do": "stop"}\n',
        b"[]\n",
        b"POST / HTTP/1.1\r\n",
        b"\n",
        b"[" * 1000 + b"\n",
        b"x" * 200_000 + b"\n",
    ],
)
async def test_without_the_token_it_hangs_up_and_says_nothing(control: Control, connect: Connect, first: bytes) -> None:
    reader, writer = await connect()
    writer.write(first)
    send(writer, {"do": "stop"})
    async with asyncio.timeout(5):
        with suppress(ConnectionResetError):  # it may hang up with our words unread
            assert await reader.read() == b""


async def test_growth_is_pushed_to_every_peer_once_per_turn(control: Control, connect: Connect) -> None:
    peers = [await connect(), await connect()]
    for reader, writer in peers:
        send(writer, {"token": control.token})
        await read(reader)
    for number in range(1, 100):
        control.announce(number)
    for reader, writer in peers:
        assert await read(reader) == {"changed": 99}
        send(writer, {"do": "ping"})
        assert await read(reader) == {"did": "ping"}  # no other push lies between


async def test_who_comes_later_is_told_how_far_it_is(control: Control, connect: Connect) -> None:
    control.announce(7)
    reader, writer = await connect()
    send(writer, {"token": control.token})
    assert await read(reader) == {"changed": 7}


async def test_a_peer_that_talks_nonsense_is_dropped_and_others_stay(control: Control, connect: Connect) -> None:
    (reader, writer), (bad_reader, bad_writer) = await connect(), await connect()
    for each_reader, each_writer in ((reader, writer), (bad_reader, bad_writer)):
        send(each_writer, {"token": control.token})
        await read(each_reader)
    bad_writer.write(b"nonsense\n")
    async with asyncio.timeout(5):
        assert await bad_reader.read() == b""
    control.announce(1)
    assert await read(reader) == {"changed": 1}


async def test_a_peer_that_does_not_read_is_dropped(control: Control, connect: Connect) -> None:
    reader, writer = await connect()
    send(writer, {"token": control.token})
    await read(reader)
    reader._transport.pause_reading()  # type: ignore[attr-defined]  # there is no public way not to read
    async with asyncio.timeout(20):
        number = 0
        while control._peers:
            number += 1
            control.announce(number)
            await asyncio.sleep(0)


async def test_who_hangs_up_is_told_once_and_only_of_those_with_the_token() -> None:
    left: asyncio.Queue[object] = asyncio.Queue()
    spoke: list[object] = []

    def note(message: Message, peer: object) -> Message:
        spoke.append(peer)
        return {"did": "ping"}

    control = Control(note, left.put_nowait)
    port = control.open()
    for token in ("wrong", control.token):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        send(writer, {"token": token})
        send(writer, {"do": "ping"})
        if token == control.token:
            assert [await read(reader) for _ in range(2)] == [{"changed": 0}, {"did": "ping"}]
        writer.close()
    async with asyncio.timeout(5):
        assert [await left.get()] == spoke
    assert left.empty()
    control.close()


async def test_other_news_are_pushed_too(control: Control, connect: Connect) -> None:
    reader, writer = await connect()
    send(writer, {"token": control.token})
    await read(reader)
    control.tell({"held": []})
    assert await read(reader) == {"held": []}


async def test_the_end_is_seen_by_who_waits_for_it(control: Control, connect: Connect) -> None:
    reader, writer = await connect()
    send(writer, {"token": control.token})
    await read(reader)
    control.close()
    async with asyncio.timeout(5):
        assert await reader.read() == b""
