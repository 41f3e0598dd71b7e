"""What of a message may be changed on its way, the change itself, and the list of what differs after it."""

import json
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from mitmproxy.http import Headers as WireHeaders
from mitmproxy.http import Message, Request, Response

from addons.legs import FORM, media_type
from addons.parameters import pairs_of
from addons.wire import headers_of
from inspector.session.model import Headers, Translation


@dataclass(frozen=True, slots=True)
class Parts:
    """A request (`path`, with its query, as it is on the wire) or a response (`status`); content coding is off."""

    headers: Headers
    body: bytes
    path: str = ""
    status: int = 0

    def header(self, name: str) -> str:
        """The first header of that name, any case; empty when there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


def request_parts(request: Request) -> Parts:
    """The parts of a request that was read whole."""
    path = request.data.path.decode("latin-1")
    return Parts(headers_of(request.headers), request.get_content(strict=False) or b"", path=path)


def response_parts(response: Response) -> Parts:
    """The parts of a response that was read whole."""
    return Parts(headers_of(response.headers), response.get_content(strict=False) or b"", status=response.status_code)


def change_request(request: Request, before: Parts, after: Parts) -> None:
    """Put changed parts in their place; what is the same stays, byte for byte."""
    if after.path != before.path:
        request.data.path = after.path.encode("latin-1")
    _change_message(request, before, after)


def change_response(response: Response, before: Parts, after: Parts) -> None:
    """The same for a response."""
    if after.status != before.status:
        response.status_code = after.status
        response.reason = ""
    _change_message(response, before, after)


def differences(side: Literal["request", "response"], before: Parts, after: Parts, by: str) -> list[Translation]:
    """Each value that differs: what the client has on its side of the change, and what upstream has."""
    found = []
    if before.status != after.status:
        found.append((f"{side}.status", "status", str(before.status or ""), str(after.status or "")))
    old_path, _, old_query = before.path.partition("?")
    new_path, _, new_query = after.path.partition("?")
    if old_path != new_path:
        found.append((f"{side}.url", "path", old_path, new_path))
    if old_query != new_query:
        found += _compared(f"{side}.url", pairs_of(old_query), pairs_of(new_query), old_query, new_query)
    found += [each for each in _headers(side, before, after) if each[1].lower() != "content-length"]
    if before.body != after.body:
        found += _bodies(f"{side}.body", before, after)
    if side == "request":
        return [Translation(part, name, client=old, upstream=new, by=by) for part, name, old, new in found]
    return [Translation(part, name, client=new, upstream=old, by=by) for part, name, old, new in found]


type _Pairs = list[tuple[str, str]]
type _Difference = tuple[str, str, str, str]


def _change_message(message: Message, before: Parts, after: Parts) -> None:
    if (after.headers, after.body) == (before.headers, before.body):
        return
    if after.headers != before.headers:
        fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in after.headers]
        message.headers = WireHeaders(fields)
    if after.body != before.body:
        message.content = after.body  # puts the content coding on again
    if "content-length" in message.headers and (after.body or before.body):
        message.headers["content-length"] = str(len(message.raw_content or b""))  # the headers may be older


def _headers(side: str, before: Parts, after: Parts) -> list[_Difference]:
    if before.headers == after.headers:
        return []
    return _compared(f"{side}.headers", list(before.headers), list(after.headers), "", "", any_case=True)


def _bodies(part: str, before: Parts, after: Parts) -> list[_Difference]:
    old, new = before.body.decode("utf-8", "backslashreplace"), after.body.decode("utf-8", "backslashreplace")
    if media_type(after.header("content-type")) == FORM:
        return _compared(part, pairs_of(old), pairs_of(new), old, new)
    return _compared(part, _members(old), _members(new), old, new)


def _compared(
    part: str, old: _Pairs, new: _Pairs, old_text: str, new_text: str, *, any_case: bool = False
) -> list[_Difference]:
    """Value by value under each name; the whole texts where no value says what differs."""
    written: dict[str, str] = {}
    for name, _ in (*old, *new):
        written.setdefault(name.lower() if any_case else name, name)
    found = []
    for key, name in written.items():
        values = [
            [value for each, value in pairs if (each.lower() if any_case else each) == key] for pairs in (old, new)
        ]
        found += [(part, name, was, now) for was, now in zip_longest(*values, fillvalue="") if was != now]
    if not found and old_text != new_text:
        return [(part, "", old_text, new_text)]
    return found


def _members(text: str) -> _Pairs:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return []
    if not isinstance(document, dict):
        return []
    return [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in document.items()]
