"""`probe-indicator`, as users run it."""

import json
from pathlib import Path

from tests.cli.conftest import Run


def test_nothing_is_sent_without_an_order(run: Run, session: Path) -> None:
    done = run("probe-indicator", str(session), "--run", "1")
    assert done.returncode == 2
    assert "with a made-up code" in done.stderr
    assert "give --yes" in done.stderr


def test_a_server_that_is_gone_does_not_tell(run: Run, session: Path) -> None:
    done = run("probe-indicator", str(session), "--run", "1", "--yes", "--json")
    assert done.returncode == 3, done.stderr
    told = json.loads(done.stdout)
    assert told["says"] == "cannot-tell"
    assert [bool(each["resource"]) for each in told["asked"]] == [False, True, True]
