import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from inspector.errors import InspectorError, UnreadableInput
from inspector.session import schema
from inspector.session.model import Exchange
from inspector.session.reader import Session
from inspector.session.writer import SessionWriter

REPOSITORY = Path(__file__).parents[2]


def make(path: Path, meta: dict[str, str] | None = None) -> SessionWriter:
    return SessionWriter.create(path, meta=meta or {})


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def test_every_field_comes_back(tmp_path: Path, full_exchange: Exchange) -> None:
    with make(tmp_path / "a.mcpauth", {"endpoint": "http://localhost:3001/mcp"}) as writer:
        written = writer.record(full_exchange)
    assert written == replace(full_exchange, id=1, changed=1)
    with Session.open(tmp_path / "a.mcpauth") as session:
        assert list(session.exchanges()) == [written]
        assert session.exchange(1) == written
        assert session.meta == {"endpoint": "http://localhost:3001/mcp"}


def test_an_id_replaces_and_every_write_takes_a_new_number(tmp_path: Path, exchange: Exchange) -> None:
    with make(tmp_path / "a.mcpauth") as writer:
        first, second = writer.record(exchange), writer.record(exchange)
        answered = writer.record(replace(first, status=200))
        incident = writer.incident("tls", "localhost", "The client does not trust the certificate.", 5.0)
    assert (first.id, second.id, answered.id) == (1, 2, 1)
    assert (first.changed, second.changed, answered.changed, incident.changed) == (1, 2, 3, 4)
    with Session.open(tmp_path / "a.mcpauth") as session:
        assert list(session.exchanges()) == [second, answered]
        assert list(session.incidents()) == [incident]
        assert (session.latest, session.count) == (4, 2)


def test_a_key_finds_its_row_again(tmp_path: Path, exchange: Exchange) -> None:
    with make(tmp_path / "a.mcpauth") as writer:
        writer.record(exchange, key="flow-1")
        other = writer.record(exchange, key="flow-2")
        again = writer.record(replace(exchange, status=200), key="flow-1")
        assert (again.id, again.status) == (1, 200)
        writer.record(replace(again, status=201))  # without the key, which the row keeps
        assert writer.record(replace(exchange, status=202), key="flow-1").id == 1
        assert other.id == 2


def test_text_that_is_no_unicode_is_kept_visibly(tmp_path: Path, exchange: Exchange) -> None:
    with make(tmp_path / "a.mcpauth") as writer:
        writer.record(replace(exchange, url="http://localhost/\udcff\x00", request_headers=(("a", "\udcfe"),)))
        writer.incident("tls", "\udcff", "\ud800", 0.0)
    with Session.open(tmp_path / "a.mcpauth") as session:
        (read,) = session.exchanges()
        assert read.url == "http://localhost/\\udcff\x00"
        assert read.request_headers == (("a", "\udcfe"),)
        assert [each.text for each in session.incidents()] == ["\\ud800"]


def test_only_the_owner_may_read_from_the_first_moment(tmp_path: Path, exchange: Exchange) -> None:
    path = tmp_path / "new" / "folder" / "a.mcpauth"
    with umask(0), make(path) as writer:
        writer.record(exchange)
        files = sorted(path.parent.iterdir())
        assert [each.name for each in files] == ["a.mcpauth", "a.mcpauth-shm", "a.mcpauth-wal"]
        assert {mode(each) for each in files} == {0o600}
    assert {mode(path.parent), mode(path.parent.parent)} == {0o700}


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear Ada")
    with pytest.raises(InspectorError, match=r"letter\.txt exists already; choose another name"):
        make(path)
    assert path.read_text() == "Dear Ada"


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InspectorError, match=r"cannot be created \(Not a directory\); choose another place\.$"):
        make(tmp_path / "file" / "a.mcpauth")


def test_a_failed_start_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "MIGRATIONS", (("CREATE TABLE half (a)", "CREATE NONSENSE"),))
    with pytest.raises(sqlite3.OperationalError, match="NONSENSE"):
        make(tmp_path / "a.mcpauth")
    assert list(tmp_path.iterdir()) == []


def test_a_session_is_continued(tmp_path: Path, exchange: Exchange) -> None:
    path = tmp_path / "a.mcpauth"
    with make(path) as writer:
        writer.record(exchange)
    with SessionWriter.append_to(path) as writer:
        assert writer.record(exchange).changed == 2
        writer.set_meta("client", "Warp")
        writer.set_meta("client", "Codex")
    with Session.open(path) as session:
        assert session.meta == {"client": "Codex"}
        assert session.count == 2


