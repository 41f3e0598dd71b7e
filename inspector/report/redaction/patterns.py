"""Secrets that their surroundings or their shape give away in any text, also in text that no parser takes."""

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote, unquote_plus

from inspector.protocol.secrets import is_placeholder, kind_of_member, kind_of_parameter
from inspector.report.redaction.encodings import unescaped


@dataclass(frozen=True, slots=True)
class Find:
    """A secret in a text: its span, its kind and its value with all escapes undone."""

    start: int
    end: int
    kind: str
    value: str


# Hostile text must not make a search take the square of its length: what may be long is bounded, or taken for good.
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]*+){2,4}+")
_JWT_CHARACTERS = re.compile(r"[A-Za-z0-9_.-]+")
_MASKED_SIGNATURE = ("[", "%5B")
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}(?![A-Za-z0-9])"
)
# Not the parameters of a challenge, and no prose: tokens hold a digit.
_SCHEME = re.compile(
    r"\b(?i:bearer|dpop|basic|token)(?: |%20|\+){1,16}+(?![A-Za-z_]+=[\"'A-Za-z])"
    r"(?=[^\s0-9]{0,1024}[0-9])([A-Za-z0-9._~+/=-]{16,})"
)
_PAIR = re.compile(
    r"(?<![A-Za-z0-9_.-])([A-Za-z_][A-Za-z0-9_.-]{0,60})(?:=|%3[Dd])\\*[\"']?((?:(?!%26)[^&\s\"'<>#;,\\(){}])+)"
)
# The quotes may be escaped, once or more often: then the whole document stands in a string of another one.
_MEMBER = re.compile(
    r"(?P<quote>\\{0,64}\")(?P<name>[A-Za-z_][^\"\\]{0,200})(?P=quote)\s*:\s*"
    r"(?:(?P=quote)(?P<value>.*?)(?:(?<!\\)(?P=quote)|\Z)|(?P<number>-?\d{4,}))",
    re.DOTALL,
)
_USERINFO = re.compile(r"(?<=[A-Za-z0-9+.-])(?:://|%3[Aa]%2[Ff]%2[Ff])([^\s/?#@\"'<>\\]{1,2048})@")
_TAG = re.compile(r"<(?:input|meta)\b[^>]{0,4096}>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"\b(name|id|type|value|content)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
_SHORT = 48  # characters of a value of at most 7, each one escaped
_NONE: Mapping[tuple[str, str], str] = {}
_STATUS = re.compile(r"\d{1,5}")


def find_by_pattern(text: str, members: Mapping[tuple[str, str], str] = _NONE) -> Iterator[Find]:
    """Every secret that the text itself gives away. Spans may overlap.

    `members` are kinds by name and value of JSON members whose name alone does not tell.
    """
    if "eyJ" in text:
        yield from _tokens(text)
    if "@" in text:
        yield from (Find(*match.span(), "email", match[0]) for match in _EMAIL.finditer(text))
        yield from _userinfo(text)
    lower = text.lower()
    if "bearer" in lower or "basic" in lower or "dpop" in lower or "token " in lower:
        yield from (Find(*match.span(1), "credentials", match[1]) for match in _SCHEME.finditer(text))
    if "=" in text or "%3" in text:
        yield from _pairs(text)
    if '"' in text:
        yield from _members(text, members)
    if "<" in text:
        yield from _fields(text)


def _tokens(text: str) -> Iterator[Find]:
    """JSON Web Tokens, but for those whose signature is masked already."""
    for run in _JWT_CHARACTERS.finditer(text):
        # Where fewer than two dots follow there is no token, and looking on would be in vain at each place.
        last = text.rfind(".", *run.span())
        end = text.rfind(".", run.start(), max(last, run.start()))
        at = text.find("eyJ", run.start(), max(end, run.start()))
        while at >= 0:
            match = _JWT.match(text, at)
            if match and not text.startswith(_MASKED_SIGNATURE, match.end()):
                yield Find(*match.span(), "token", match[0])
            at = text.find("eyJ", match.end() if match else at + 1, end)


def _userinfo(text: str) -> Iterator[Find]:
    for match in _USERINFO.finditer(text):
        start, end = match.span(1)
        user, colon, password = match[1].partition(":")
        if colon and password:
            yield Find(end - len(password), end, "password", unquote(password))
        elif not colon:
            yield Find(start, end, "password", unquote(user))


def _pairs(text: str) -> Iterator[Find]:
    for match in _PAIR.finditer(text):
        kind = kind_of_parameter(match[1])
        value = unquote_plus(match[2])
        # In prose `code=401` is a status.
        prose = kind == "authorization_code" and _STATUS.fullmatch(value)
        if kind and not prose and not is_placeholder(value) and not match[2].startswith("["):
            yield Find(*match.span(2), kind, value)


def _members(text: str, members: Mapping[tuple[str, str], str]) -> Iterator[Find]:
    at = 0
    # After an object's name the search goes on inside the object, and a value may be a document of its own.
    while match := _MEMBER.search(text, at):
        group = "value" if match["value"] is not None else "number"
        start, end = match.span(group)
        at = start
        name = match["name"]
        kind = kind_of_member(name)
        short = end - start <= _SHORT and (name, unescaped(match[group])) in members if members else False
        if short:
            kind = members[name, unescaped(match[group])]
        if kind and end > start:
            value = unescaped(match[group]) if group == "value" else match[group]
            if not is_placeholder(value):
                yield Find(start, end, kind, value)
            at = end


def _fields(text: str) -> Iterator[Find]:
    for tag in _TAG.finditer(text):
        given = {match[1].lower(): match for match in _ATTRIBUTE.finditer(tag[0])}
        named = next((given[name].group(2) or given[name].group(3) for name in ("name", "id") if name in given), "")
        held = given.get("value") or given.get("content")
        kind = kind_of_parameter(named or "")
        if held is None or (not kind and "value" not in given):
            continue
        group = 2 if held[2] is not None else 3
        if held[group] and not is_placeholder(held[group]):
            start, end = held.span(group)
            yield Find(tag.start() + start, tag.start() + end, kind or "form_value", html.unescape(held[group]))
