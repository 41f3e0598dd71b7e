import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from addons.journal import Journal
from inspector.session.model import Body, Exchange, State
from inspector.session.reader import Session
from inspector.session.writer import SessionWriter

LARGE = Exchange(0, "GET", "http://localhost/secret", response_body=Body.whole(b"secret" * 100_000))
SMALL = Exchange(0, "GET", "http://localhost/")


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[SessionWriter]:
    with SessionWriter.create(tmp_path / "s.mcpauth", meta={}) as writer:
        yield writer


def leave_room(writer: SessionWriter, pages: int) -> None:
    """Let SQLite find the disk full when the file has that many pages."""
    writer._connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()


def test_what_is_written_is_announced(writer: SessionWriter) -> None:
    announced: list[int] = []
    journal = Journal(writer, announced.append)
    row = journal.record(SMALL)
    assert row > 0
    assert journal.incident("tls-client", "localhost", "It broke.", 1.0) is True
    with Session.open(writer.path) as session:
        assert [each.id for each in session.exchanges()] == [row]
        assert [each.text for each in session.incidents()] == ["It broke."]
        assert announced == [1, 2]


def test_a_full_disk_is_said_once_in_the_log_and_later_in_the_session(
    writer: SessionWriter, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(writer, lambda changed: None)
    row = journal.record(SMALL)
    leave_room(writer, 20)
    before = time.time()
    with caplog.at_level(logging.ERROR):
        assert journal.record(LARGE) == 0
        assert journal.record(LARGE) == 0
    (line,) = caplog.messages
    assert "cannot be written (SQLITE_FULL); the traffic goes on" in line
    assert "secret" not in line

    leave_room(writer, 1_000_000)
    assert journal.record(Exchange(row, "GET", "http://localhost/", state=State.COMPLETE)) == row
    journal.record(SMALL)
    with Session.open(writer.path) as session:
        (incident,) = session.incidents()
        assert incident.kind == "session"
        assert "could not be written 2 times" in incident.text
        assert before <= incident.at <= time.time()
        assert session.count == 2


def test_an_incident_that_cannot_be_written_disturbs_nothing_either(writer: SessionWriter) -> None:
    journal = Journal(writer, lambda changed: None)
    leave_room(writer, 1)
    assert journal.incident("tls-client", "localhost", "x" * 1_000_000, 1.0) is False
