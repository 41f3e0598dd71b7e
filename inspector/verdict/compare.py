"""Two runs beside each other, step by step: what one side did that the other did not, and where they part first."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property

from inspector.protocol import jwt, urls
from inspector.protocol.documents import Document
from inspector.protocol.params import Params
from inspector.timeline.message import Kind, Message
from inspector.timeline.run import Run
from inspector.timeline.steps import Step
from inspector.verdict.model import Judged

FRESH = frozenset(
    {
        "access_token", "client_assertion", "client_id", "client_id_issued_at", "client_secret", "code",
        "code_challenge", "code_verifier", "exp", "iat", "id_token", "jti", "nbf", "nonce", "refresh_token",
        "registration_access_token", "registration_client_uri", "request_uri", "sid", "state", "sub", "token",
    }
)  # fmt: skip
"""Names whose values are made anew for every run: only whether they are there can be compared."""

_HEADERS = ("accept", "authorization", "content-type", "mcp-protocol-version", "origin", "www-authenticate")
_NOT_SENT = "not sent"
_THERE = "sent"


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that is not the same on both sides, with the side's own words; `of_request` tells where it stands."""

    part: str
    name: str
    left: str
    right: str
    of_request: bool


@dataclass(frozen=True, slots=True)
class Pair:
    """The steps of both sides that belong together; None on the side that has no such step."""

    left: Step | None
    right: Step | None
    differences: tuple[Difference, ...] = ()

    @property
    def same(self) -> bool:
        """Whether both sides did and got the same here."""
        return self.left is not None and self.right is not None and not self.differences


@dataclass(frozen=True)
class Comparison:
    """Every step of two runs, aligned."""

    left: Judged
    right: Judged
    pairs: tuple[Pair, ...]

    @cached_property
    def first(self) -> int | None:
        """The first pair that is not the same, None when there is none."""
        return next((number for number, pair in enumerate(self.pairs) if not pair.same), None)

    @property
    def only_left(self) -> tuple[str, ...]:
        """Rules that found something on the left and nothing on the right."""
        return _rules(self.left, self.right)

    @property
    def only_right(self) -> tuple[str, ...]:
        """Rules that found something on the right and nothing on the left."""
        return _rules(self.right, self.left)


def compare(left: Judged, right: Judged) -> Comparison:
    """Align two runs and tell where they differ.

    Values that are made anew for each run are compared by their presence, and the addresses of the two servers as
    what they are, so that a replay on other ports is the same run.
    """
    sides = _Side(left.run), _Side(right.run)
    keys = [[side.key(step) for step in side.run.steps] for side in sides]
    pairs: list[Pair] = []
    for tag, from_left, to_left, from_right, to_right in SequenceMatcher(
        a=keys[0], b=keys[1], autojunk=False
    ).get_opcodes():
        left_steps, right_steps = left.run.steps[from_left:to_left], right.run.steps[from_right:to_right]
        if tag == "equal":
            pairs += [
                Pair(one, other, tuple(_differences(sides[0], one, sides[1], other)))
                for one, other in zip(left_steps, right_steps, strict=True)
            ]
        else:
            pairs += [Pair(step, None) for step in left_steps]
            pairs += [Pair(None, step) for step in right_steps]
    return Comparison(left, right, tuple(pairs))


@dataclass(frozen=True)
class _Side:
    run: Run

    @cached_property
    def origins(self) -> tuple[tuple[re.Pattern[str], str], ...]:
        """The addresses of the parties, each up to its end and no further, and what stands for them."""
        known = {urls.origin(self.run.server_url): "{server}"} if self.run.server_url else {}
        if self.run.issuer:
            known.setdefault(urls.origin(self.run.issuer), "{issuer}")
        return tuple((re.compile(rf"{re.escape(origin)}(?![\w.:-])"), name) for origin, name in known.items() if origin)

    def neutral(self, text: str) -> str:
        """The text with the parties' addresses replaced."""
        for origin, name in self.origins:
            text = origin.sub(name, text)
        return text

    def key(self, step: Step) -> tuple[object, ...]:
        """What makes two steps belong together."""
        message = self.run.message_of_step(step)
        grant = message.params.get("grant_type") if message and message.kind is Kind.TOKEN else None
        has_token = bool(message and message.bearer)
        return step.phase, step.kind, grant, step.title if step.kind is Kind.MCP else None, has_token


