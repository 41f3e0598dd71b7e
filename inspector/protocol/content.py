"""Message bodies as text and JSON: content codings undone, nothing coerced."""

import json
from collections.abc import Iterator

from inspector.session.model import Body, Headers

_MAX_DECODED = 8 * 1024 * 1024


def header(headers: Headers, name: str) -> str:
    """The first header of that name in lower case media-type form is up to the caller; empty when absent."""
    wanted = name.lower()
    return next((value for key, value in headers if key.lower() == wanted), "")


def media_type(headers: Headers) -> str:
    """The media type without parameters, lower case (RFC 9110 section 8.3.1)."""
    return header(headers, "content-type").partition(";")[0].strip().lower()


def decoded(headers: Headers, body: Body) -> bytes | None:
    """The body with its content codings undone; None when it is truncated, broken, or expands beyond 8 MiB."""
    coding = header(headers, "content-encoding").strip().lower()
    if body.truncated:
        return None
    if coding in ("", "identity") or not body.data:
        return body.data
    import httpx

    try:
        content = httpx.Response(200, headers={"content-encoding": coding}, content=body.data).content
    except httpx.DecodingError:
        return None
    return content if len(content) <= _MAX_DECODED else None


def json_value(headers: Headers, body: Body) -> object:
    """The body as parsed JSON whatever its media type says, None when it is not JSON."""
    data = decoded(headers, body)
    if not data or data.lstrip()[:1] not in (b"{", b"["):
        return None
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
    for line in stream.splitlines():
        if line.startswith("data:"):
            lines.append(line[5:].removeprefix(" "))
        elif not line and lines:
            yield "\n".join(lines)
            lines = []
    if lines:
        yield "\n".join(lines)
