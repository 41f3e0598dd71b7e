import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from inspector.capture.launch import run_client
from inspector.errors import CaptureError

ROOT = Path(__file__).parents[2]
RUN = "import os, sys; from inspector.capture.launch import run_client; sys.exit(run_client(sys.argv[1:], os.environ))"
CLIENT = """
import signal, sys, time
def count(number, _):
    print(signal.Signals(number).name, flush=True)
    if number == signal.SIGTERM:
        sys.exit(7)
signal.signal(signal.SIGINT, count)
signal.signal(signal.SIGTERM, count)
print("ready", flush=True)
while True:
    time.sleep(60)
"""


def python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]


def test_the_exit_code_is_that_of_the_client() -> None:
    assert run_client(python("-c", "raise SystemExit(3)"), os.environ) == 3


def test_death_by_a_signal_is_told_as_a_shell_does() -> None:
    assert run_client(python("-c", "import os; os.kill(os.getpid(), 9)"), os.environ) == 128 + 9


def test_the_client_gets_the_environment_and_our_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    run_client(python("-c", "import os; print(os.environ['HTTP_PROXY'])"), {**os.environ, "HTTP_PROXY": "here"})
    assert capfd.readouterr().out == "here\n"


def test_the_command_is_looked_for_on_the_client_s_path(tmp_path: Path) -> None:
    command = tmp_path / "client"
    command.write_text("#!/bin/sh\nexit 5\n")
    command.chmod(0o755)
    assert run_client(["client"], {"PATH": str(tmp_path)}) == 5


def test_a_command_that_is_not_there_is_named() -> None:
    with pytest.raises(CaptureError, match="The command 'no-such-client' was not found"):
        run_client(["no-such-client", "x"], os.environ)


def test_a_command_that_cannot_run_is_named(tmp_path: Path) -> None:
    command = tmp_path / "client"
    command.write_bytes(b"\x00\x01")
    command.chmod(0o755)
    with pytest.raises(CaptureError, match=r"cannot be run \(Exec format error\)"):
        run_client([str(command)], os.environ)


def test_no_command_is_an_error() -> None:
    with pytest.raises(CaptureError, match="No command was given"):
        run_client([], os.environ)


def test_signals_reach_the_client() -> None:
    arguments = python("-c", RUN, *python("-c", CLIENT))
    with subprocess.Popen(arguments, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as ours:
        assert ours.stdout is not None
        assert ours.stdout.readline() == "ready\n"
        ours.send_signal(signal.SIGINT)
        assert ours.stdout.readline() == "SIGINT\n"
        ours.send_signal(signal.SIGTERM)
        assert ours.stdout.readline() == "SIGTERM\n"
        assert ours.wait() == 7


def test_ctrl_c_in_a_terminal_reaches_the_client_once() -> None:
    ours, theirs = pty.openpty()
    take_terminal = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    arguments = python("-c", take_terminal + RUN, *python("-c", CLIENT))
    heard = b""

    def hear(word: bytes) -> None:
        nonlocal heard
        while word not in heard:
            heard += os.read(ours, 100)

    with subprocess.Popen(
        arguments, cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as process:
        hear(b"ready")
        os.write(ours, b"\x03")
        hear(b"SIGINT")
        process.send_signal(signal.SIGTERM)
        hear(b"SIGTERM")
        assert process.wait() == 7
    os.close(ours)
    os.close(theirs)
    assert heard.count(b"SIGINT") == 1
