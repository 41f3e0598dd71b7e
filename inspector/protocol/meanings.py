"""What the names on the wire stand for, in one line each with its source, for people who do not know them by heart."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple


class Meaning(NamedTuple):
    """What a name stands for, and the clause or vendor that says so."""

    text: str
    source: str


@cache
def vocabulary(name: str) -> Mapping[str, Meaning]:
    """One vocabulary of meanings.toml, such as `parameters`, `claims` or `server_metadata`, by name on the wire."""
    return {word: Meaning(*row) for word, row in _tables()[name].items()}


@cache
def _tables() -> Mapping[str, Mapping[str, tuple[str, str]]]:
    return tomllib.loads((files("inspector.protocol") / "meanings.toml").read_text("utf-8"))
