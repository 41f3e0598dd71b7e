import json
from pathlib import Path

from addons.record_file import write_record


def test_the_note_is_for_its_owner_alone_and_replaces_an_old_one(tmp_path: Path) -> None:
    note = tmp_path / "a.json"
    note.write_text("old")
    note.chmod(0o644)
    write_record(note, {"token": "t"})
    assert json.loads(note.read_text()) == {"token": "t"}
    assert note.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [note]


def test_what_a_killed_proxy_left_unfinished_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "a.new").write_text("half")
    write_record(tmp_path / "a.json", {})
    assert (tmp_path / "a.json").read_text() == "{}"
