"""Reads HAR 1.2 files of browsers and proxies, repairing or leaving out what is odd instead of giving up.

A HAR holds response bodies already decoded, while an Exchange holds them as they were on the wire. So that whoever
decodes a body by its content-encoding header is right here too, that header is dropped from every response whose body
is in the file. All other headers stay, content-length included, although it counts the encoded bytes.
"""

import json
import math
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from inspector.errors import UnreadableInput
from inspector.session.files import Progress, no_progress, open_input
from inspector.session.model import Body, Exchange, Headers, Source, State, Translation

_DECODER = json.JSONDecoder(strict=False)  # control characters inside strings are a common fault


def read_har(path: Path, warn: Callable[[str], None], on_progress: Progress = no_progress) -> Iterator[Exchange]:
    """Yield the HTTP exchanges of a HAR file in file order, ids and change numbers 0.

    What is left out or repaired is told to `warn`, one sentence for each kind, at the end. Raises UnreadableInput when
    the file is not JSON with a list of entries.
    """
    with open_input(path) as file:
        data = file.read()
    text = data.decode(json.detect_encoding(data), errors="replace")
    entries, whole = _entries(text, path)
    odd: Counter[str] = Counter()
    for number, entry in enumerate(entries, start=1):
        try:
            exchange = _exchange(entry, odd)
        except (LookupError, TypeError, ValueError, OverflowError, AttributeError):
            odd["malformed and left out"] += 1
        else:
            if exchange is not None:
                yield exchange
        on_progress(number / len(entries))
    for what, count in odd.items():
        warn(f"{path}: {count} {'entry was' if count == 1 else 'entries were'} {what}.")
    if not whole:
        warn(f"{path} is cut off or damaged after entry {len(entries)}; what follows was not read.")


def _entries(text: str, path: Path) -> tuple[list[Any], bool]:
    """The entries, and whether these are all of the file."""
    try:
        document = _DECODER.decode(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        salvaged = _salvage(text)
        if not salvaged:
            raise UnreadableInput(f"{path} is not valid JSON, so it is no HAR file; export it again.") from None
        return salvaged, False
    log = document.get("log") if isinstance(document, dict) else None
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list):
        raise UnreadableInput(f"{path} is JSON without log.entries, so it is no HAR file; export it again as HAR.")
    return entries, True


def _salvage(text: str) -> list[Any]:
    """The whole entries at the beginning of a damaged file."""
    entries: list[Any] = []
    at = text.find("[", text.find('"entries"')) + 1
    while at and (at := text.find("{", at)) >= 0:
        try:
            entry, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        entries.append(entry)
    return entries


def _exchange(entry: Any, odd: Counter[str]) -> Exchange | None:
    request = entry["request"]
    method, url = _required(request["method"]), _required(request["url"])
    if url.partition(":")[0].lower() not in {"http", "https"}:
        odd["not HTTP (blob:, data:, ws: and the like) and left out"] += 1
        return None
    response = entry.get("response")
    if not isinstance(response, dict):
        response = {}
    status = _status(response.get("status"))
    error = next((text for text in (response.get("_error"), entry.get("_error")) if isinstance(text, str)), "")
    state, translations, missing = _own(entry)
    if status is None and not error and state is None:
        error = "The recording holds no answer to this request."
    started, request_end, response_start, response_end = _times(entry, odd)
    response_headers = _headers(response.get("headers"), odd)
    response_body, decoded = _response_body(response.get("content"), odd)
    if decoded:
        response_headers = tuple(field for field in response_headers if field[0].lower() != "content-encoding")
    return Exchange(
        id=0,
        method=method,
        url=url,
        request_headers=_headers(request.get("headers"), odd),
        request_body=_cut(_request_body(request.get("postData"), odd), missing[0]),
        status=status,
        reason=_text(response.get("statusText")),
        response_headers=response_headers,
        response_body=_cut(response_body, missing[1]),
        http_version=_text(request.get("httpVersion")) or _text(response.get("httpVersion")),
        started_at=started,
        request_end=request_end,
        response_start=response_start if status else 0.0,
        response_end=response_end if status else 0.0,
        state=state or (State.FAILED if error else State.COMPLETE),
        error=error,
        source=Source.IMPORT,
        translations=translations,
        server_address=_text(entry.get("serverIPAddress")),
    )


