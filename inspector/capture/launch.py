"""Runs the client in the foreground, as if the user had started it."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

from inspector.errors import CaptureError

type Handler = Callable[[int, FrameType | None], None]


def program_of(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """Where the program of a command is. Raises CaptureError when there is none."""
    if not command:
        raise CaptureError("No command was given; put it after --, as in: run -- npx mcp-remote URL")
    program = shutil.which(command[0], path=environment.get("PATH"))
    if program is None:
        raise CaptureError(f"The command {command[0]!r} was not found; check its spelling or give its whole path.")
    return program


def run_client(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command with our terminal and the given environment, pass signals on, and return its exit code.

    A command ended by signal N gives 128 + N, as in a shell. Raises CaptureError when it cannot be started.
    """
    program = program_of(command, environment)
    try:
        client = subprocess.Popen([program, *command[1:]], env=dict(environment))  # noqa: S603  the user's own command, without a shell
    except OSError as error:
        raise CaptureError(f"The command {command[0]!r} cannot be run ({error.strerror}); check the file.") from None
    with _signals_passed_on(client):
        code = client.wait()
    return 128 - code if code < 0 else code


@contextmanager
def _signals_passed_on(client: subprocess.Popen[bytes]) -> Iterator[None]:
    def pass_on(number: int, _: FrameType | None) -> None:
        # A terminal sends ctrl+c to the client as well as to us: it must not get it twice.
        if number != signal.SIGINT or not _terminal_signals_us():
            client.send_signal(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _terminal_signals_us() -> bool:
    if sys.platform == "win32":
        return True
    try:
        return os.tcgetpgrp(sys.__stdin__.fileno()) == os.getpgrp() if sys.__stdin__ else False
    except (OSError, ValueError):
        return False
