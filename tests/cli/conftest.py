"""A way to run the program as a user does, and one recorded demo for all tests."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

type Run = Callable[..., subprocess.CompletedProcess[str]]

PROGRAM = (sys.executable, "-c", "from inspector.cli.main import main; main()")


def run_program(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "MCP_AUTH_INSPECTOR_HOME": str(home), "COLUMNS": "100", **variables}
    return subprocess.run(
        [*PROGRAM, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return lambda *arguments, **variables: run_program(tmp_path, *arguments, **variables)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """What `demo --text` did, and in its home the session it recorded."""
    return run_program(tmp_path_factory.mktemp("demo"), "demo", "--text")


@pytest.fixture(scope="session")
def session(demo: subprocess.CompletedProcess[str]) -> Path:
    line = next(line for line in demo.stderr.splitlines() if "the session is" in line)
    return Path(line.partition("the session is ")[2])
