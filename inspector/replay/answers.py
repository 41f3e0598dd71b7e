"""Two answers to one request beside each other: status, headers, body, token claims and time."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from itertools import islice

from inspector.protocol import content
from inspector.protocol.jwt import decode
from inspector.protocol.secrets import kind_of_member
from inspector.replay.leaving import shown_header, without_secrets
from inspector.session.model import Body, Exchange, Headers

_MADE_ANEW = frozenset({"iat", "exp", "nbf", "jti", "auth_time", "sid", "nonce", "at_hash"})
_PASSING = frozenset({"date", "age", "content-length", "connection", "keep-alive", "transfer-encoding"})
_MOST_DEEP = 20
_MOST_LINES = 60
_MOST_COMPARED = 2000
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class AnswerDifference:
    """One part of two answers; a side that lacks it is None. Secrets are replaced, nothing else is made harmless."""

    part: str
    name: str
    recorded: str | None
    now: str | None

    @property
    def title(self) -> str:
        """The part in words."""
        return f"{self.part} {self.name}".rstrip()


def compare_answers(
    recorded: Exchange, now: Exchange, places: Sequence[tuple[str, str]] = ()
) -> tuple[AnswerDifference, ...]:
    """Every difference but the time it took.

    Not compared are dates, lengths, headers of the connection, and claims that are made anew for each token; of a
    secret, whether it is there. `places` are recorded addresses with those that stand for them now: what differs in
    these alone is the same.
    """

    def is_same(difference: AnswerDifference) -> bool:
        moved = difference.recorded or ""
        for old, new in places:
            moved = moved.replace(old, new)
        return moved == (difference.now or "") and (difference.recorded is None) == (difference.now is None)

    return tuple(each for each in _differences(recorded, now) if not is_same(each))


def took(exchange: Exchange) -> float | None:
    """Seconds from the request to the end of its answer; None where that was not timed."""
    if not exchange.started_at or not exchange.response_end:
        return None
    return max(0.0, exchange.response_end - exchange.started_at)


def status_in_words(exchange: Exchange) -> str:
    """The status line, or why there is none."""
    if exchange.status is None:
        return f"no answer ({exchange.error})" if exchange.error else "no answer"
    return f"{exchange.status} {exchange.reason}".rstrip()


def _differences(recorded: Exchange, now: Exchange) -> Iterator[AnswerDifference]:
    if recorded.status != now.status or now.status is None:
        yield AnswerDifference("status", "", status_in_words(recorded), status_in_words(now))
    if recorded.status is None or now.status is None:
        return
    yield from _of("header", _headers(recorded.response_headers), _headers(now.response_headers))
    left, right = (_text(each.response_headers, each.response_body) for each in (recorded, now))
    yield from compare_bodies(left, right)
    yield from _of("claim", _claims(_json(left)), _claims(_json(right)))


def compare_bodies(left: str, right: str) -> Iterator[AnswerDifference]:
    """What differs in two bodies: the members of JSON, the lines of any other text, each as far as people read."""
    left_json, right_json = _json(left), _json(right)
    if left_json is None or right_json is None:
        yield from _of_text(left, right)
    else:
        members = (dict(islice(_members(value), _MOST_COMPARED)) for value in (left_json, right_json))
        yield from _of("body", *members)


def _of(part: str, left: Mapping[str, str], right: Mapping[str, str]) -> Iterator[AnswerDifference]:
    for name in dict.fromkeys((*left, *right)):
        if left.get(name) != right.get(name):
            yield AnswerDifference(part, _cut(name), _cut(left.get(name)), _cut(right.get(name)))


def _cut[Text: (str, str | None)](text: Text) -> Text:
    """No more of a value than a person reads."""
    return text if text is None or len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text):,} characters)"


def _headers(headers: Headers) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in headers:
        lower = name.lower()
        if lower not in _PASSING:
            shown = shown_header(name, value)
            shown = "[secret]" if shown.startswith("[") else shown
            found[lower] = f"{found[lower]}, {shown}" if lower in found else shown
    return found


def _text(headers: Headers, body: Body) -> str:
    text = content.beginning(headers, body).decode("utf-8", "replace")
    if content.media_type(headers) == "text/event-stream":
        return "\n".join(content.event_data(text))
    return text


def _json(text: str) -> object:
    return content.parse_json(text) if text.lstrip()[:1] in ("{", "[") else None


def _members(value: object, path: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Each value that is no object or list, by its path."""
    name = path.rpartition(".")[2]
    if isinstance(value, dict) and value and depth < _MOST_DEEP:
        for member, inner in value.items():
            yield from _members(inner, f"{path}.{member}" if path else member, depth + 1)
    elif isinstance(value, list) and value and depth < _MOST_DEEP:
        for number, inner in enumerate(value):
            yield from _members(inner, f"{path}[{number}]", depth + 1)
    elif isinstance(value, str) and kind_of_member(name.partition("[")[0]):
        yield path, "[secret]"
    else:
        yield path, without_secrets(value if isinstance(value, str) else json.dumps(value))


def _claims(value: object) -> dict[str, str]:
    """The claims of the tokens in an answer."""
    found: dict[str, str] = {}
    if isinstance(value, dict):
        for member in ("access_token", "id_token"):
            token = value.get(member)
            jwt = decode(token) if isinstance(token, str) else None
            for claim, said in jwt.claims.items() if jwt else ():
                if claim not in _MADE_ANEW:
                    found[f"{member}.{claim}"] = said if isinstance(said, str) else json.dumps(said)
    return found


def _of_text(left: str, right: str) -> Iterator[AnswerDifference]:
    if left == right:
        return
    one, other = (without_secrets(text).splitlines()[:_MOST_COMPARED] for text in (left, right))
    changed = list(unified_diff(one, other, n=0, lineterm=""))[2:]
    gone = [_cut(line[1:]) for line in changed if line.startswith("-")][:_MOST_LINES]
    come = [_cut(line[1:]) for line in changed if line.startswith("+")][:_MOST_LINES]
    if not changed:
        gone = come = [f"they differ after the first {_MOST_COMPARED} lines"]
    yield AnswerDifference("body", "", "\n".join(gone) if left else None, "\n".join(come) if right else None)
