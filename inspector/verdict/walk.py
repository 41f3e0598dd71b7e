"""The guided tour of a run: at each step what happens, what was said, what is wrong with it, and what to look at."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from inspector.protocol import urls
from inspector.protocol.documents import Document
from inspector.protocol.params import Params
from inspector.rules.model import Finding
from inspector.timeline.message import Kind, Message
from inspector.timeline.steps import Status, Step
from inspector.verdict.model import Judged


@dataclass(frozen=True, slots=True)
class Said:
    """One value as it was sent: captured text that may be a secret, to be shown by its name."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Stop:
    """One step of the tour. `happens` and `look` are our own words, `sent` and `answered` the values that tell most.

    `message` is None for a leg that was not captured.
    """

    step: Step
    message: Message | None
    happens: str
    look: str
    sent: tuple[Said, ...]
    answered: tuple[Said, ...]
    findings: tuple[Finding, ...]


def walk(judged: Judged) -> tuple[Stop, ...]:
    """The tour of a run, a stop for each row of its timeline."""
    return tuple(_stop(judged, step, judged.run.message_of_step(step)) for step in judged.run.steps)


def _stop(judged: Judged, step: Step, message: Message | None) -> Stop:
    words = _tour()[_subject(step, message)]
    findings = tuple(finding for finding in judged.checked.findings if finding.step == step.id)
    sent = tuple(_values(words["sent"], _request(message))) if message else ()
    answered = tuple(_values(words["answered"], _response(message))) if message else ()
    if message and message.kind is Kind.TOKEN:
        answered += tuple(_audience(judged, message))
    return Stop(step, message, str(words["happens"]), str(words["look"]), sent, answered, findings)


def _subject(step: Step, message: Message | None) -> str:
    """Which table of walk.toml tells of a step."""
    if message is None or step.status is Status.NOT_CAPTURED:
        return "authorize-unseen"
    if message.kind is Kind.TOKEN:
        return "refresh" if message.params.get("grant_type") == "refresh_token" else "token"
    if message.kind is not Kind.MCP:
        return message.kind.value if message.kind.value in _tour() else "other"
    status = message.status
    if message.bearer is None:
        return "refused-without-token" if status == 401 else "open" if status and status < 400 else "other"
    if status is not None and status < 400:
        return "use-accepted"
    return {401: "use-refused", 403: "use-forbidden"}.get(status or 0, "use-failed")


def _request(message: Message) -> Iterator[Said]:
    if message.rpc_method:
        yield Said("method", message.rpc_method)
    yield from (Said(name, value) for name, value in (*message.query.pairs, *message.form.pairs))
    yield from _members(message.sent)


def _response(message: Message) -> Iterator[Said]:
    for challenge in message.challenges:
        yield from (Said(name, value) for name, value in challenge.parameters)
    if message.location:
        yield from (Said(name, value) for name, value in Params.parse(urls.query_of(message.location)).pairs)
    yield from _members(message.document)


def _members(document: Document | None) -> Iterator[Said]:
    for name, value in document.raw.items() if document else ():
        if isinstance(value, list):
            yield Said(name, ", ".join(each for each in value if isinstance(each, str)))
        elif isinstance(value, str | int | float):
            yield Said(name, str(value).lower() if isinstance(value, bool) else str(value))


def _values(names: object, said: Iterator[Said]) -> Iterator[Said]:
    """Of everything that was said the values named, in the order of the names."""
    found: dict[str, Said] = {}
    for each in said:
        found.setdefault(each.name, each)
    yield from (found[name] for name in names if name in found) if isinstance(names, list) else ()


def _audience(judged: Judged, message: Message) -> Iterator[Said]:
    """Whom the token is for, which the answer says inside the token only."""
    exchange = next((t for t in judged.run.token_exchanges if t.request.id == message.id), None)
    if exchange and exchange.token:
        yield Said("aud", ", ".join(exchange.token.audiences or ()))


@cache
def _tour() -> Mapping[str, Mapping[str, object]]:
    return tomllib.loads((files("inspector.verdict") / "walk.toml").read_text("utf-8"))
