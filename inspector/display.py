"""Turns captured text into text that no terminal acts on: the one place where that is decided, for every face.

Titles of windows, colours, moved cursors and reversed reading order all hang on characters that do not print. They
are shown as escapes instead, after all decoding: `%1b` in a URL and `\\u001b` in JSON are ESC by then.
"""

from collections.abc import Iterator
from itertools import groupby

_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}
# Printable by their category, and yet they show nothing themselves and change how wide their neighbour is drawn.
_SELECTORS = frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))


def prints(character: str) -> bool:
    """Whether a character may reach a terminal as it is."""
    return character.isprintable() and character not in _SELECTORS


def pieces(text: str) -> Iterator[tuple[str, bool]]:
    """Split text into pieces ready for display, each with whether it is an escape.

    A face that styles the escapes keeps a captured backslash-x-1-b apart from a captured ESC.
    """
    if text.isprintable() and _SELECTORS.isdisjoint(text):
        if text:
            yield text, False
        return
    for fine, characters in groupby(text, prints):
        piece = "".join(characters)
        yield (piece, False) if fine else ("".join(map(_escape, piece)), True)


def visible(text: str) -> str:
    """The text with everything that does not print as an escape; one line stays one line."""
    return "".join(piece for piece, _ in pieces(text))


def _escape(character: str) -> str:
    if short := _SHORT.get(character):
        return short
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
