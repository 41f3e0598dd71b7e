"""The note a running proxy leaves for later user interfaces: where it listens and how to speak to it."""

import json
import os
from collections.abc import Mapping
from pathlib import Path


def write_record(path: Path, facts: Mapping[str, object]) -> None:
    """Put the note in its place in one step, readable by its owner alone: it holds the token."""
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(facts, file)
    unfinished.replace(path)
