import subprocess
import sys

import pytest

from tests.cli.conftest import Run

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
    assert run("inspect").returncode == 2


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

    def fail() -> None:
        raise ValueError("Bearer very-secret-token")

    monkeypatch.setattr(main, "app", fail)
    monkeypatch.delenv(main.DEBUG_VARIABLE, raising=False)
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 2
    assert "very-secret-token" not in capsys.readouterr().err
