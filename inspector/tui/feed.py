"""What the screens show: exchanges as they come, from a finished recording or from a session that is being written."""

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from inspector.errors import UnreadableInput
from inspector.session.model import Exchange, Incident
from inspector.session.reader import Session

if TYPE_CHECKING:
    from inspector.session.importing import Recording

_CHUNK = 500


class Feed(Protocol):
    """A source of exchanges.

    `source` names where they come from (a file, a listening address), `title` what it is (`demo`, `recording`), and
    `live` says whether more may come. `updates` yields new exchanges and newer states of known ones, in the order
    they were written, and ends when nothing more can come; it may raise InspectorError.
    """

    source: str
    title: str
    live: bool

    @property
    def total(self) -> int:
        """How many exchanges there are, as far as is known; 0 while that is open, as it is live."""
        ...

    def updates(self) -> AsyncIterator[Sequence[Exchange]]:
        """Yield what is new, oldest first."""
        ...

    def recording(self) -> "Recording":
        """Everything there is by now, read anew; whoever asks closes it. Raises UnreadableInput."""
        ...


class FinishedFeed:
    """Exchanges that are all at hand."""

    live = False

    def __init__(self, exchanges: Sequence[Exchange], *, source: str, title: str = "recording") -> None:
        self.source = source
        self.title = title
        self._exchanges = exchanges

    @property
    def total(self) -> int:
        """All of them."""
        return len(self._exchanges)

    async def updates(self) -> AsyncIterator[Sequence[Exchange]]:
        """Yield everything, in parts so that a long recording is on the screen before it is read to its end."""
        for start in range(0, len(self._exchanges), _CHUNK):
            yield self._exchanges[start : start + _CHUNK]

    def recording(self) -> "Recording":
        """The same exchanges."""
        from inspector.session.importing import ImportedRecording

        return ImportedRecording(self.source, self._exchanges, (), {})


class SessionFeed:
    """A session file, read again whenever `changes` gives a sign, and once when there is no `changes`.

    `incidents` are those read so far. The numbers `changes` yields are only signs that something was written: what is
    read depends on the file alone, so a lost or doubled sign does no harm.
    """

    def __init__(
        self,
        session: Session,
        changes: Callable[[], AsyncIterator[int]] | None = None,
        *,
        source: str = "",
        title: str = "session",
    ) -> None:
        self.source = source or session.source
        self.title = title
        self.live = changes is not None
        self._session = session
        self._changes = changes
        self._after = 0
        self.incidents: tuple[Incident, ...] = ()
        self.total = 0 if self.live else session.count

    async def updates(self) -> AsyncIterator[Sequence[Exchange]]:
        """Yield what is in the file, then what is written to it until `changes` ends."""
        async for part in self.unread():
            yield part
        if self._changes is None:
            return
        async for _ in self._changes():
            async for part in self.unread():
                yield part

    def recording(self) -> "Recording":
        """The file, opened once more."""
        return Session.open(self._session.path)

    def close(self) -> None:
        """Let go of the file."""
        self._session.close()

    async def unread(self) -> AsyncIterator[Sequence[Exchange]]:
        """Yield what is in the file and was not yielded before."""
        while part := await asyncio.to_thread(self._read):
            self._after = max(exchange.changed for exchange in part)
            yield part

    def _read(self) -> list[Exchange]:
        after = max((incident.changed for incident in self.incidents), default=0)
        self.incidents += tuple(self._session.incidents(after=after))
        return list(islice(self._session.exchanges(after=self._after), _CHUNK))


class FileFeed:
    """A file of another program, read when it is followed; `read` is the share read so far, 0.0 to 1.0.

    Call `stop` to end the reading early: `updates` ends then, and yields nothing.
    """

    live = False

    def __init__(self, path: Path, *, title: str = "recording") -> None:
        self.source = str(path)
        self.title = title
        self.total = 0
        self.read = 0.0
        self.warnings: Sequence[str] = ()
        self._path = path
        self._stopped = threading.Event()

    def recording(self) -> "Recording":
        """The file, read once more."""
        from inspector.session.importing import import_file

        return import_file(self._path)

    def stop(self) -> None:
        """Have the reading end at the next sign of progress."""
        self._stopped.set()

    async def updates(self) -> AsyncIterator[Sequence[Exchange]]:
        """Read the file, and yield what is in it."""
        try:
            recording = await asyncio.to_thread(self._import)
        except _Stopped:
            return
        exchanges = list(recording.exchanges())
        self.total = len(exchanges)
        for start in range(0, len(exchanges), _CHUNK):
            yield exchanges[start : start + _CHUNK]

    def _import(self) -> "Recording":
        from inspector.session.importing import import_file

        recording = import_file(self._path, on_progress=self._note)
        self.read = 1.0
        self.warnings = recording.warnings
        return recording

    def _note(self, share: float) -> None:
        self.read = share
        if self._stopped.is_set():
            raise _Stopped(f"{self._path} was not read to its end.")


class _Stopped(UnreadableInput):
    """The reader did not want to wait for the rest."""


async def batched(updates: AsyncIterator[Sequence[Exchange]], seconds: float) -> AsyncGenerator[list[Exchange]]:
    """Join what arrives close together, so that a burst costs one repaint per `seconds`.

    What comes alone is passed on at once. An error is raised after what arrived before it was passed on. Whoever takes
    longer than `seconds` over a batch is left alone as long again, and then gets all that came meanwhile: judging a
    long run costs as much for one new exchange as for a thousand.
    """
    clock = asyncio.get_running_loop().time
    until = float("-inf")
    pending = asyncio.ensure_future(_following(updates))
    try:
        while (first := await pending) is not None:
            batch = [*first]
            pending = asyncio.ensure_future(_following(updates))
            while (left := until - clock()) > 0:
                await asyncio.wait({pending}, timeout=left)
                if not pending.done():
                    break
                if pending.exception() or (more := pending.result()) is None:
                    break
                batch += more
                pending = asyncio.ensure_future(_following(updates))
            passed_on = clock()
            yield batch
            until = max(passed_on + seconds, 2 * clock() - passed_on)
    finally:
        pending.cancel()


async def _following(updates: AsyncIterator[Sequence[Exchange]]) -> Sequence[Exchange] | None:
    return await anext(updates, None)
