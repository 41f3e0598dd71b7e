"""Which recorded secrets a request would carry to a server that did not have them; named without their values."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus, unquote_plus

from inspector.protocol import content, urls
from inspector.protocol.jwt import decode, fingerprint
from inspector.protocol.params import Params
from inspector.protocol.secrets import LINKS, PERSONS, is_placeholder, kind_of_header, kind_of_member, kind_of_parameter
from inspector.replay.edits import Request
from inspector.session.model import Body, Exchange, Headers

_HARMLESS = frozenset((*LINKS.values(), *PERSONS.values())) - {"session_id"}
# Possessive, and never begun inside a word: hostile text must not make the search take the square of its length.
_JWT = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]++\.[A-Za-z0-9_-]++\.[A-Za-z0-9_-]*+")
_SHORTEST = 8
_FINGERPRINT = 8


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret by its kind, its fingerprint (hex digits of its SHA-256) and the place it stands in."""

    kind: str
    fingerprint: str
    place: str

    def __str__(self) -> str:
        """The secret in words, such as `access_token #1f2e3d4c (header Authorization)`."""
        return f"{self.kind} #{self.fingerprint} ({self.place})"


@dataclass
class KnownSecrets:
    """The secrets of a recording with the servers that have each of them, because they gave it or were sent it."""

    _homes: dict[str, tuple[str, set[str]]] = field(default_factory=dict)

    @classmethod
    def of(cls, exchanges: Iterable[Exchange]) -> "KnownSecrets":
        """The secrets in these exchanges."""
        known = cls()
        for exchange in exchanges:
            origin = urls.origin(exchange.url)
            for kind, _, value in (*_sent(exchange), *_received(exchange)):
                known._homes.setdefault(value, (kind, set()))[1].add(origin)
        return known

    def new_to(self, request: Request, url: str) -> tuple[Secret, ...]:
        """The recorded secrets in a request that the server of this URL has not had. What the user typed is not listed.

        They are looked for by value in every part, as text may hold what no name gives away.
        """
        target = urls.origin(url)
        found: list[Secret] = []
        parts = [
            ("URL", request.target),
            *((f"header {name}", value) for name, value in request.headers),
            ("body", _body_text(request.headers, request.body)),
        ]
        for value, (kind, homes) in self._homes.items():
            if target not in homes:
                place = next((place for place, text in parts if _holds(text, value)), None)
                if place:
                    found.append(Secret(kind, fingerprint(value)[:_FINGERPRINT], place))
        return tuple(found)


def masked(kind: str, value: str) -> str:
    """What stands for a secret in a text for people."""
    return f"[{kind} #{fingerprint(value)[:_FINGERPRINT]}]"


def without_secrets(text: str) -> str:
    """Free text with the tokens in it replaced."""
    return _JWT.sub(lambda found: masked("token", found[0]) if decode(found[0]) else found[0], text)


def shown_url(url: str) -> str:
    """A URL or its path with query for people, secret parameters replaced; the others byte for byte."""
    before, mark, query = url.partition("?")
    pairs = []
    for pair in query.split("&") if mark else ():
        name, equals, value = pair.partition("=")
        kind = kind_of_parameter(unquote_plus(name))
        pairs.append(f"{name}={masked(kind, value)}" if equals and kind and kind not in _HARMLESS else pair)
    return without_secrets(before + mark + "&".join(pairs))


def shown_header(name: str, value: str) -> str:
    """A header's value for people, secrets replaced."""
    scheme, space, credential = value.partition(" ")
    if name.lower() in ("authorization", "proxy-authorization") and credential:
        return f"{scheme}{space}{masked(_credential_kind(scheme), credential)}"
    if kind := kind_of_header(name):
        return masked(kind, value)
    return without_secrets(value)


def _holds(text: str, value: str) -> bool:
    # Undecodable bytes of the wire are lone surrogates here, which no encoding takes.
    escaped = (quote(value, safe="", errors="replace"), quote_plus(value, errors="replace"))
    return any(form in text for form in {value, *escaped})


def _body_text(headers: Headers, body: bytes) -> str:
    return content.beginning(headers, Body.whole(body)).decode("utf-8", "replace")


def _sent(exchange: Exchange) -> Iterator[tuple[str, str, str]]:
    """Kind, place and value of each secret in a request."""
    yield from _in_headers(exchange.request_headers)
    yield from _in_pairs("query", urls.query_of(exchange.url))
    yield from _in_body(exchange.request_headers, exchange.request_body)


def _received(exchange: Exchange) -> Iterator[tuple[str, str, str]]:
    """The same of an answer, and of the address it redirects to."""
    yield from _in_headers(exchange.response_headers)
    yield from _in_body(exchange.response_headers, exchange.response_body)
    yield from _in_pairs("redirect", urls.query_of(exchange.response_header("location") or ""))


def _in_headers(headers: Headers) -> Iterator[tuple[str, str, str]]:
    for name, value in headers:
        lower = name.lower()
        if lower in ("authorization", "proxy-authorization"):
            scheme, _, credential = value.partition(" ")
            yield from _worth("credentials" if not credential else _credential_kind(scheme), name, credential or value)
        elif lower in ("cookie", "set-cookie"):
            for cookie in value.split(";")[: 1 if lower == "set-cookie" else None]:
                yield from _worth("cookie", name, cookie.partition("=")[2])
        elif kind := kind_of_header(name):
            yield from _worth(kind, name, value)
        yield from (("token", name, found) for found in _JWT.findall(value))


def _credential_kind(scheme: str) -> str:
    return "access_token" if scheme.lower() in ("bearer", "dpop") else "credentials"


def _in_pairs(place: str, encoded: str) -> Iterator[tuple[str, str, str]]:
    for name, value in Params.parse(encoded).pairs:
        if kind := kind_of_parameter(name):
            yield from _worth(kind, f"{place} {name}", value)


def _in_body(headers: Headers, body: Body) -> Iterator[tuple[str, str, str]]:
    if not body.data:
        return
    text = content.beginning(headers, body).decode("utf-8", "replace")
    if content.media_type(headers) == "application/x-www-form-urlencoded":
        yield from _in_pairs("form", text)
    elif text.lstrip()[:1] in ("{", "["):
        yield from _in_json(content.parse_json(text))
    yield from (("token", "body", found) for found in _JWT.findall(text))


def _in_json(value: object) -> Iterator[tuple[str, str, str]]:
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, dict):
            for name, member in each.items():
                kind = kind_of_member(name)
                if kind and isinstance(member, str):
                    yield from _worth(kind, f"member {name}", member)
                pending.append(member)
        elif isinstance(each, list):
            pending.extend(each)


def _worth(kind: str, place: str, value: str) -> Iterator[tuple[str, str, str]]:
    """Short values are words, and a placeholder opens nothing."""
    value = value.strip()
    if kind not in _HARMLESS and len(value) >= _SHORTEST and not is_placeholder(value):
        yield kind, place, value
