"""The layout of a session file: one SQLite database with a version, and the steps from each version to the next.

Standard library only: the recorder inside the proxy shares this module.
"""

import sqlite3
from pathlib import Path

from inspector.errors import UnreadableInput

SUFFIX = ".mcpauth"
"""File name ending of a session file."""

MAGIC = b"SQLite format 3\x00"
"""How every SQLite file begins."""

APPLICATION_ID = 0x4D435041
"""SQLite's application_id of a session file: the letters MCPA."""

EXCHANGE_COLUMNS = (
    "id",
    "method",
    "url",
    "request_headers",
    "status",
    "reason",
    "response_headers",
    "http_version",
    "started_at",
    "request_end",
    "response_start",
    "response_end",
    "state",
    "error",
    "source",
    "listener",
    "client_address",
    "server_address",
    "tls",
    "translations",
    "changed",
    "request_size",
    "request_sha256",
    "response_size",
    "response_sha256",
    "request_data",
    "response_data",
)
"""Columns of the exchange table that make up an Exchange, the two bodies last."""

# Bodies stand last in the row: SQLite reads a row from its front, so a list without bodies never touches the pages
# they spill to. A table of their own was measured: half as fast to write, no faster to list.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE exchange (
            id INTEGER PRIMARY KEY,
            key TEXT UNIQUE,
            changed INTEGER NOT NULL,
            method TEXT NOT NULL,
            url TEXT NOT NULL,
            status INTEGER,
            reason TEXT NOT NULL,
            http_version TEXT NOT NULL,
            started_at REAL NOT NULL,
            request_end REAL NOT NULL,
            response_start REAL NOT NULL,
            response_end REAL NOT NULL,
            state TEXT NOT NULL,
            error TEXT NOT NULL,
            source TEXT NOT NULL,
            listener TEXT NOT NULL,
            client_address TEXT NOT NULL,
            server_address TEXT NOT NULL,
            tls TEXT NOT NULL,
            translations TEXT NOT NULL,
            request_headers TEXT NOT NULL,
            response_headers TEXT NOT NULL,
            request_size INTEGER NOT NULL,
            request_sha256 TEXT NOT NULL,
            response_size INTEGER NOT NULL,
            response_sha256 TEXT NOT NULL,
            request_data BLOB NOT NULL,
            response_data BLOB NOT NULL
        ) STRICT""",
        "CREATE INDEX exchange_changed ON exchange (changed)",
        """CREATE TABLE incident (
            id INTEGER PRIMARY KEY,
            changed INTEGER NOT NULL,
            at REAL NOT NULL,
            kind TEXT NOT NULL,
            host TEXT NOT NULL,
            text TEXT NOT NULL
        ) STRICT""",
        "CREATE INDEX incident_changed ON incident (changed)",
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
        "CREATE TABLE change_counter (value INTEGER NOT NULL) STRICT",
        "INSERT INTO change_counter VALUES (0)",
    ),
    (),  # a translation says who wanted it; programs that know version 1 take that for damage
)
"""Statements that lead from version N (the index) to version N + 1."""

VERSION = len(MIGRATIONS)
"""SQLite's user_version of a session file this program writes."""


def upgrade(connection: sqlite3.Connection) -> None:
    """Bring an open database to VERSION, in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statements in MIGRATIONS[pragma(connection, "user_version") :]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def identify(connection: sqlite3.Connection, path: Path) -> None:
    """Raise UnreadableInput unless the open database is a session of a version this program knows."""
    if pragma(connection, "application_id") != APPLICATION_ID:
        raise UnreadableInput(f"{path} is a SQLite database of another program, not a session; give a {SUFFIX} file.")
    version = pragma(connection, "user_version")
    if version > VERSION:
        raise UnreadableInput(
            f"{path} was written by a newer mcp-auth-inspector (session version {version}, this one reads up to"
            f" {VERSION}); upgrade mcp-auth-inspector to open it."
        )
    # Whoever reads may rely on the types of the columns, which only STRICT tables hold to.
    strict = connection.execute("SELECT name FROM pragma_table_list WHERE type = 'table' AND strict").fetchall()
    if not {"exchange", "incident", "meta", "change_counter"} <= {name for (name,) in strict}:
        raise UnreadableInput(f"{path} has not the tables of a session, so it is damaged; record it again.")


def pragma(connection: sqlite3.Connection, name: str) -> int:
    """The value of an integer pragma."""
    value: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return value
