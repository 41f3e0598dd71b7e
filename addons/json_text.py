"""Edits single values of a JSON text and leaves every other byte as it is."""

import json
import re
from collections.abc import Callable, Iterator

_SPACE = re.compile(r"[ \t\n\r]*")


def replace_strings(text: str, new: Callable[[str, str], str | None]) -> str:
    """The text with some of the strings replaced that its top-level members are, or are lists of.

    `new` is asked with the member's name and each string, as often as a name occurs, and gives None to keep it.
    Raises ValueError when the text is not a JSON object.
    """
    if not isinstance(json.loads(text), dict):
        raise ValueError("not a JSON object")
    kept_from, pieces = 0, []
    for name, value, start, end in _strings(text):
        replacement = new(name, value)
        if replacement is not None:
            pieces += [text[kept_from:start], json.dumps(replacement)]
            kept_from = end
    return "".join([*pieces, text[kept_from:]])


def replace_member(text: str, name: str, value: object) -> str:
    """The text of a JSON object with the value of a top-level member replaced, as often as the name occurs."""
    kept_from, pieces = 0, []
    for member, start in _members(text):
        if member == name:
            pieces += [text[kept_from:start], json.dumps(value)]
            _, kept_from = json.JSONDecoder().raw_decode(text, start)
    return "".join([*pieces, text[kept_from:]])


def set_member(text: str, name: str, value: object) -> str:
    """The text of a JSON object with a top-level member of that value. Raises ValueError when the text is none."""
    if not isinstance(document := json.loads(text), dict):
        raise ValueError("not a JSON object")
    if name in document:
        return replace_member(text, name, value)
    inside = text.index("{") + 1
    return f"{text[:inside]}{json.dumps(name)}: {json.dumps(value)}{', ' if document else ''}{text[inside:]}"


def drop_member(text: str, name: str) -> str:
    """The text of a JSON object without the top-level members of that name. Raises ValueError when it is none."""
    if not isinstance(json.loads(text), dict):
        raise ValueError("not a JSON object")
    decoder = json.JSONDecoder()
    spans = [(member, at, decoder.raw_decode(text, value)[1]) for (member, value), at in _named_items(text)]
    kept = [index for index, (member, _, _) in enumerate(spans) if member != name]
    if len(kept) == len(spans):
        return text
    # With each member goes what separates it from the next, and of the last one kept that goes too.
    pieces = [text[spans[index][1] : spans[index + 1][1]] for index in kept[:-1]]
    pieces += [text[spans[index][1] : spans[index][2]] for index in kept[-1:]]
    return "".join([text[: spans[0][1]], *pieces, text[spans[-1][2] :]])


def _strings(text: str) -> Iterator[tuple[str, str, int, int]]:
    """The name of a member of a valid JSON object, a string in it, and where that starts and ends."""
    decoder = json.JSONDecoder()
    for name, start in _members(text):
        places = _items(text, start) if text[start] == "[" else (start,)
        for place in places:
            value, end = decoder.raw_decode(text, place)
            if isinstance(value, str):
                yield name, value, place, end


def _members(text: str) -> Iterator[tuple[str, int]]:
    """The name of each member of a valid JSON object, and where its value starts."""
    return (member for member, _ in _named_items(text))


def _named_items(text: str) -> Iterator[tuple[tuple[str, int], int]]:
    """The same, with where the member itself starts."""
    for at in _items(text, _after_space(text, 0)):
        name, colon = json.JSONDecoder().raw_decode(text, at)
        yield (name, _after_space(text, _after_space(text, colon) + 1)), at


def _items(text: str, opening: int) -> Iterator[int]:
    """Where each item of the object or list begins that opens there."""
    decoder = json.JSONDecoder()
    is_object = text[opening] == "{"
    at = _after_space(text, opening + 1)
    while text[at] not in "]}":
        yield at
        _, at = decoder.raw_decode(text, at)
        if is_object:
            at = _after_space(text, _after_space(text, at) + 1)
            _, at = decoder.raw_decode(text, at)
        at = _after_space(text, at)
        if text[at] == ",":
            at = _after_space(text, at + 1)


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
