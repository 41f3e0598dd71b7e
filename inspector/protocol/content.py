"""Message bodies as text and JSON: content codings undone within a bound, nothing coerced."""

import json
import re
import zlib
from collections.abc import Callable, Iterator

import orjson

from inspector.session.model import Body, Headers, all_values, first_value

MOST_DECODED = 8 * 1024 * 1024
"""Bytes a body may expand to; a larger one is taken for an attack on the reader's memory."""

_MOST_CODINGS = 4
_ZSTD_INPUT = 256
# A zstd block of 4 bytes makes 128 KiB, and the library sets no bound on output: so much input at a time stays in it.

_END_OF_LINE = re.compile(r"\r\n|\r|\n")


def header(headers: Headers, name: str) -> str:
    """The first header of that name, any case, its value as it stands; empty when absent."""
    return first_value(headers, name) or ""


def media_type(headers: Headers) -> str:
    """The media type without parameters, lower case (RFC 9110 section 8.3.1)."""
    return without_parameters(first_value(headers, "content-type"))


def without_parameters(content_type: str | None) -> str:
    """The media type of a Content-Type header's value, empty without one."""
    return content_type.partition(";")[0].strip().lower() if content_type else ""


def decoded(headers: Headers, body: Body) -> bytes | None:
    """The body with its content codings undone; None when it is truncated, broken, or expands beyond 8 MiB.

    A coding that nobody knows is passed over, as HTTP clients do (Fetch Standard, handle content codings).
    """
    if body.truncated:
        return None
    data, whole = _undone(headers, body.data)
    return data if whole else None


def beginning(headers: Headers, body: Body) -> bytes:
    """What can be read of a body that may be cut short, its content codings undone, up to 8 MiB."""
    return _undone(headers, body.data)[0]


def json_value(headers: Headers, body: Body) -> object:
    """The body as parsed JSON whatever its media type says, None when it is not JSON."""
    data = decoded(headers, body)
    return parse_json(data) if data and data.lstrip()[:1] in (b"{", b"[") else None


def parse_json(data: bytes | str) -> object:
    """Parsed JSON, None when it is none. A number of more digits than 64 bits hold is read as the nearest float."""
    try:
        return orjson.loads(data)
    except ValueError:
        # Senders get away with what the strict parser refuses: a byte order mark, NaN, half of a surrogate pair.
        return _parse_leniently(data)


def _parse_leniently(data: bytes | str) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def text(headers: Headers, body: Body) -> str:
    """The decoded body as UTF-8 text with replacement characters; empty when it cannot be decoded."""
    return (decoded(headers, body) or b"").decode(errors="replace")


def event_data(stream: str) -> Iterator[str]:
    """The data of each server-sent event (HTML Living Standard, section 9.2), complete or not at the end."""
    lines: list[str] = []
    # Only these three end a line there; str.splitlines would also cut at U+2028, which JSON may hold as it is.
    for line in _END_OF_LINE.split(stream.removeprefix("\ufeff")):
        if line.startswith("data:"):
            lines.append(line[5:].removeprefix(" "))
        elif not line and lines:
            yield "\n".join(lines)
            lines = []
    if lines:
        yield "\n".join(lines)


def _undone(headers: Headers, data: bytes) -> tuple[bytes, bool]:
    """The data without its content codings (RFC 9110 section 8.4), and whether that is all of it."""
    if first_value(headers, "content-encoding") is None:
        return data, True
    named = ",".join(all_values(headers, "content-encoding")).lower()
    known = [undo for coding in named.split(",") if (undo := _UNDO.get(coding.strip()))]
    if len(known) > _MOST_CODINGS:
        return b"", False
    whole = True
    for undo in reversed(known if data else []):
        try:
            data, ended = undo(data)
        except ValueError:
            return b"", False
        whole = whole and ended and len(data) <= MOST_DECODED
    return data[:MOST_DECODED] if not whole else data, whole


def _inflate(data: bytes, window: int = zlib.MAX_WBITS | 32) -> tuple[bytes, bool]:
    decoder = zlib.decompressobj(window)
    try:
        return decoder.decompress(data, MOST_DECODED + 1), decoder.eof
    except zlib.error as error:
        raise ValueError(str(error)) from None


def _undeflate(data: bytes) -> tuple[bytes, bool]:
    try:
        return _inflate(data)
    except ValueError:
        # Some senders leave the zlib wrapper out (RFC 9110 section 8.4.1.2, note).
        return _inflate(data, -zlib.MAX_WBITS)


def _unbrotli(data: bytes) -> tuple[bytes, bool]:
    import brotli  # type: ignore[import-untyped]  # it ships no types

    decoder = brotli.Decompressor()
    try:
        made = decoder.process(data, output_buffer_limit=MOST_DECODED + 1)
    except brotli.error as error:
        raise ValueError(str(error)) from None
    return made, decoder.is_finished()


def _unzstd(data: bytes) -> tuple[bytes, bool]:
    import zstandard

    # RFC 9659: a window of more than 8 MiB must not be used for HTTP.
    decoder = zstandard.ZstdDecompressor(max_window_size=8 * 1024 * 1024).decompressobj()
    made = bytearray()
    try:
        for start in range(0, len(data), _ZSTD_INPUT):
            made += decoder.decompress(data[start : start + _ZSTD_INPUT])
            if decoder.eof or len(made) > MOST_DECODED:
                break
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from None
    return bytes(made), decoder.eof


_UNDO: dict[str, Callable[[bytes], tuple[bytes, bool]]] = {
    "gzip": _inflate,
    "x-gzip": _inflate,
    "deflate": _undeflate,
    "br": _unbrotli,
    "zstd": _unzstd,
}
