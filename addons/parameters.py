"""Edits single values of form-encoded parameters and leaves every other byte as it is."""

from collections.abc import Callable
from urllib.parse import quote, unquote_plus

from addons.origins import Swap


def swap_in_parameters(encoded: str, name: str, swap_of: Callable[[str], Swap | None]) -> tuple[str, list[str]]:
    """The parameters with each URL of that name changed at its front, and what these URLs were, decoded.

    What follows the changed part keeps its escapes, and the changed part is escaped as it was.
    """
    pairs, found = encoded.split("&"), []
    for index, pair in enumerate(pairs):
        key, equals, value = pair.partition("=")
        url = unquote_plus(value)
        swap = swap_of(url) if unquote_plus(key) == name else None
        if swap is not None:
            end = _end_of(value, len(swap.old))
            safe = "".join(mark for mark in ":/[]" if mark in value[:end])
            pairs[index] = key + equals + quote(swap.new, safe=safe) + value[end:]
            found.append(url)
    return "&".join(pairs), found


def pairs_of(encoded: str) -> list[tuple[str, str]]:
    """Name and value of each parameter, decoded, in their order."""
    pairs = (pair.partition("=") for pair in encoded.split("&") if pair)
    return [(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs]


def add_parameter(encoded: str, name: str, value: str) -> str:
    """The parameters with one more at their end."""
    pair = f"{quote(name, safe='')}={quote(value, safe='')}"
    return f"{encoded}&{pair}" if encoded else pair


def drop_parameter(encoded: str, name: str) -> str:
    """The parameters without those of that name."""
    return "&".join(pair for pair in encoded.split("&") if unquote_plus(pair.partition("=")[0]) != name)


def set_parameter(encoded: str, name: str, value: str) -> str:
    """The parameters with exactly one of that name, where the first of them was."""
    pairs, placed = [], False
    for pair in encoded.split("&"):
        key = pair.partition("=")[0]
        if unquote_plus(key) != name:
            pairs.append(pair)
        elif not placed:
            pairs.append(f"{key}={quote(value, safe='')}")
            placed = True
    return "&".join(pairs) if placed else add_parameter(encoded, name, value)


def _end_of(value: str, characters: int) -> int:
    """Where the first decoded characters of an encoded ASCII value end."""
    at = 0
    for _ in range(characters):
        at += 3 if value[at] == "%" else 1
    return at
