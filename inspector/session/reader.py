"""Reads a session file, read-only, also while the recorder is writing it."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self

from inspector.errors import UnreadableInput
from inspector.session import schema
from inspector.session.files import open_input
from inspector.session.model import Body, Exchange, Headers, Incident, Source, State, Translation

_SELECT = " ".join(("SELECT", ", ".join(schema.EXCHANGE_COLUMNS), "FROM exchange WHERE"))
_SELECT_WITHOUT_BODIES = _SELECT.replace("request_data, response_data", "x'', x''")

_CHUNK = 1000
"""Rows read at a time: a reader in the middle of a statement keeps the writer from shortening its log."""

_NO_SIDE_FILES = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}


class Session:
    """A session file open for reading.

    Every method raises UnreadableInput when the file turns out to be damaged.
    """

    warnings: tuple[str, ...] = ()

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.path = path
        self.source = str(path)
        self._connection = connection
        self._one_at_a_time = Lock()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a session file; it is never written to.

        Raises UnreadableInput when the file is missing, truncated, not a session, or of a newer version.
        """
        _refuse_what_is_no_database(path)
        with _explained(path):
            connection = _connect(path)
            try:
                schema.identify(connection, path)
                connection.execute("SELECT value FROM change_counter").fetchone()
            except BaseException:
                connection.close()
                raise
        return cls(connection, path)

    @property
    def meta(self) -> dict[str, str]:
        """Facts about the whole session, such as who recorded it."""
        return {row[0]: row[1] for row in self._rows("SELECT key, value FROM meta ORDER BY key")}

    @property
    def latest(self) -> int:
        """The highest change number given out; rises with every write of an exchange or incident."""
        return self._integer("SELECT value FROM change_counter")

    @property
    def count(self) -> int:
        """How many exchanges there are."""
        return self._integer("SELECT count(*) FROM exchange")

    def data_version(self) -> int:
        """A number that differs from the last call's when another process wrote since; costs microseconds."""
        return self._integer("PRAGMA data_version")

    def exchanges(self, after: int = 0, limit: int | None = None, *, bodies: bool = True) -> Iterator[Exchange]:
        """Exchanges written after change number `after`, oldest change first, at most `limit` of them.

        Without `bodies` their data is left empty; size and digest are there. What is written meanwhile is read as
        well, so an exchange may come twice, the newer state last.
        """
        query = f"{_SELECT if bodies else _SELECT_WITHOUT_BODIES} changed > ? ORDER BY changed LIMIT ?"
        left = limit
        while left is None or left > 0:
            wanted = _CHUNK if left is None else min(left, _CHUNK)
            part = self._select(query, (after, wanted))
            yield from part
            if len(part) < wanted:
                return
            after = part[-1].changed
            left = None if left is None else left - wanted

    def exchange(self, id: int) -> Exchange | None:
        """One exchange by its id; None when there is none."""
        return next(iter(self._select(f"{_SELECT} id = ?", (id,))), None)

    def incidents(self, after: int = 0) -> Iterator[Incident]:
        """Incidents written after change number `after`, oldest first."""
        query = "SELECT id, at, kind, host, text, changed FROM incident WHERE changed > ? ORDER BY changed"
        yield from [Incident(*row) for row in self._rows(query, (after,))]

    def close(self) -> None:
        """Close the file."""
        # Closing it under a statement that another thread steps through would end the process.
        with self._one_at_a_time:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _select(self, query: str, parameters: tuple[int, ...]) -> list[Exchange]:
        with _explained(self.path):
            return [_from_row(row) for row in self._rows(query, parameters)]

    def _rows(self, query: str, parameters: tuple[int, ...] = ()) -> list[tuple[Any, ...]]:
        # Threads of one process may share a reader, and one connection steps through one statement at a time.
        with _explained(self.path), self._one_at_a_time:
            return self._connection.execute(query, parameters).fetchall()

    def _integer(self, query: str) -> int:
        value: int = self._rows(query)[0][0]
        return value


def _refuse_what_is_no_database(path: Path) -> None:
    with open_input(path) as file:
        head = file.read(100)
        size = file.seek(0, 2)
    if not head.startswith(schema.MAGIC):
        raise UnreadableInput(f"{path} is not a session file; give a {schema.SUFFIX} file.")
    # File format: page size at offset 16 (1 stands for 65536), number of pages at offset 28. With a write-ahead log
    # beside it the file may lawfully be shorter than its header says.
    page_size = int.from_bytes(head[16:18]) if head[16:18] != b"\x00\x01" else 65536
    if size < page_size * int.from_bytes(head[28:32]) and not _log_holds_pages(path):
        raise UnreadableInput(f"{path} is truncated: {size} bytes are there and more belong to it; copy it again.")


def _connect(path: Path) -> sqlite3.Connection:
    """Open read-only, also a file left in WAL mode where no -shm can be made beside it."""
    address = path.absolute().as_uri()
    connection = sqlite3.connect(f"{address}?mode=ro", uri=True, check_same_thread=False)
    try:
        schema.pragma(connection, "schema_version")
    except sqlite3.OperationalError as error:
        connection.close()
        # SQLite could not make -shm; the low byte of its code says so. Calling the file immutable is safe then:
        # a writer would have a log here, and none can be made in this folder.
        if error.sqlite_errorcode & 0xFF not in _NO_SIDE_FILES or _log_holds_pages(path):
            raise
        connection = sqlite3.connect(f"{address}?mode=ro&immutable=1", uri=True, check_same_thread=False)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _log_holds_pages(path: Path) -> bool:
    log = path.with_name(path.name + "-wal")
    return log.exists() and log.stat().st_size > 0


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, ValueError, TypeError, RecursionError) as error:
        # Values of the wrong kind and endless nesting are damage as well: this program never writes them.
        raise UnreadableInput(
            f"{path} cannot be read as a session ({error}); it is damaged, in use by another program,"
            " or was copied without its -wal file."
        ) from None


def _from_row(row: tuple[Any, ...]) -> Exchange:
    return Exchange(
        id=row[0],
        method=row[1],
        url=row[2],
        request_headers=_headers(row[3]),
        request_body=Body(row[25], row[21], row[22]),
        status=row[4],
        reason=row[5],
        response_headers=_headers(row[6]),
        response_body=Body(row[26], row[23], row[24]),
        http_version=row[7],
        started_at=row[8],
        request_end=row[9],
        response_start=row[10],
        response_end=row[11],
        state=State(row[12]),
        error=row[13],
        source=Source(row[14]),
        listener=row[15],
        client_address=row[16],
        server_address=row[17],
        tls=row[18],
        translations=() if row[19] == "[]" else _translations(row[19]),
        changed=row[20],
    )


def _translations(text: str) -> tuple[Translation, ...]:
    rows = json.loads(text)
    if not all(isinstance(part, str) for row in rows for part in row):
        raise TypeError("a translation is not text")
    return tuple(Translation(*row) for row in rows)


def _headers(text: str) -> Headers:
    headers = tuple((name, value) for name, value in json.loads(text))
    if not all(isinstance(name, str) and isinstance(value, str) for name, value in headers):
        raise TypeError("a header is not text")
    return headers