def test_only_a_session_is_continued(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.db"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE notes (text)")
    connection.close()
    before = foreign.read_bytes()
    with pytest.raises(UnreadableInput, match="database of another program"):
        SessionWriter.append_to(foreign)
    assert foreign.read_bytes() == before
    with pytest.raises(UnreadableInput, match="does not exist"):
        SessionWriter.append_to(tmp_path / "none.mcpauth")
    junk = tmp_path / "junk.mcpauth"
    junk.write_bytes(b"junk" * 1000)
    with pytest.raises(UnreadableInput, match=r"cannot be continued .*file is not a database"):
        SessionWriter.append_to(junk)


def test_an_older_session_is_upgraded(tmp_path: Path, exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.mcpauth"
    with make(path) as writer:
        writer.record(exchange)
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, ("ALTER TABLE exchange ADD COLUMN note TEXT",)))
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    SessionWriter.append_to(path).close()
    with Session.open(path) as session:
        assert session.count == 1
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT note FROM exchange").fetchall() == [(None,)]
    connection.close()
    monkeypatch.undo()
    with pytest.raises(UnreadableInput, match="newer mcp-auth-inspector"):
        SessionWriter.append_to(path)


def test_a_batch_is_kept_whole_or_not_at_all(tmp_path: Path, exchange: Exchange) -> None:
    path = tmp_path / "a.mcpauth"
    with make(path) as writer, Session.open(path) as session:
        with writer.batch():
            writer.record(exchange)
            assert session.count == 0
            writer.record(exchange)
        assert session.count == 2

        def half() -> None:
            with writer.batch():
                writer.record(exchange)
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            half()
        assert (session.count, session.latest) == (2, 2)
        assert writer.record(exchange).changed == 3


def test_two_writers_share_one_session(tmp_path: Path, exchange: Exchange) -> None:
    path = tmp_path / "a.mcpauth"
    with make(path) as proxy, SessionWriter.append_to(path) as replay:
        written = [writer.record(exchange) for writer in (proxy, replay, proxy, replay)]
    assert [each.id for each in written] == [each.changed for each in written] == [1, 2, 3, 4]


def test_a_closed_session_is_one_plain_file(tmp_path: Path, exchange: Exchange) -> None:
    with make(tmp_path / "a.mcpauth") as writer:
        writer.record(exchange)
    assert [each.name for each in tmp_path.iterdir()] == ["a.mcpauth"]


def test_closing_before_a_reader_leaves_the_file_complete_by_itself(tmp_path: Path, exchange: Exchange) -> None:
    path, copy = tmp_path / "a.mcpauth", tmp_path / "copy.mcpauth"
    writer = make(path)
    with Session.open(path) as session:
        writer.record(exchange)
        writer.close()
        copy.write_bytes(path.read_bytes())
        assert session.count == 1
    with Session.open(copy) as session:
        assert session.count == 1


ENDLESS = """
import sys
from pathlib import Path
from inspector.session.model import Body, Exchange
from inspector.session.writer import SessionWriter
writer = SessionWriter.create(Path(sys.argv[1]), meta={})
while True:
    row = writer.record(Exchange(0, "GET", "http://localhost/", request_body=Body.whole(bytes(3000))))
    sys.stdout.write(f"{row.id}\\n")
    sys.stdout.flush()
"""


@pytest.mark.parametrize("rows_before_the_kill", [1, 50, 700])
def test_a_killed_writer_loses_no_row_it_has_written(tmp_path: Path, rows_before_the_kill: int) -> None:
    path = tmp_path / "a.mcpauth"
    command = [sys.executable, "-c", ENDLESS, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as child:
        assert child.stdout is not None
        for _ in range(rows_before_the_kill):
            child.stdout.readline()
        child.send_signal(signal.SIGKILL)
        reported = rows_before_the_kill + sum(line.endswith("\n") for line in child.stdout)
    with Session.open(path) as session:
        assert session.count >= reported
        assert [each.id for each in session.exchanges()] == list(range(1, session.count + 1))
        assert all(len(each.request_body.data) == 3000 for each in session.exchanges())
    SessionWriter.append_to(path).close()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    assert [each.name for each in tmp_path.iterdir()] == ["a.mcpauth"]


def test_the_writer_needs_the_standard_library_alone() -> None:
    # -S leaves out site-packages.
    code = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); import inspector.session.writer"
    subprocess.run([sys.executable, "-S", "-I", "-c", code], check=True, cwd=REPOSITORY)
