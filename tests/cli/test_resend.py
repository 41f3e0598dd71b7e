"""`replay SESSION --step N`: one request again, as users run it."""

import json
import shutil
from pathlib import Path

import pytest

from inspector.session.model import Source
from inspector.session.reader import Session
from tests.cli.conftest import Run


@pytest.fixture
def mine(session: Path, tmp_path: Path) -> Path:
    """The recorded demo, to be written to."""
    return Path(shutil.copy(session, tmp_path / "mine.mcpauth"))


def test_a_step_is_sent_to_the_reference_servers_and_recorded(run: Run, mine: Path) -> None:
    with Session.open(mine) as before:
        count = len(list(before.exchanges()))
    done = run("replay", str(mine), "--run", "1", "--step", "1", "--set", "header:X-Mine=1", "--json")
    assert done.returncode in (0, 1), done.stderr
    told = json.loads(done.stdout)
    assert (told["recorded"]["status"], told["now"]["status"]) == (401, 401)
    assert told["request"] == [{"part": "headers", "name": "", "recorded": None, "now": "X-Mine: 1"}]
    with Session.open(mine) as after:
        exchanges = list(after.exchanges())
    assert len(exchanges) == count + 1
    assert exchanges[-1].source is Source.REPLAY
    assert exchanges[-1].listener == "replay of step 1 of run 1"


def test_nothing_is_sent_where_nobody_can_be_asked(run: Run, mine: Path) -> None:
    done = run("replay", str(mine), "--run", "1", "--step", "1", "--to", "original")
    assert done.returncode == 2
    assert "give --yes" in done.stderr
    assert "would be sent to http://localhost:" in done.stderr
    with Session.open(mine) as after:
        assert not any(exchange.source is Source.REPLAY for exchange in after.exchanges())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--step", "99"), "has no step 99"),
        (("--step", "1", "--set", "cookie:a=1"), "is no part of a request"),
        (("--step", "1", "--to", "elsewhere"), "no http or https URL"),
    ],
)
def test_bad_input_is_one_sentence(run: Run, mine: Path, arguments: tuple[str, ...], said: str) -> None:
    done = run("replay", str(mine), "--run", "1", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
