"""Tells a user interface when the session it shows has grown."""

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path

from inspector.capture.proxy import RunningProxy
from inspector.errors import UnreadableInput
from inspector.session.reader import Session

POLL_INTERVAL = 0.2
"""Seconds between two looks at a session whose proxy does not push."""


async def changes(source: RunningProxy | Path) -> AsyncGenerator[int]:
    """Yield each higher change number of the session, the present one first, for as long as the caller listens.

    A proxy pushes them; when its channel breaks, and for a session alone, the file is looked at.
    """
    latest = 0
    session = source
    if isinstance(source, RunningProxy):
        session = source.session
        async for number in _pushed(source):
            if number > latest:
                yield (latest := number)
    assert isinstance(session, Path)
    async for number in _polled(session):
        if number > latest:
            yield (latest := number)


async def _pushed(proxy: RunningProxy) -> AsyncGenerator[int]:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.control_port)
    except OSError:
        return
    try:
        writer.write(json.dumps({"token": proxy.token}).encode() + b"\n")
        while line := await reader.readline():
            number = json.loads(line).get("changed")
            if isinstance(number, int):
                yield number
    except (OSError, ValueError, AttributeError):
        return
    finally:
        writer.close()


async def _polled(path: Path) -> AsyncGenerator[int]:
    session: Session | None = None
    try:
        while True:
            try:
                session = session or Session.open(path)
                yield session.latest
            except UnreadableInput:
                pass  # not written yet, or being replaced: look again
            await asyncio.sleep(POLL_INTERVAL)
    finally:
        if session is not None:
            session.close()
