"""Opens whatever the user gives: a session file as it is, a HAR or mitmproxy flow file read into memory."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from inspector.errors import UnreadableInput
from inspector.session import schema, tnetstring
from inspector.session.files import ACCEPTED, Progress, no_progress, open_input
from inspector.session.flowfile import read_flow_file
from inspector.session.har import read_har
from inspector.session.model import Exchange, Incident
from inspector.session.reader import Session
from inspector.session.writer import SessionWriter


class Recording(Protocol):
    """What can be shown and checked, wherever it comes from: a Session or an ImportedRecording."""

    @property
    def source(self) -> str:
        """The file it comes from."""

    @property
    def warnings(self) -> Sequence[str]:
        """What could not be read, one sentence each."""

    @property
    def meta(self) -> dict[str, str]:
        """Facts about the whole recording."""

    def exchanges(self, after: int = 0, limit: int | None = None) -> Iterator[Exchange]:
        """Exchanges changed after change number `after`, oldest change first, at most `limit` of them."""

    def exchange(self, id: int) -> Exchange | None:
        """One exchange by its id; None when there is none."""

    def incidents(self, after: int = 0) -> Iterator[Incident]:
        """Incidents after change number `after`, oldest first."""

    def close(self) -> None:
        """Let go of the file."""


class ImportedRecording:
    """A recording read from another program's file, held in memory.

    Ids and change numbers both count from 1 in order of time; an exchange without a time follows its predecessor.
    """

    def __init__(
        self, source: str, exchanges: Sequence[Exchange], warnings: Sequence[str], meta: dict[str, str]
    ) -> None:
        self.source = source
        self.warnings = tuple(warnings)
        self.meta = meta
        self._exchanges = [
            replace(exchange, id=number, changed=number) for number, exchange in enumerate(_by_time(exchanges), start=1)
        ]

    def exchanges(self, after: int = 0, limit: int | None = None) -> Iterator[Exchange]:
        """Exchanges after change number `after`, in order of time, at most `limit` of them."""
        return iter(self._exchanges[after : None if limit is None else after + limit])

    def exchange(self, id: int) -> Exchange | None:
        """One exchange by its id; None when there is none."""
        return self._exchanges[id - 1] if 1 <= id <= len(self._exchanges) else None

    def incidents(self, after: int = 0) -> Iterator[Incident]:
        """Nothing: other programs' files do not tell of them."""
        return iter(())

    def close(self) -> None:
        """Do nothing: no file is open."""


def import_file(path: Path, *, on_progress: Progress | None = None) -> Recording:
    """Open a recording of any accepted format, told by its content and not its name.

    `on_progress` is called with the share read so far, 0.0 to 1.0, while another program's file is read. Raises
    UnreadableInput with one sentence when the file is missing, unreadable, or of no accepted format.
    """
    with open_input(path) as file:
        head = file.read(64)
    if head.startswith(schema.MAGIC):
        return Session.open(path)
    if tnetstring.is_tnetstring(head):
        kind, read = "mitmproxy flow file", read_flow_file
    elif _looks_like_json(head):
        kind, read = "HAR", read_har
    else:
        raise UnreadableInput(f"{path} is of no known format; give {ACCEPTED}.")
    warnings: list[str] = []
    exchanges = list(read(path, warnings.append, on_progress or no_progress))
    if not exchanges:
        warnings.append(f"{path} holds no HTTP exchange.")
    return ImportedRecording(str(path), exchanges, warnings, {"format": kind})


def save_as_session(recording: Recording, path: Path) -> None:
    """Write a recording to a new session file, keeping the ids of the exchanges.

    Raises InspectorError when the file exists already, and leaves no file when the recording turns out damaged.
    """
    writer = SessionWriter.create(path, meta=recording.meta)
    try:
        with writer, writer.batch():
            for exchange in recording.exchanges():
                writer.record(exchange)
            for incident in recording.incidents():
                writer.incident(incident.kind, incident.host, incident.text, incident.at)
    except BaseException:
        path.unlink()
        raise


def _looks_like_json(head: bytes) -> bool:
    # A byte order mark, and the zero bytes of UTF-16, are no reason to refuse.
    return head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n\x00\xff\xfe").startswith(b"{")


def _by_time(exchanges: Sequence[Exchange]) -> list[Exchange]:
    last = 0.0
    timed: list[tuple[float, int]] = []
    for position, exchange in enumerate(exchanges):
        last = exchange.started_at or last
        timed.append((last, position))
    return [exchanges[position] for _, position in sorted(timed)]
