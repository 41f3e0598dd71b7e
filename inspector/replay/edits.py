"""One recorded request with parts of it changed; every other byte stays as it was recorded."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote_plus

from inspector.errors import ReplayFailure
from inspector.session.model import Exchange, Headers

PARTS = ("method", "path", "query", "header", "form", "body")
"""What can be changed. `query`, `header` and `form` hold things by name."""

_NAMED = ("query", "header", "form")
_IN_NO_PAIR = re.compile(r"[^!-~]|[&#]")


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it is to be sent. `cut` says that bytes of its body were not recorded."""

    method: str
    url: str
    headers: Headers
    body: bytes
    cut: bool = False

    @property
    def target(self) -> str:
        """The path with its query, byte for byte."""
        return self.url[len(self._origin) :]

    def with_target(self, target: str) -> "Request":
        """The same request to another path and query of the same server."""
        if not target.startswith("/"):
            raise ReplayFailure(f"A path begins with a slash; {target!r} does not.")
        return replace(self, url=self._origin + target)

    @property
    def _origin(self) -> str:
        scheme, separator, rest = self.url.partition("://")
        cut = min((at for mark in "/?#" if (at := rest.find(mark)) >= 0), default=len(rest))
        return scheme + separator + rest[:cut]


@dataclass(frozen=True, slots=True)
class Edit:
    """A new value of one part; None takes it out."""

    part: str
    name: str
    value: str | None


def request_of(exchange: Exchange) -> Request:
    """The request of an exchange as it was recorded."""
    body = exchange.request_body
    return Request(exchange.method, exchange.url, exchange.request_headers, body.data, body.truncated)


def parsed(set_parts: Iterable[str], drop_parts: Iterable[str]) -> tuple[Edit, ...]:
    """Edits as they are written on a command line: `query:resource=https://...` to set, `header:Accept` to drop.

    What is dropped comes first, so that a repeated parameter can be replaced as a whole.

    Raises ReplayFailure for what is none.
    """
    dropped = [Edit(*_place(text), None) for text in drop_parts]
    wanted = []
    for text in set_parts:
        place, equals, value = text.partition("=")
        if not equals:
            raise ReplayFailure(f"{text!r} sets nothing; write PART=VALUE or PART:NAME=VALUE.")
        wanted.append(Edit(*_place(place), value))
    return (*dropped, *wanted)


def headers_in(text: str) -> Headers:
    """Headers written one a line.

    Raises ReplayFailure for a line that is none.
    """
    headers = []
    for line in text.split("\n"):
        name, colon, value = line.partition(":")
        if line.strip() and not (colon and name.strip()):
            raise ReplayFailure(f"A header is `Name: value`; this is none: {line}")
        if line.strip():
            headers.append((name.strip(), value.strip()))
    return tuple(headers)


def _place(text: str) -> tuple[str, str]:
    part, _, name = text.partition(":")
    if part not in PARTS or bool(name) != (part in _NAMED):
        raise ReplayFailure(
            f"{text!r} is no part of a request; choose method, path, body, query:NAME, header:NAME or form:NAME."
        )
    return part, name


def edited(request: Request, edits: Iterable[Edit]) -> Request:
    """The request with its parts changed.

    A value replaces the first one of its name, in its place, and is added at the end where there is none. In a query
    and a form it is written as given; only what cannot stand there is escaped.

    Raises:
        ReplayFailure: a part cannot be changed like that.
    """
    for edit in edits:
        request = _with(request, edit)
    if request.cut:
        raise ReplayFailure(
            "The body of this request was not recorded whole; give a new one, on the command line by --set body=TEXT."
        )
    return request


def _with(request: Request, edit: Edit) -> Request:
    match edit.part:
        case "method":
            if not edit.value:
                raise ReplayFailure("A request needs a method; set another one instead of dropping it.")
            return replace(request, method=edit.value)
        case "path":
            path, mark, query = request.target.partition("?")
            new = edit.value or "/"
            return request.with_target(new if "?" in new else f"{new}{mark}{query}")
        case "query":
            path, _, query = request.target.partition("#")[0].partition("?")
            changed = _pairs(query, edit)
            return request.with_target(f"{path or '/'}?{changed}" if changed else path or "/")
        case "header":
            return replace(request, headers=_headers(request.headers, edit))
        case "form":
            return replace(request, body=_pairs(_form(request), edit).encode("latin-1"))
        case _:
            return _with_body(request, edit)


def _with_body(request: Request, edit: Edit) -> Request:
    if any(name.lower() == "content-encoding" for name, _ in request.headers):
        raise ReplayFailure("The recorded body is compressed; drop header:Content-Encoding as well to give a new one.")
    return replace(request, body=(edit.value or "").encode("utf-8", "surrogateescape"), cut=False)


def _form(request: Request) -> str:
    if request.cut or any(name.lower() == "content-encoding" for name, _ in request.headers):
        raise ReplayFailure("The recorded form is compressed or not whole; give the body anew with body=TEXT.")
    return request.body.decode("latin-1")


def _headers(headers: Headers, edit: Edit) -> Headers:
    wanted = edit.name.lower()
    if edit.value is None:
        return tuple(pair for pair in headers if pair[0].lower() != wanted)
    place = next((at for at, (name, _) in enumerate(headers) if name.lower() == wanted), None)
    if place is None:
        return (*headers, (edit.name, edit.value))
    return (*headers[:place], (headers[place][0], edit.value), *headers[place + 1 :])


def _pairs(encoded: str, edit: Edit) -> str:
    """A query or form with one pair of it changed, the others byte for byte."""
    pairs = encoded.split("&") if encoded else []
    places = [at for at, pair in enumerate(pairs) if unquote_plus(pair.partition("=")[0]) == edit.name]
    if edit.value is None:
        return "&".join(pair for at, pair in enumerate(pairs) if at not in places)
    value = _IN_NO_PAIR.sub(lambda found: _quoted(found[0]), edit.value)
    if places:
        pairs[places[0]] = f"{pairs[places[0]].partition('=')[0]}={value}"
    else:
        pairs.append(f"{_quoted(edit.name)}={value}")
    return "&".join(pairs)


def _quoted(text: str) -> str:
    """Escaped byte for byte as it was typed, also where the command line held what is no UTF-8."""
    return quote(text, safe="", errors="surrogateescape")
