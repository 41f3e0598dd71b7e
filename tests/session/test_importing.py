import json
import os
import random
from dataclasses import replace
from pathlib import Path

import pytest

from inspector.errors import InspectorError, UnreadableInput
from inspector.session.importing import ImportedRecording, Recording, import_file, save_as_session
from inspector.session.model import Exchange
from inspector.session.reader import Session
from inspector.session.writer import SessionWriter

SAMPLE = Path(__file__).with_name("data") / "metadata-default--ts-no-pkce--2025-11-25.flow"
ACCEPTED = r"give a session \(\.mcpauth\), a HAR file or a mitmproxy flow file\.$"


def har(path: Path, *times: str | None) -> Path:
    entries = []
    for number, time in enumerate(times):
        made = {"request": {"method": "GET", "url": f"http://localhost/{number}"}, "response": {"status": 200}}
        entries.append(made if time is None else made | {"startedDateTime": f"2026-11-20T13:38:{time}Z"})
    path.write_text(json.dumps({"log": {"entries": entries}}))
    return path


def session(path: Path, exchange: Exchange) -> Path:
    with SessionWriter.create(path, meta={"client": "Warp"}) as writer:
        first = writer.record(exchange)
        writer.record(exchange)
        writer.record(replace(first, status=200))
        writer.incident("tls", "localhost", "refused", 2.0)
    return path


def test_each_format_is_told_by_its_content(tmp_path: Path, exchange: Exchange) -> None:
    flow = tmp_path / "a.har"
    flow.write_bytes(SAMPLE.read_bytes())
    for path, kind, meta in (
        (session(tmp_path / "a.flow", exchange), Session, {"client": "Warp"}),
        (har(tmp_path / "a.mcpauth", "01"), ImportedRecording, {"format": "HAR"}),
        (flow, ImportedRecording, {"format": "mitmproxy flow file"}),
    ):
        recording = import_file(path)
        assert isinstance(recording, kind)
        assert (recording.source, recording.meta, tuple(recording.warnings)) == (str(path), meta, ())
        assert len(list(recording.exchanges())) > 0
        recording.close()


def test_ids_and_change_numbers_follow_time(tmp_path: Path) -> None:
    recording = import_file(har(tmp_path / "a.har", "30", "10", None, "20", None))
    rows = [(each.id, each.changed, each.url[-1]) for each in recording.exchanges()]
    assert rows == [(1, 1, "1"), (2, 2, "2"), (3, 3, "3"), (4, 4, "4"), (5, 5, "0")]


def test_an_imported_recording_is_read_like_a_session(tmp_path: Path, exchange: Exchange) -> None:
    imported = import_file(har(tmp_path / "a.har", "01", "02", "03"))
    saved = tmp_path / "a.mcpauth"
    save_as_session(imported, saved)
    with Session.open(saved) as written:
        recordings: list[Recording] = [imported, written]
        for recording in recordings:
            assert [each.id for each in recording.exchanges(after=1)] == [2, 3]
            assert [each.id for each in recording.exchanges(after=0, limit=2)] == [1, 2]
            assert [each.id for each in recording.exchanges(after=3)] == []
            assert recording.exchange(0) is recording.exchange(4) is recording.exchange(-1) is None
            assert list(recording.incidents()) == []
        assert list(written.exchanges()) == list(imported.exchanges())
        assert written.exchange(2) == imported.exchange(2)
        assert written.meta == {"format": "HAR"}


def test_a_session_saved_as_a_session_keeps_its_ids_and_incidents(tmp_path: Path, exchange: Exchange) -> None:
    with Session.open(session(tmp_path / "a.mcpauth", exchange)) as original:
        save_as_session(original, tmp_path / "b.mcpauth")
        with Session.open(tmp_path / "b.mcpauth") as copy:
            assert [(each.id, each.status) for each in copy.exchanges()] == [(2, None), (1, 200)]
            assert [each.text for each in copy.incidents()] == ["refused"]
            assert copy.meta == original.meta
        with pytest.raises(InspectorError, match="exists already"):
            save_as_session(original, tmp_path / "b.mcpauth")


def test_saving_a_damaged_recording_leaves_no_file(tmp_path: Path, exchange: Exchange) -> None:
    with Session.open(session(tmp_path / "a.mcpauth", exchange)) as original:
        with SessionWriter.append_to(original.path) as writer:
            writer._connection.execute("UPDATE exchange SET state = 'odd' WHERE id = 1")
        with pytest.raises(UnreadableInput, match="'odd' is not a valid State"):
            save_as_session(original, tmp_path / "b.mcpauth")
    assert sorted(each.name for each in tmp_path.iterdir() if each.name.startswith("b")) == []


def test_a_damaged_tail_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "cut.flow"
    path.write_bytes(SAMPLE.read_bytes()[:-10])
    recording = import_file(path)
    assert len(list(recording.exchanges())) == 9
    (warning,) = recording.warnings
    assert "damaged from byte" in warning


def test_a_recording_without_an_exchange_says_so(tmp_path: Path) -> None:
    path = har(tmp_path / "a.har")
    assert import_file(path).warnings == (f"{path} holds no HTTP exchange.",)


def test_progress_is_told(tmp_path: Path) -> None:
    seen: list[float] = []
    import_file(SAMPLE, on_progress=seen.append)
    assert seen[-1] == 1.0


def test_what_cannot_be_opened_is_one_sentence_with_the_accepted_formats(tmp_path: Path) -> None:
    empty = tmp_path / "empty.har"
    empty.touch()
    junk = tmp_path / "junk.flow"
    junk.write_bytes(random.Random(1).randbytes(5000))
    text = tmp_path / "letter.txt"
    text.write_text("Dear Ada,\n")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, sentence in (
        (tmp_path / "none.har", "does not exist; "),
        (tmp_path, "is a directory; "),
        (empty, "is empty; "),
        (junk, "is of no known format; "),
        (text, "is of no known format; "),
        (pipe, "is not a regular file; .*"),
        (Path("nul\0.har"), r"cannot be opened \(.*\); "),
    ):
        with pytest.raises(UnreadableInput, match=sentence + ACCEPTED):
            import_file(path)


def test_a_file_that_may_not_be_read_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = har(tmp_path / "a.har", "01")

    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # the tests may run as root, whom no mode refuses
    with pytest.raises(UnreadableInput, match=r"a\.har may not be read by you; allow it, or give another recording\.$"):
        import_file(path)
