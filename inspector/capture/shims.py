"""Puts stand-ins for the commands that open a browser before the real ones, for the life of one client."""

import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from inspector.capture import opener
from inspector.capture.environment import BROWSER_SHIM
from inspector.capture.proxy import RunningProxy
from inspector.errors import CaptureError
from inspector.session.files import make_private_folders
from inspector.session.location import state_directory


@contextmanager
def browser_shims(proxy: RunningProxy, base_env: Mapping[str, str], changed: Iterable[str]) -> Iterator[Path | None]:
    """A folder for the front of the client's PATH, removed at the end; None where there is no browser to open.

    Only commands that exist get a stand-in, so that a client finds what it would find without us. A browser starts
    with the variables named in `changed`, PATH and BROWSER as `base_env` has them. Raises CaptureError when the folder
    cannot be written.
    """
    found = [name for name in opener.OPENERS if shutil.which(name, path=base_env.get("PATH"))]
    if os.name != "posix" or not (found or base_env.get("BROWSER")):
        yield None
        return
    folder = _new_folder()
    try:
        _write(folder, proxy, {name: base_env.get(name) for name in {*changed, "PATH", "BROWSER"}}, found)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _new_folder() -> Path:
    parent = state_directory() / "openers"
    try:
        make_private_folders(parent)
        for folder in parent.iterdir():
            if not _runs(folder.name.partition("-")[0]):  # it was killed, and could not clear away
                shutil.rmtree(folder, ignore_errors=True)
        return Path(mkdtemp(dir=parent, prefix=f"{os.getpid()}-"))
    except OSError as error:
        raise CaptureError(f"{parent} cannot be written ({error.strerror}); make room or allow it.") from None


def _runs(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True


def _write(folder: Path, proxy: RunningProxy, variables: Mapping[str, str | None], names: Iterable[str]) -> None:
    # Variables may hold the password of a corporate proxy, so the file is for its owner alone.
    descriptor = os.open(folder / opener.FACTS, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump({"control_port": proxy.control_port, "token": proxy.token, "variables": variables}, file)
    for name in (*names, BROWSER_SHIM):
        words = (sys.executable, "-I", opener.__file__, str(folder), name)
        shim = folder / name
        # A shell in between: the line after #! may neither be long nor hold a space.
        shim.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
        shim.chmod(0o700)
