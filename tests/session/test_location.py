import re
import stat
from datetime import datetime
from pathlib import Path

import pytest

from inspector.session.location import new_session_path, session_directory, state_directory
from inspector.session.writer import SessionWriter

NOW = datetime(2026, 11, 20, 13, 38, 34)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    monkeypatch.setenv("MCP_AUTH_INSPECTOR_HOME", str(home))
    return home


def test_the_variable_names_the_place(home: Path) -> None:
    assert session_directory() == home / "sessions"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "sessions").stat().st_mode) == 0o700


def test_without_it_the_users_state_directory_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MCP_AUTH_INSPECTOR_HOME", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_directory().name == "mcp-auth-inspector"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_open_is_closed(home: Path) -> None:
    (home / "sessions").mkdir(parents=True, mode=0o755)
    assert stat.S_IMODE(session_directory().stat().st_mode) == 0o700


def test_names_are_told_by_time_and_never_collide(home: Path) -> None:
    paths = {new_session_path(NOW) for _ in range(50)}
    assert len(paths) == 50
    for path in paths:
        assert path.parent == home / "sessions"
        assert re.fullmatch(r"2026-11-20-133834-[0-9a-f]{6}\.mcpauth", path.name)
        assert not path.exists()
    SessionWriter.create(paths.pop(), meta={}).close()
