"""Filters of messages as people type them: plain words, and the letters of mitmproxy's filter language.

`token 401` keeps what has both words; `~m POST & !~c 200` what mitmproxy would keep for it. Only the letters that make
sense for a sign-in are known.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from inspector.errors import InspectorError
from inspector.protocol import content, urls
from inspector.session.model import Headers, State
from inspector.timeline.message import Message

type Filter = Callable[[Message], bool]


class NoFilter(InspectorError):
    """What was typed is no filter; the text says where it goes wrong."""


LETTERS: Mapping[str, str] = {
    "~u": "URL",
    "~d": "host",
    "~m": "method",
    "~c": "status",
    "~h": "a header of either",
    "~hq": "a header of the request",
    "~hs": "a header of the answer",
    "~b": "the body of either",
    "~bq": "the body of the request",
    "~bs": "the body of the answer",
    "~t": "content type",
    "~q": "without an answer",
    "~s": "with an answer",
    "~e": "failed",
}
"""The letters with what they look at; all but the last three take an expression."""

_ALONE = ("~q", "~s", "~e")
_TOKEN = re.compile(r"""\s*(?:(?P<mark>[()!&|])|(?P<quote>["'])(?P<quoted>.*?)(?P=quote)|(?P<word>[^\s()!&|"']+))""")


@dataclass
class _Tokens:
    tokens: list[tuple[str, bool]]
    position: int = 0

    @property
    def next(self) -> str:
        """What comes next when it is a mark or a letter; empty for a word in quotes and at the end."""
        if self.position >= len(self.tokens):
            return ""
        text, quoted = self.tokens[self.position]
        return "" if quoted else text

    def at_end(self) -> bool:
        return self.position >= len(self.tokens)

    def take(self) -> str:
        text = self.tokens[self.position][0]
        self.position += 1
        return text


def parse_filter(text: str) -> Filter:
    """The filter that a text stands for; an empty one keeps everything.

    Raises NoFilter with a sentence that says what is wrong.
    """
    tokens = _Tokens(list(_split(text)))
    if tokens.at_end():
        return lambda message: True
    parsed = _either(tokens)
    if not tokens.at_end():
        raise NoFilter(f"There is a {tokens.take()!r} too much; ( and ) must come in pairs.")
    return parsed


def _split(text: str) -> Iterator[tuple[str, bool]]:
    position = 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            raise NoFilter("A quote is open; close it.")
        position = match.end()
        quoted = match["quote"] is not None
        yield (match["quoted"] if quoted else match["mark"] or match["word"]), quoted


def _either(tokens: _Tokens) -> Filter:
    parts = [_both(tokens)]
    while tokens.next == "|":
        tokens.take()
        parts.append(_both(tokens))
    return parts[0] if len(parts) == 1 else lambda message: any(part(message) for part in parts)


def _both(tokens: _Tokens) -> Filter:
    parts = [_not(tokens)]
    while not tokens.at_end() and tokens.next not in ("|", ")"):
        if tokens.next == "&":
            tokens.take()
        parts.append(_not(tokens))
    return parts[0] if len(parts) == 1 else lambda message: all(part(message) for part in parts)


def _not(tokens: _Tokens) -> Filter:
    if tokens.next == "!":
        tokens.take()
        negated = _not(tokens)
        return lambda message: not negated(message)
    return _single(tokens)


def _single(tokens: _Tokens) -> Filter:
    if tokens.at_end():
        raise NoFilter("Something is missing at the end.")
    if tokens.next == "(":
        tokens.take()
        inner = _either(tokens)
        if tokens.next != ")":
            raise NoFilter("A ( is open; close it.")
        tokens.take()
        return inner
    if tokens.next in (")", "&", "|"):
        raise NoFilter(f"Something is missing before {tokens.next!r}.")
    if not tokens.next.startswith("~"):
        return _word(tokens.take())
    letter = tokens.take()
    if letter in _ALONE:
        return _alone(letter)
    if letter not in LETTERS:
        raise NoFilter(f"{letter} is not known; there are {', '.join(LETTERS)}.")
    if tokens.at_end() or tokens.next in ("(", ")", "&", "|", "!"):
        raise NoFilter(f"{letter} looks at the {LETTERS[letter]}: say what for.")
    return _looking(letter, tokens.take())


def _word(word: str) -> Filter:
    """A plain word is looked for wherever the timeline shows text."""
    wanted = word.casefold()
    return lambda message: any(wanted in text.casefold() for text in _shown(message))


def _shown(message: Message) -> Iterator[str]:
    yield message.exchange.method
    yield message.exchange.url
    yield str(message.status or "")
    yield message.rpc_method or ""
    yield message.kind.value


def _alone(letter: str) -> Filter:
    match letter:
        case "~q":
            return lambda message: message.status is None
        case "~s":
            return lambda message: message.status is not None
        case _:
            return lambda message: message.exchange.state is State.FAILED


def _looking(letter: str, expression: str) -> Filter:
    if letter == "~c":
        return lambda message: str(message.status or "").startswith(expression.rstrip("x"))
    try:
        # mitmproxy ignores case as well.
        pattern = re.compile(expression, re.IGNORECASE)
    except re.error as error:
        raise NoFilter(f"{expression!r} is no regular expression ({error}).") from None
    texts = _TEXTS[letter]
    return lambda message: any(pattern.search(text) for text in texts(message))


def _request_headers(message: Message) -> Sequence[str]:
    return _lines(message.exchange.request_headers)


def _response_headers(message: Message) -> Sequence[str]:
    return _lines(message.exchange.response_headers)


def _lines(headers: Headers) -> Sequence[str]:
    return [f"{name}: {value}" for name, value in headers]


def _request_body(message: Message) -> Sequence[str]:
    return [content.text(message.exchange.request_headers, message.exchange.request_body)]


def _response_body(message: Message) -> Sequence[str]:
    return [content.text(message.exchange.response_headers, message.exchange.response_body)]


_TEXTS: Mapping[str, Callable[[Message], Sequence[str]]] = {
    "~u": lambda message: [message.exchange.url],
    "~d": lambda message: [urls.host_of(message.exchange.url)],
    "~m": lambda message: [message.exchange.method],
    "~h": lambda message: [*_request_headers(message), *_response_headers(message)],
    "~hq": _request_headers,
    "~hs": _response_headers,
    "~b": lambda message: [*_request_body(message), *_response_body(message)],
    "~bq": _request_body,
    "~bs": _response_body,
    "~t": lambda message: [
        content.media_type(message.exchange.request_headers),
        content.media_type(message.exchange.response_headers),
    ],
}
