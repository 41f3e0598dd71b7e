"""The note a running proxy leaves for later user interfaces: where it listens and how to speak to it."""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from inspector.session.files import make_private_folders
from inspector.session.location import state_directory


def new_note() -> Path:
    """A place where later user interfaces look for the note."""
    folder = state_directory() / "running"
    make_private_folders(folder)
    return folder / f"{secrets.token_hex(8)}.json"


def write_record(path: Path, facts: Mapping[str, object]) -> None:
    """Put the note in its place in one step, readable by its owner alone: it holds the token."""
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(facts, file)
    unfinished.replace(path)
