"""Timeline rows: messages in time order, probes of one discovery folded, legs that were not captured shown as such."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from inspector.protocol import urls
from inspector.session.model import State
from inspector.timeline.flow import TokenExchange, request_key
from inspector.timeline.message import Kind, Message

PHASES = {1: "Discover", 2: "Register", 3: "Authorize", 4: "Token", 5: "Use", 6: "Refresh / step-up"}
"""The fixed phases of a sign-in: "step 4" means the same on every screen and in every report."""


class Status(StrEnum):
    """How a step ended on the wire; whether that is right is for the rules."""

    OK = "ok"
    REFUSED = "refused"  # 4xx or 5xx
    FAILED = "failed"  # the connection broke
    PENDING = "pending"  # no answer yet
    NOT_CAPTURED = "not-captured"  # known to have happened, out of the inspector's sight


@dataclass(frozen=True, slots=True)
class Step:
    """One row: its phase, what happened, and the exchanges it stands for (several when folded)."""

    id: int
    phase: int
    kind: Kind
    title: str
    exchanges: tuple[int, ...]
    status: Status
    at: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Loop:
    """A cycle the client went through again and again; only its first and last turns are kept."""

    last: tuple[int, ...]
    turns: int


_TITLES = {
    Kind.RESOURCE_METADATA: "Protected resource metadata",
    Kind.SERVER_METADATA: "Authorization server metadata",
    Kind.KEYS: "Signing keys (JWKS)",
    Kind.REGISTER: "Register client",
    Kind.CLIENT_METADATA: "Client ID metadata document",
    Kind.AUTHORIZE: "Authorize",
    Kind.INTERACTION: "Sign-in page",
    Kind.CALLBACK: "Authorization response",
    Kind.TOKEN: "Token",
    Kind.INTROSPECT: "Introspection",
    Kind.USERINFO: "User info",
    Kind.REVOKE: "Revocation",
    Kind.PREFLIGHT: "CORS preflight",
}


def build_steps(
    messages: Sequence[Message], token_exchanges: Sequence[TokenExchange], loops: Sequence[Loop] = ()
) -> tuple[Step, ...]:
    """Make the rows of a run. `messages` are in time order; ids count from 1 in that order."""
    unseen = {
        t.request.id: t
        for t in token_exchanges
        if t.grant_type == "authorization_code" and t.authorization is None and "code" in t.params
    }
    turns = {exchange: loop.turns for loop in sorted(loops, key=lambda loop: loop.turns) for exchange in loop.last}
    rows: list[Step] = []
    group: list[Message] = []
    phase, has_token = 0, False
    for message in messages:
        own_phase = _phase(message, has_token)
        if group and (own_phase != phase or not _same_row(group, message)):
            rows.append(_row(len(rows) + 1, group, phase, turns))
            group = []
        if message.id in unseen:
            rows.append(_not_captured(len(rows) + 1, message, 6 if has_token else 3))
        group.append(message)
        phase = own_phase
        has_token = has_token or (message.kind is Kind.TOKEN and message.status == 200)
    if group:
        rows.append(_row(len(rows) + 1, group, phase, turns))
    return tuple(rows)


def _not_captured(number: int, token_request: Message, phase: int) -> Step:
    note = "browser leg not captured"
    return Step(number, phase, Kind.AUTHORIZE, "Authorize", (), Status.NOT_CAPTURED, token_request.at, note)


def _phase(message: Message, has_token: bool) -> int:
    match message.kind:
        case Kind.MCP:
            return 5 if message.bearer or has_token or (message.status or 401) < 400 else 1
        case Kind.REGISTER | Kind.CLIENT_METADATA:
            return 2
        case Kind.AUTHORIZE | Kind.INTERACTION | Kind.CALLBACK:
            return 6 if has_token else 3
        case Kind.TOKEN:
            return 6 if has_token or message.params.get("grant_type") == "refresh_token" else 4
        case Kind.INTROSPECT | Kind.USERINFO | Kind.REVOKE:
            return 5
        case _:
            return 1


def _same_row(group: Sequence[Message], message: Message) -> bool:
    first, previous = group[0], group[-1]
    if message.kind is Kind.AUTHORIZE:
        return first.kind is Kind.AUTHORIZE and request_key(first) == request_key(message)
    if message.kind is Kind.INTERACTION:
        return first.kind in (Kind.AUTHORIZE, Kind.INTERACTION)
    if previous.kind is not message.kind:
        return False
    if message.kind is Kind.MCP:
        alike = (previous.exchange.method, previous.rpc_method, previous.status, previous.bearer)
        return alike == (message.exchange.method, message.rpc_method, message.status, message.bearer)
    return message.kind in (Kind.RESOURCE_METADATA, Kind.SERVER_METADATA)


def _ordinal(number: int) -> str:
    return f"{number}{'th' if 10 < number % 100 < 14 else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _row(number: int, group: Sequence[Message], phase: int, turns: Mapping[int, int]) -> Step:
    shown = next((m for m in group if m.status is not None and m.status < 400), group[-1])
    first = group[0]
    note = ""
    if looped := max([turns.get(m.id, 0) for m in group]) if turns else 0:
        note = f"loop, {looped} times"
    elif first.kind in (Kind.RESOURCE_METADATA, Kind.SERVER_METADATA) and len(group) > 1:
        hit = next((number for number, m in enumerate(group, 1) if m.good_document), None)
        note = f"{len(group)} tried, {f'the {_ordinal(hit)} had it' if hit else 'none had it'}"
    elif first.kind is Kind.MCP and len(group) > 1:
        note = f"{len(group)} times"
    return Step(number, phase, first.kind, _title(first), tuple(m.id for m in group), _status(shown), first.at, note)


def _title(message: Message) -> str:
    if message.kind is Kind.TOKEN and message.params.get("grant_type") == "refresh_token":
        return "Refresh token"
    if message.kind is Kind.MCP and message.rpc_method:
        return message.rpc_method
    path = urls.path_of(message.exchange.url) or "/"
    return _TITLES.get(message.kind) or f"{message.exchange.method} {path}"


def _status(message: Message) -> Status:
    if message.exchange.state is State.RECORDED:
        return Status.OK
    if message.exchange.state is State.FAILED and message.status is None:
        return Status.FAILED
    if message.status is None:
        return Status.PENDING
    return Status.REFUSED if message.status >= 400 else Status.OK
