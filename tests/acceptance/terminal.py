"""A real terminal for tests: the program runs in tmux, is given keys and clicks, and its screen is read."""

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 30.0
"""Seconds within which what is waited for is on the screen."""

_LOOKS_AGAIN_SECONDS = 0.05


class Terminal:
    """A program in a window of tmux with a server of its own."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def _tmux(self, *arguments: str) -> str:
        command = ("tmux", "-S", str(self._socket), "-f", os.devnull, *arguments)
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout

    def start(self, arguments: str, size: tuple[int, int], folder: Path, variables: Mapping[str, str]) -> None:
        """Start `mcp-auth-inspector` with these arguments; after its end the screen says how it ended."""
        program = shlex.join([sys.executable, "-m", "inspector"])
        setting = " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())
        script = f"env -u NO_COLOR -u COLUMNS -u LINES {setting} {program} {arguments}; echo ended with $?; exec cat"
        width, height = map(str, size)
        self._tmux("new-session", "-d", "-x", width, "-y", height, "-c", str(folder), "sh", "-c", script)

    def stop(self) -> None:
        """End everything in it."""
        subprocess.run(("tmux", "-S", str(self._socket), "kill-server"), capture_output=True, timeout=PATIENCE)

    @property
    def rows(self) -> list[str]:
        """What is on the screen."""
        return self._tmux("capture-pane", "-p").split("\n")

    def wait_for(self, pattern: str) -> tuple[int, int]:
        """Wait until a regular expression matches a row; gives the column and the row of its last match, from 1."""
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            if place := self._place_of(pattern):
                return place
            time.sleep(_LOOKS_AGAIN_SECONDS)
        raise AssertionError("\n".join((f"{pattern!r} does not come up:", *self.rows)))

    def wait_while(self, pattern: str) -> None:
        """Wait until a regular expression matches no row any more."""
        ends = time.monotonic() + PATIENCE
        while self._place_of(pattern):
            if time.monotonic() > ends:
                raise AssertionError("\n".join((f"{pattern!r} does not go away:", *self.rows)))
            time.sleep(_LOOKS_AGAIN_SECONDS)

    def _place_of(self, pattern: str) -> tuple[int, int] | None:
        for number, row in reversed(list(enumerate(self.rows, 1))):
            if matches := list(re.finditer(pattern, row)):
                return matches[-1].start() + 1, number
        return None

    def press(self, *keys: str) -> None:
        """Press keys, by tmux's names."""
        self._tmux("send-keys", *keys)

    def click(self, pattern: str) -> None:
        """Click where a regular expression matches, one column into it."""
        column, row = self.wait_for(pattern)
        for end in "Mm":
            self._tmux("send-keys", "-H", *(f"{ord(each):x}" for each in f"\x1b[<0;{column + 1};{row}{end}"))


@contextmanager
def terminal(folder: Path) -> Iterator[Terminal]:
    """A terminal with nothing in it yet."""
    # A socket's path must be short, and pytest's folders are not.
    here = Terminal(Path("/tmp") / f"inspector-tmux-{os.getpid()}-{folder.name[:20]}")
    try:
        yield here
    finally:
        here.stop()
