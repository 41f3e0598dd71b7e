"""Parses tnetstrings, the typed netstrings a mitmproxy flow file is a sequence of.

A value is written as its length in decimal, a colon, that many bytes, and one byte for the type.
"""

from typing import BinaryIO

type Value = bool | int | float | str | bytes | list[Value] | dict[str, Value] | None

_MAX_DEPTH = 50  # a flow nests 5 deep; without a bound a crafted file exhausts the stack
_MAX_PREFIX = 13  # 12 digits and the colon


def is_tnetstring(head: bytes) -> bool:
    """Whether bytes from the beginning of a file could be the length prefix of a tnetstring."""
    return head[:_MAX_PREFIX].partition(b":")[0].isdigit() and b":" in head[:_MAX_PREFIX]


def read_item(file: BinaryIO, remaining: int) -> bytes | None:
    """Read the bytes of one item, with its prefix and type; None at the end of the file.

    `remaining` is the number of bytes left in the file. Raises ValueError when they hold no whole item.
    """
    head = file.read(_MAX_PREFIX)
    if not head:
        return None
    if not is_tnetstring(head):
        raise ValueError("no length prefix")
    prefix, _, begun = head.partition(b":")
    length = int(prefix) + 1 - len(begun)
    if length < 0:
        # The item is shorter than what was read with the prefix.
        file.seek(length, 1)
        return head[:length]
    if length > remaining - len(head):
        raise ValueError("the last item is cut off")
    return head + file.read(length)


def parse(item: bytes) -> Value:
    """The value of one item. Raises ValueError when it is malformed."""
    value, end = _parse(item, 0, len(item), _MAX_DEPTH)
    if end != len(item):
        raise ValueError("bytes left over")
    return value


def _parse(data: bytes, start: int, end: int, depth: int) -> tuple[Value, int]:
    colon = data.index(b":", start, min(end, start + _MAX_PREFIX))
    if not depth or not (digits := data[start:colon]).isdigit():
        raise ValueError("nested too deep, or no length")
    start = colon + 1
    stop = start + int(digits)
    if stop >= end:
        raise ValueError("longer than what holds it")
    return _value(data, start, stop, depth), stop + 1


def _value(data: bytes, start: int, stop: int, depth: int) -> Value:
    match data[stop : stop + 1]:
        case b",":
            return data[start:stop]
        case b";":
            return data[start:stop].decode(errors="backslashreplace")
        case b"#":
            return int(data[start:stop])
        case b"^":
            return float(data[start:stop])
        case b"!":
            return data[start:stop] == b"true"
        case b"~":
            return None
        case b"]":
            return _items(data, start, stop, depth)
        case b"}":
            items = iter(_items(data, start, stop, depth))
            return {_key(name): value for name, value in zip(items, items, strict=True)}
        case other:
            raise ValueError(f"unknown type {other!r}")


def _items(data: bytes, start: int, stop: int, depth: int) -> list[Value]:
    items: list[Value] = []
    while start < stop:
        value, start = _parse(data, start, stop, depth - 1)
        items.append(value)
    return items


def _key(name: Value) -> str:
    if isinstance(name, bytes):
        return name.decode("latin-1")
    if isinstance(name, str):
        return name
    raise ValueError("a key is not text")
