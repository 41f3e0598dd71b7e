from pathlib import Path

from tests.cli.conftest import Run


def test_without_a_terminal_it_says_what_to_use(run: Run, tmp_path: Path) -> None:
    done = run("open", str(tmp_path / "x.har"))
    assert done.returncode == 2
    assert "check FILE" in done.stderr
