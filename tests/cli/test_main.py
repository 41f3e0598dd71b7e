import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from tests.cli.conftest import PROGRAM, Run

COMMANDS = ("demo", "run", "env", "gateway", "addon-path", "open", "serve", "check", "reference", "rules")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shows_an_example(run: Run, command: str) -> None:
    done = run(command, "--help")
    assert done.returncode == 0
    assert "Example: " in done.stdout
    assert "mcp-auth-inspector" in done.stdout.partition("Example: ")[2]


def test_alone_it_shows_its_commands(run: Run) -> None:
    assert all(f"\n  {command} " in run("--help").stdout for command in COMMANDS)


def test_an_unknown_command_is_a_usage_error(run: Run) -> None:
    done = run("inspect")
    assert done.returncode == 2
    assert done.stderr == "mcp-auth-inspector: No such command 'inspect'; mcp-auth-inspector --help tells more.\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("run", "--port", "99999", "--", "true"), "--port"),
        (("env", "--format", "nope"), "'nope' is not one of 'posix'"),
        (("verify", "case.toml"), "--server"),
    ],
)
def test_a_slip_on_the_command_line_is_one_sentence_with_the_place_to_look(
    run: Run, words: tuple[str, ...], says: str
) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert says in done.stderr
    assert "Value error" not in done.stderr
    assert f"mcp-auth-inspector {words[0]} --help" in done.stderr


def test_the_version_is_told(run: Run) -> None:
    assert run("--version").stdout == f"mcp-auth-inspector {metadata.version('mcp-auth-inspector')}\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full is a Linux one")
def test_output_that_finds_no_room_is_told_in_one_sentence() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*PROGRAM, "rules"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "mcp-auth-inspector: The output cannot be written (No space left on device); make room.\n"


def test_the_command_line_starts_without_the_proxy_and_the_screens() -> None:
    program = (
        "import sys, inspector.cli.main; "
        "heavy = {'mitmproxy', 'textual', 'httpx', 'mcp', 'starlette', 'jwt', 'pydantic'} & set(sys.modules); "
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_fault_of_ours_names_no_captured_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from inspector.cli import main

    def fail(**_: object) -> None:
        raise ValueError("Bearer very-secret-token")

    monkeypatch.setattr(main, "app", fail)
    monkeypatch.delenv(main.DEBUG_VARIABLE, raising=False)
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "internal error, ValueError" in said
    assert "very-secret-token" not in said
