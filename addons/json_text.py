"""Edits one member of a JSON text and leaves every other byte as it is."""

import json
import re
from collections.abc import Iterator

_SPACE = re.compile(r"[ \t\n\r]*")


def replace_member(text: str, name: str, value: str) -> str:
    """The text with the value of a top-level member replaced by a string, every time it occurs (the last one counts).

    Raises ValueError when the text is not a JSON object.
    """
    if not isinstance(json.loads(text), dict):
        raise ValueError("not a JSON object")
    kept_from, pieces = 0, []
    for member, start, end in _members(text):
        if member == name:
            pieces += [text[kept_from:start], json.dumps(value)]
            kept_from = end
    return "".join([*pieces, text[kept_from:]])


def _members(text: str) -> Iterator[tuple[str, int, int]]:
    """Each top-level member of a valid JSON object, with where its value starts and ends."""
    decoder = json.JSONDecoder()
    at = _after_space(text, _after_space(text, 0) + 1)
    while text[at] != "}":
        name, at = decoder.raw_decode(text, at)
        start = _after_space(text, _after_space(text, at) + 1)
        _, end = decoder.raw_decode(text, start)
        yield name, start, end
        at = _after_space(text, end)
        if text[at] == ",":
            at = _after_space(text, at + 1)


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
