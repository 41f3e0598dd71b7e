"""Stands in for a command that opens a browser: tells the proxy what is to be opened, then opens it with the real one.

Run as a script, by `python -I opener.py FOLDER NAME ARGUMENT...`. Standard library only, so that it starts at once.
"""

import json
import os
import shlex
import shutil
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

FACTS = "opener.json"
"""In the folder of stand-ins: how to reach the proxy, and which variables the client had before we changed them."""

OPENERS = (
    *("xdg-open", "open", "sensible-browser", "x-www-browser", "www-browser"),
    *("gnome-open", "gvfs-open", "kde-open", "kde-open5", "exo-open", "wslview", "wsl-open"),
)
"""Commands that open a URL in the user's browser, the usual ones first."""

_PATIENCE = 2.0
"""Seconds that a busy proxy may delay the browser."""


def main(folder: Path, name: str, arguments: Sequence[str]) -> int:
    """Note what is to be opened and become the real command; the exit code where there is none."""
    facts = json.loads((folder / FACTS).read_bytes())
    for argument in arguments:
        if argument.startswith(("http://", "https://")):
            _tell(facts["control_port"], facts["token"], argument)
            break
    environment = _restored(os.environ, facts["variables"])
    for command in _commands(name, arguments, environment):
        program = shutil.which(command[0], path=environment.get("PATH"))
        if program is not None:
            os.execve(program, command, environment)  # noqa: S606  what the client asked for, without a shell
    print(f"{name}: no browser was found; open the URL yourself.", file=sys.stderr)
    return 1


def _commands(name: str, arguments: Sequence[str], environment: Mapping[str, str]) -> Iterator[list[str]]:
    """The real command of that name or, for the one in BROWSER, what the user has there, then whatever there is."""
    if name in OPENERS:
        yield [name, *arguments]
        return
    for entry in environment.get("BROWSER", "").split(os.pathsep):
        words = [entry] if os.path.exists(entry) else shlex.split(entry)
        if any("%s" in word for word in words):
            yield [word.replace("%s", arguments[0] if arguments else "") for word in words]
        elif words:
            yield [*words, *arguments]
    yield from ([opener, *arguments] for opener in OPENERS)


def _restored(environment: Mapping[str, str], before: Mapping[str, str | None]) -> dict[str, str]:
    """The environment without our changes: a browser must not use the proxy, nor come back here."""
    kept = {name: value for name, value in environment.items() if name not in before}
    return kept | {name: value for name, value in before.items() if value is not None}


def _tell(port: int, token: str, url: str) -> None:
    messages: tuple[dict[str, Any], ...] = ({"token": token}, {"do": "opened", "url": url})
    try:
        with socket.create_connection(("127.0.0.1", port), _PATIENCE) as link, link.makefile("rb") as lines:
            link.sendall(b"".join(json.dumps(message).encode() + b"\n" for message in messages))
            # The browser must not be faster than the note of where it goes.
            while (line := lines.readline()) and not json.loads(line).keys() & {"did", "failed"}:
                pass
    except (OSError, ValueError):
        pass  # the sign-in goes on unseen


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
