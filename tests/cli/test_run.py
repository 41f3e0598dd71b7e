import os
import sys
from pathlib import Path

from inspector.session.model import State
from inspector.session.reader import Session
from tests.cli.conftest import Run


def test_the_client_keeps_its_output_and_gets_the_proxy(run: Run, tmp_path: Path) -> None:
    program = "import os; print(os.environ['HTTP_PROXY'], repr(os.environ['NO_PROXY']))"
    done = run("run", "--session", str(tmp_path / "s.mcpauth"), "--", sys.executable, "-c", program)
    assert done.stdout.startswith("http://127.0.0.1:")
    assert done.stdout.endswith(" ''\n")
    assert done.returncode == 0
    assert "no request to an MCP server was seen" in done.stderr
    with Session.open(tmp_path / "s.mcpauth") as session:
        assert session.count == 0


def test_what_the_client_has_a_browser_open_is_recorded(run: Run, tmp_path: Path) -> None:
    opened, url = tmp_path / "opened.txt", "http://localhost:1/authorize?response_type=code&client_id=c"
    browser = tmp_path / "bin" / "xdg-open"
    browser.parent.mkdir()
    browser.write_text(f'#!/bin/sh\necho "$@" "$HTTP_PROXY" > {opened}\n')
    browser.chmod(0o755)
    path = f"{browser.parent}{os.pathsep}{os.environ['PATH']}"
    done = run("run", "--session", str(tmp_path / "s.mcpauth"), "--", "xdg-open", url, PATH=path, HTTP_PROXY="")
    assert "exit code 0" in done.stderr
    assert opened.read_text() == f"{url} \n"
    with Session.open(tmp_path / "s.mcpauth") as session:
        (asked,) = session.exchanges()
    assert (asked.url, asked.state) == (url, State.RECORDED)


def test_a_proxy_that_ends_early_is_told(run: Run, tmp_path: Path) -> None:
    program = "import os, signal; from inspector.capture.proxy import find_running as f; os.kill(f()[0].pid, 9)"
    done = run("run", "--", sys.executable, "-c", program)
    assert "the proxy ended before the client did, so the recording is not whole" in done.stderr


def test_the_clients_exit_code_is_told_and_passed_on(run: Run) -> None:
    done = run("run", "--", sys.executable, "-c", "raise SystemExit(7)")
    assert "exit code 7" in done.stderr
    assert "mcp-auth-inspector open " not in done.stderr.partition("the client ended")[2]  # there is nothing to look at
    assert done.returncode == 7


def test_a_command_that_is_not_there(run: Run, tmp_path: Path) -> None:
    done = run("run", "--", "no-such-client")
    assert done.returncode == 2
    assert "'no-such-client' was not found" in done.stderr
    assert list(tmp_path.rglob("*.mcpauth")) == []


def test_an_existing_file_is_not_overwritten(run: Run, tmp_path: Path) -> None:
    precious = tmp_path / "precious.txt"
    precious.write_text("keep me")
    done = run("run", "--session", str(precious), "--", sys.executable, "-c", "")
    assert done.returncode == 2
    assert precious.read_text() == "keep me"


def test_env_starts_a_capture_once_and_stops_it(run: Run) -> None:
    first = run("env", "--server", "http://localhost:1/mcp")
    second = run("env", "--format", "json")
    try:
        assert "export HTTPS_PROXY=http://127.0.0.1:" in first.stdout
        port = first.stdout.partition("export HTTP_PROXY=http://127.0.0.1:")[2].split()[0]
        assert f"http://127.0.0.1:{port}" in second.stdout
        assert "using the capture that runs" in second.stderr
    finally:
        stopped = run("env", "--stop", HTTP_PROXY=f"http://127.0.0.1:{port}")
    assert "the session is" in stopped.stderr
    assert "this shell still sends its programs to the proxy that has ended" in stopped.stderr
    assert "no capture was running" in run("env", "--stop").stderr
