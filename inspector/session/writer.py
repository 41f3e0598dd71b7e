"""Writes a session file, one transaction per event, so that a killed process loses nothing it has written.

Standard library only: the recorder inside the proxy runs this.
"""

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import astuple, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from inspector.errors import InspectorError, UnreadableInput
from inspector.session import schema
from inspector.session.files import make_private_folders
from inspector.session.model import Exchange, Incident

BUSY_TIMEOUT_MS = 5000
"""How long a write waits for another process that is writing the same session."""

# One statement adds a row, replaces the one of that id, or replaces the one of that key, which then keeps its id.
_UPSERT = " ".join(
    (
        "INSERT INTO exchange (key,",
        ", ".join(schema.EXCHANGE_COLUMNS),
        ") VALUES (?,",
        ", ".join("?" for _ in schema.EXCHANGE_COLUMNS),
        ") ON CONFLICT DO UPDATE SET key = coalesce(excluded.key, key),",
        ", ".join(f"{column} = excluded.{column}" for column in schema.EXCHANGE_COLUMNS if column != "id"),
        "RETURNING id",
    )
)


class SessionWriter:
    """The writing end of a session file; several processes may write one session, each with its own writer.

    Writes raise sqlite3.Error when the file cannot take them (disk full, locked for longer than BUSY_TIMEOUT_MS);
    nothing of the failed write is kept.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.path = path
        self._connection = connection

    @classmethod
    def create(cls, path: Path, *, meta: Mapping[str, str]) -> Self:
        """Start a new session file, readable by its owner alone, and any missing folder above it likewise.

        Raises InspectorError when the file exists already or cannot be made.
        """
        try:
            make_private_folders(path.parent)
            # SQLite gives -wal and -shm the mode of the database, so it must be right before SQLite sees the file.
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            raise InspectorError(f"{path} exists already; choose another name for the new session.") from None
        except OSError as error:
            raise InspectorError(f"{path} cannot be created ({error.strerror}); choose another place.") from None
        writer = cls(_connect(path), path)
        try:
            schema.upgrade(writer._connection)
            _switch_to_wal(writer._connection)
            with writer.batch():
                for key, value in meta.items():
                    writer.set_meta(key, value)
        except BaseException:
            writer._connection.close()
            path.unlink(missing_ok=True)
            raise
        return writer

    @classmethod
    def append_to(cls, path: Path) -> Self:
        """Go on with an existing session file, upgrading it when an older version wrote it.

        Raises UnreadableInput when the file is missing, not writable, not a session, or of a newer version.
        """
        if not path.is_file():
            raise UnreadableInput(f"{path} does not exist or is not a file; give the path of a session.")
        connection = _connect(path)
        try:
            schema.identify(connection, path)
            if schema.pragma(connection, "user_version") < schema.VERSION:
                schema.upgrade(connection)
            _switch_to_wal(connection)
        except sqlite3.Error as error:
            connection.close()
            raise UnreadableInput(f"{path} cannot be continued as a session ({error}).") from None
        except BaseException:
            connection.close()
            raise
        return cls(connection, path)

    def record(self, exchange: Exchange, *, key: str | None = None) -> Exchange:
        """Write one exchange and give it back with its `id` and the new `changed`.

        An `id` of 0 adds a row; any other id replaces that row (or adds it under that id). `key` is a name of the
        caller's own, such as the proxy's flow id: a second write under the same key replaces the first whatever the id.
        """
        with self.batch():
            exchange = replace(exchange, changed=self._next_change())
            row = (key, *_to_row(exchange))
            try:
                cursor = self._connection.execute(_UPSERT, row)
            except UnicodeEncodeError:
                # Undecodable bytes of the wire arrive as lone surrogates, which SQLite cannot hold as text.
                cursor = self._connection.execute(
                    _UPSERT, [_encodable(each) if isinstance(each, str) else each for each in row]
                )
            return replace(exchange, id=cursor.fetchone()[0])

    def incident(self, kind: str, host: str, text: str, at: float) -> Incident:
        """Write down something that stopped traffic before there was an exchange; `at` is seconds since the epoch."""
        with self.batch():
            incident = Incident(0, at, kind, _encodable(host), _encodable(text), changed=self._next_change())
            cursor = self._connection.execute(
                "INSERT INTO incident (at, kind, host, text, changed) VALUES (?, ?, ?, ?, ?) RETURNING id",
                (incident.at, incident.kind, incident.host, incident.text, incident.changed),
            )
            return replace(incident, id=cursor.fetchone()[0])

    def set_meta(self, key: str, value: str) -> None:
        """Set one fact about the whole session, replacing an earlier value of that key."""
        with self.batch():
            self._connection.execute(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
                (_encodable(key), _encodable(value)),
            )

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Make all writes inside one transaction: all of them are kept, or, when the block raises, none."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.rollback()  # does nothing where SQLite has already rolled back
            raise

    def close(self) -> None:
        """Close the file, as one plain file without -wal and -shm when nobody else has it open."""
        with suppress(sqlite3.Error):
            # A reader keeps the file in WAL mode; everything is on disk either way, so do not wait for it.
            self._connection.execute("PRAGMA busy_timeout = 0")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self._connection.execute("PRAGMA journal_mode = DELETE").fetchall()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _next_change(self) -> int:
        cursor = self._connection.execute("UPDATE change_counter SET value = value + 1 RETURNING value")
        value: int = cursor.fetchone()[0]
        return value


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    return connection


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    # In WAL mode NORMAL survives the death of the process; only a power cut can take the last transactions.
    connection.execute("PRAGMA synchronous = NORMAL")


def _to_row(exchange: Exchange) -> tuple[object, ...]:
    request, response = exchange.request_body, exchange.response_body
    return (
        exchange.id or None,
        exchange.method,
        exchange.url,
        json.dumps(exchange.request_headers),
        exchange.status,
        exchange.reason,
        json.dumps(exchange.response_headers),
        exchange.http_version,
        exchange.started_at,
        exchange.request_end,
        exchange.response_start,
        exchange.response_end,
        exchange.state,
        exchange.error,
        exchange.source,
        exchange.listener,
        exchange.client_address,
        exchange.server_address,
        exchange.tls,
        json.dumps([astuple(translation) for translation in exchange.translations]),
        exchange.changed,
        request.size,
        request.sha256,
        response.size,
        response.sha256,
        request.data,
        response.data,
    )


def _encodable(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()
