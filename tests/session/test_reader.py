import os
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from inspector.errors import UnreadableInput
from inspector.session.model import Body, Exchange, Translation
from inspector.session.reader import Session
from inspector.session.writer import SessionWriter

NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.mcpauth"


@pytest.fixture
def finished(path: Path, full_exchange: Exchange) -> Path:
    """A closed session of 20 exchanges and 1 incident."""
    with SessionWriter.create(path, meta={"client": "Warp"}) as writer:
        for _ in range(20):
            writer.record(full_exchange)
        writer.incident("tls", "localhost", "refused", 1.0)
    return path


def killed(path: Path, target: Path) -> Path:
    """A copy of a live session as a killed writer leaves it: the rows are in the log only."""
    for suffix in ("", "-wal", "-shm"):
        shutil.copyfile(f"{path}{suffix}", f"{target}{suffix}")
    return target


@contextmanager
def read_only_folder(*files: Path) -> Iterator[Path]:
    """A folder with copies of the files in which this process can make nothing, even when it is root's."""
    folder = Path(tempfile.mkdtemp())
    root = os.geteuid() == 0
    for file in files:
        copy = Path(shutil.copy(file, folder))
        copy.chmod(0o444)
    folder.chmod(0o555)
    if root:
        os.seteuid(NOBODY)
    try:
        if not os.access(folder, os.R_OK | os.X_OK, effective_ids=True):
            pytest.skip("the temporary folder is not accessible to other users")
        yield folder
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o700)
        shutil.rmtree(folder)


def test_what_changed_since_is_listed_in_order_of_change(path: Path, exchange: Exchange) -> None:
    with SessionWriter.create(path, meta={}) as writer, Session.open(path) as session:
        rows = [writer.record(exchange) for _ in range(5)]
        rows.append(writer.record(replace(rows[1], status=200)))
        assert [each.id for each in session.exchanges()] == [1, 3, 4, 5, 2]
        assert [each.id for each in session.exchanges(after=4)] == [5, 2]
        assert [each.id for each in session.exchanges(after=1, limit=2)] == [3, 4]
        assert list(session.exchanges(after=session.latest)) == []
        assert session.exchange(2) == rows[-1]
        assert session.exchange(99) is None


def test_a_list_without_bodies_keeps_their_size(finished: Path, full_exchange: Exchange) -> None:
    with Session.open(finished) as session:
        for each in session.exchanges(bodies=False):
            assert each.response_body == Body(b"", 5_000_000, "ab" * 32)
            assert replace(each, request_body=Body(), response_body=Body(), id=0, changed=0) == replace(
                full_exchange, request_body=Body(), response_body=Body()
            )


def test_a_live_session_shows_each_write_at_once(path: Path, exchange: Exchange) -> None:
    with SessionWriter.create(path, meta={}) as writer, Session.open(path) as session:
        before = session.data_version()
        assert session.data_version() == before
        for number in range(1, 4):
            writer.record(exchange)
            after = session.data_version()
            assert after != before
            assert (session.count, session.latest) == (number, number)
            before = after


def test_a_reader_survives_that_a_finished_session_is_continued(finished: Path, exchange: Exchange) -> None:
    with Session.open(finished) as session, SessionWriter.append_to(finished) as writer:
        before = session.data_version()
        writer.record(exchange)
        assert session.data_version() != before
        assert session.count == 21


def test_reading_changes_nothing(finished: Path) -> None:
    before = finished.read_bytes()
    with Session.open(finished) as session:
        assert len(list(session.exchanges())) == 20
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            session._connection.execute("DELETE FROM exchange")
    assert finished.read_bytes() == before
    assert [each.name for each in finished.parent.iterdir()] == [finished.name]


def test_threads_may_share_a_reader(finished: Path) -> None:
    with Session.open(finished) as session, ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda _: len(list(session.exchanges())), range(20)))
    assert counts == [20] * 20


def test_closing_waits_for_the_thread_that_reads(finished: Path) -> None:
    session = Session.open(finished)
    with ThreadPoolExecutor(1) as pool:
        with session._one_at_a_time:
            closing = pool.submit(session.close)
            assert wait([closing], timeout=0.05).not_done
        closing.result(timeout=5)
    with pytest.raises(UnreadableInput):
        list(session.exchanges())


def test_a_name_with_url_characters_opens(tmp_path: Path, exchange: Exchange) -> None:
    path = tmp_path / "50% of #1?mode=rw&x.mcpauth"
    with SessionWriter.create(path, meta={}) as writer:
        writer.record(exchange)
    with Session.open(path) as session:
        assert session.count == 1


def test_a_finished_session_opens_in_a_read_only_folder(finished: Path) -> None:
    with read_only_folder(finished) as folder, Session.open(folder / finished.name) as session:
        assert session.count == 20
        assert session.meta == {"client": "Warp"}


def test_a_session_left_in_wal_mode_opens_in_a_read_only_folder(finished: Path) -> None:
    connection = sqlite3.connect(finished)
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    connection.close()
    with read_only_folder(finished) as folder, Session.open(folder / finished.name) as session:
        assert len(list(session.exchanges())) == 20