def _differences(left: _Side, left_step: Step, right: _Side, right_step: Step) -> Iterator[Difference]:
    one, other = left.run.message_of_step(left_step), right.run.message_of_step(right_step)
    if one is None or other is None:
        if (one is None) is not (other is None):
            seen, unseen = "captured", "not captured"
            yield Difference("", "", unseen if one is None else seen, unseen if other is None else seen, True)
        return
    for of_request, part, first, second in (
        (True, "url", _address(left, one), _address(right, other)),
        (True, "query", _named(left, one.query), _named(right, other.query)),
        (True, "form", _named(left, one.form), _named(right, other.form)),
        (True, "json", _members(left, one.sent), _members(right, other.sent)),
        (True, "header", _headers(left, one, sent=True), _headers(right, other, sent=True)),
        (False, "status", {"": str(one.status or "none")}, {"": str(other.status or "none")}),
        (False, "redirect", _redirect(left, one), _redirect(right, other)),
        (False, "json", _members(left, one.document), _members(right, other.document)),
        (False, "header", _headers(left, one, sent=False), _headers(right, other, sent=False)),
        (False, "claim", _claims(left, one), _claims(right, other)),
    ):
        for name in dict.fromkeys((*first, *second)):
            values = first.get(name, _NOT_SENT), second.get(name, _NOT_SENT)
            if values[0] != values[1]:
                yield Difference(part, name, *values, of_request)


def _address(side: _Side, message: Message) -> dict[str, str]:
    return {"": side.neutral(f"{message.exchange.method} {message.url}")}


def _named(side: _Side, params: Params) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in params.pairs:
        shown = _THERE if name in FRESH and value else side.neutral(value)
        found[name] = f"{found[name]}, {shown}" if name in found else shown
    return found


def _members(side: _Side, document: Document | None) -> dict[str, str]:
    if document is None:
        return {}
    return {
        name: _THERE if name in FRESH else side.neutral(value if isinstance(value, str) else repr(value))
        for name, value in document.raw.items()
    }


def _headers(side: _Side, message: Message, *, sent: bool) -> dict[str, str]:
    headers = message.exchange.request_headers if sent else message.exchange.response_headers
    found = {name.lower(): side.neutral(value) for name, value in headers if name.lower() in _HEADERS}
    if "authorization" in found:
        found["authorization"] = found["authorization"].partition(" ")[0]
    return found


def _redirect(side: _Side, message: Message) -> dict[str, str]:
    if not message.location:
        return {}
    return _named(side, Params.parse(urls.query_of(message.location)))


def _claims(side: _Side, message: Message) -> dict[str, str]:
    token = message.bearer or (message.good_document.text("access_token") if message.good_document else None)
    decoded = jwt.decode(token) if token else None
    if decoded is None:
        return {}
    claims = {name: value for name, value in decoded.claims.items() if name not in FRESH}
    registered = side.run.registration.document if side.run.registration else None
    own_id = registered.text("client_id") if registered else None
    neutral = {name: side.neutral(value if isinstance(value, str) else repr(value)) for name, value in claims.items()}
    return {name: value.replace(own_id, "{client_id}") if own_id else value for name, value in neutral.items()}


def _rules(these: Judged, those: Judged) -> tuple[str, ...]:
    other = {finding.rule for finding in those.checked.findings}
    return tuple(dict.fromkeys(finding.rule for finding in these.checked.findings if finding.rule not in other))