def _own(entry: Any) -> tuple[State | None, tuple[Translation, ...], tuple[int, int]]:
    """What this program's own export says beyond HAR.

    How far the exchange got, what was changed on the way, and how many bytes are missing at the end of either body.
    """
    own = entry.get("_mcp_auth_inspector")
    if not isinstance(own, dict):
        return None, (), (0, 0)
    request_missing, response_missing = own["missing"]
    translations = tuple(Translation(*map(_text, each)) for each in own["translations"])
    return State(own["state"]), translations, (int(request_missing), int(response_missing))


def _cut(body: Body, missing: int) -> Body:
    return replace(body, size=len(body.data) + missing, sha256="") if body.data and missing > 0 else body


def _status(value: Any) -> int | None:
    status = int(value) if isinstance(value, int | float | str) else 0
    # Browsers write 0 for a request that was blocked, aborted, or never answered.
    return status if 0 < status < 1000 else None


def _times(entry: Any, odd: Counter[str]) -> tuple[float, float, float, float]:
    """Start, end of request, start and end of response, in seconds since the epoch; 0.0 where it cannot be known."""
    try:
        moment = datetime.fromisoformat(entry["startedDateTime"])
        started = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (LookupError, TypeError, ValueError, OverflowError):
        odd["without a readable start time and put where they stand in the file"] += 1
        return 0.0, 0.0, 0.0, 0.0
    timings = entry.get("timings")
    if not isinstance(timings, dict):
        total = _seconds(entry.get("time"))
        return started, 0.0, 0.0, started + total if total else 0.0
    # HAR 1.2: milliseconds, -1 for what does not apply; `ssl` is contained in `connect`.
    request_end = started + sum(_seconds(timings.get(phase)) for phase in ("blocked", "dns", "connect", "send"))
    response_start = request_end + _seconds(timings.get("wait"))
    return started, request_end, response_start, response_start + _seconds(timings.get("receive"))


def _seconds(milliseconds: Any) -> float:
    if not isinstance(milliseconds, int | float) or not math.isfinite(milliseconds):
        return 0.0
    return max(0.0, milliseconds / 1000)


def _headers(fields: Any, odd: Counter[str]) -> Headers:
    if isinstance(fields, dict):
        odd["repaired: their headers were an object instead of a list"] += 1
        fields = [{"name": name, "value": value} for name, value in fields.items()]
    headers: list[tuple[str, str]] = []
    for field in fields if isinstance(fields, list) else ():
        name = field.get("name") if isinstance(field, dict) else None
        if not isinstance(name, str) or not name:
            odd["repaired: a header without a name was left out"] += 1
        elif not name.startswith(":"):  # HTTP/2 pseudo-headers repeat the request line
            # Browsers join repeated fields, such as set-cookie, with line feeds.
            headers.extend((name, value) for value in _text(field.get("value")).split("\n"))
    return tuple(headers)


def _response_body(content: Any, odd: Counter[str]) -> tuple[Body, bool]:
    """The body, and whether its decoded bytes are in the file."""
    if not isinstance(content, dict):
        return Body(), False
    text = content.get("text")
    if not isinstance(text, str) or not text:
        size = content.get("size")
        return Body(size=size if isinstance(size, int) and 0 < size < 2**53 else 0), False
    return _body(text, content.get("encoding"), odd), True


def _request_body(post: Any, odd: Counter[str]) -> Body:
    if not isinstance(post, dict):
        return Body()
    text, params = post.get("text"), post.get("params")
    if isinstance(text, str) and text:
        return _body(text, post.get("encoding"), odd)
    if isinstance(params, list) and params:
        odd["repaired: the request body was put together from its parameters"] += 1
        fields = [(_text(each.get("name")), _text(each.get("value"))) for each in params if isinstance(each, dict)]
        return Body.whole(urlencode(fields, errors="replace").encode())
    return Body()


def _body(text: str, encoding: Any, odd: Counter[str]) -> Body:
    if encoding == "base64":
        try:
            return Body.whole(b64decode("".join(text.split()), validate=True))
        except ValueError:
            odd["repaired: a body said to be base64 is not, and was taken as text"] += 1
    return Body.whole(text.encode(errors="replace"))


def _required(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("missing")
    return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else str(value)
