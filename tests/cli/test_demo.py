import stat
import subprocess
from pathlib import Path

from tests.cli.conftest import Run


def test_the_demo_tells_the_story_live(demo: subprocess.CompletedProcess[str]) -> None:
    first, second = demo.stdout.split("\nRun 2: ")
    assert demo.returncode == 1
    assert "At fault   nobody" in first
    assert "Findings: none" in first
    assert "At fault   the client (certain)" in second
    assert "resource-missing-authorize" in second
    assert "aud = client_" in second


def test_the_session_is_private(session: Path) -> None:
    assert stat.S_IMODE(session.stat().st_mode) == 0o600


def test_without_a_terminal_it_says_what_to_do(run: Run) -> None:
    done = run("demo")
    assert done.returncode == 2
    assert "demo --text" in done.stderr
    assert done.stdout == ""