def test_a_killed_writers_session_in_a_read_only_folder_is_whole_or_refused(
    path: Path, tmp_path: Path, exchange: Exchange
) -> None:
    with SessionWriter.create(path, meta={}) as writer:
        for _ in range(3):
            writer.record(exchange)
        left = killed(path, tmp_path / "killed.mcpauth")
    log = left.with_name("killed.mcpauth-wal")
    with read_only_folder(left, log) as folder, pytest.raises(UnreadableInput, match="cannot be read as a session"):
        Session.open(folder / left.name)
    with Session.open(left) as session:
        assert session.count == 3


def test_a_checkpoint_that_was_cut_short_is_no_truncation(path: Path, tmp_path: Path, full_exchange: Exchange) -> None:
    with SessionWriter.create(path, meta={}) as writer:
        for _ in range(100):
            writer.record(full_exchange)
        left = killed(path, tmp_path / "killed.mcpauth")
    # The checkpoint got as far as page 1, which tells of pages that are still in the log only. File format: the log
    # is a header of 32 bytes, then frames of 24 bytes and a page; a frame begins with its page number.
    log, page = left.with_name("killed.mcpauth-wal").read_bytes(), 4096
    frames = [log[at : at + 24 + page] for at in range(32, len(log), 24 + page)]
    first = [frame[24:] for frame in frames if frame[:4] == b"\x00\x00\x00\x01"][-1]
    left.write_bytes(first + left.read_bytes()[page:])
    assert left.stat().st_size < page * int.from_bytes(first[28:32])
    assert read_all(left) == 100


def test_a_translation_of_the_first_version_is_one_of_addresses(finished: Path) -> None:
    with sqlite3.connect(finished) as connection:
        connection.execute("""UPDATE exchange SET translations = '[["request.url", "resource", "a", "b"]]'""")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    with Session.open(finished) as session:
        assert {each.translations for each in session.exchanges()} == {
            (Translation("request.url", "resource", client="a", upstream="b", by=""),)
        }


def test_what_is_no_session_is_refused_in_one_sentence(tmp_path: Path, finished: Path) -> None:
    foreign = tmp_path / "foreign.db"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE notes (text)")
    connection.close()
    junk = tmp_path / "junk.mcpauth"
    junk.write_bytes(b"\x00\x01junk" * 500)
    newer = tmp_path / "newer.mcpauth"
    shutil.copyfile(finished, newer)
    with sqlite3.connect(newer) as connection:
        connection.execute("PRAGMA user_version = 7")
    connection.close()
    for file, sentence in (
        (foreign, r"is a SQLite database of another program, not a session; give a \.mcpauth file\.$"),
        (junk, r"is not a session file; give a \.mcpauth file\.$"),
        (newer, r"newer mcp-auth-inspector \(session version 7, .*\); upgrade mcp-auth-inspector to open it\.$"),
        (tmp_path / "none", r"does not exist; give "),
        (tmp_path, r"is a directory; give "),
    ):
        with pytest.raises(UnreadableInput, match=sentence):
            Session.open(file)


def read_all(path: Path) -> int:
    with Session.open(path) as session:
        assert isinstance(session.meta, dict)
        assert list(session.incidents()) is not None
        return len(list(session.exchanges()))


def test_a_truncated_session_is_always_refused(finished: Path) -> None:
    whole = finished.read_bytes()
    for length in (0, 1, 15, 16, 50, 99, 100, 101, 4095, 4096, 4097, 8192, len(whole) // 2, len(whole) - 1):
        finished.write_bytes(whole[:length])
        with pytest.raises(UnreadableInput, match=r"(is truncated|is empty|not a session|cannot be read).*[.]$"):
            read_all(finished)


def test_a_damaged_session_is_read_or_refused_and_nothing_else(finished: Path) -> None:
    whole = finished.read_bytes()
    chance = random.Random(8)
    outcomes = set()
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(chance.choice((1, 8, 200))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        finished.write_bytes(damaged)
        try:
            read_all(finished)
            outcomes.add("read")
        except UnreadableInput:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


@pytest.mark.parametrize("headers", ["[" * 200_000, "[[1, 2]]", '{"ab": "c"}x', '["abc"]'])
def test_headers_that_are_none_are_damage(finished: Path, headers: str) -> None:
    with sqlite3.connect(finished) as connection:
        connection.execute("UPDATE exchange SET request_headers = ?", (headers,))
    connection.close()
    with Session.open(finished) as session, pytest.raises(UnreadableInput, match="damaged"):
        list(session.exchanges())


def test_tables_that_take_values_of_any_type_are_refused(tmp_path: Path, finished: Path) -> None:
    loose = tmp_path / "loose.mcpauth"
    with sqlite3.connect(finished) as source, sqlite3.connect(loose) as made:
        for statement in source.iterdump():
            made.execute(statement.replace(") STRICT", ")"))
        for pragma in ("application_id", "user_version"):
            made.execute(f"PRAGMA {pragma} = {source.execute(f'PRAGMA {pragma}').fetchone()[0]}")
    source.close()
    made.close()
    with pytest.raises(UnreadableInput, match="damaged"):
        Session.open(loose)
