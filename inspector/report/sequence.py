"""A run as arrows between parties: what every picture of it is drawn from."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from inspector.protocol import urls
from inspector.rules.model import Severity, joined
from inspector.timeline.message import Kind, Message
from inspector.timeline.run import Run
from inspector.timeline.steps import PHASES, Status, Step
from inspector.verdict.model import Judged

CLIENT, SERVER, AUTHORIZATION = "client", "mcp-server", "authorization-server"

_AT_SERVER = (Kind.MCP, Kind.RESOURCE_METADATA)
_MASKED_TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.(\[[a-z0-9_]+ #[0-9a-f]+\])")
_MASKED_IN_URL = re.compile(r"%5B([a-z0-9_]+)%20%23([0-9a-f]{4,})%5D")


@dataclass(frozen=True, slots=True)
class Arrow:
    """One step: a request to a party and its answer. `rules` failed there; `broken` says that one is an error."""

    step: int
    phase: int
    at: float
    target: str
    request: str
    answer: str
    status: Status
    rules: tuple[str, ...]
    broken: bool


def arrows(judged: Judged) -> list[Arrow]:
    """The steps of a run in order."""
    run = judged.run
    failed: dict[int | None, list[str]] = {}
    broken: set[int | None] = set()
    for finding in judged.checked.findings:
        if finding.severity is Severity.INFO:
            continue
        failed.setdefault(finding.step, []).append(finding.rule)
        if finding.severity is Severity.ERROR:
            broken.add(finding.step)
    by_id = {message.id: message for message in run.messages}
    return [
        _arrow(run, step, by_id, tuple(dict.fromkeys(failed.get(step.id, ()))), step.id in broken) for step in run.steps
    ]


def phase_name(arrow: Arrow) -> str:
    """The phase with its number, as every screen names it."""
    return f"{arrow.phase} {PHASES[arrow.phase]}"


def server_name(run: Run) -> str:
    """The MCP server's address for a label."""
    return run.server_url or "unknown address"


def short(text: str) -> str:
    """Text with masked tokens reduced to their placeholder, and placeholders in URLs spelled as everywhere else."""
    return _MASKED_IN_URL.sub(r"[\1 #\2]", _MASKED_TOKEN.sub(r"\1", text))


def _arrow(run: Run, step: Step, by_id: dict[int, Message], rules: tuple[str, ...], broken: bool) -> Arrow:
    shown = [by_id[id] for id in step.exchanges if id in by_id]
    target = SERVER if step.kind in _AT_SERVER else AUTHORIZATION
    if shown and step.kind in (Kind.OTHER, Kind.PREFLIGHT) and shown[0].origin == urls.origin(run.server_url):
        target = SERVER
    request = ", ".join((step.title, *_said(shown))) if shown else f"{step.title}, {step.note}"
    answer = ", ".join(dict.fromkeys(_answered(run, shown))) if shown else "not captured"
    return Arrow(step.id, step.phase, step.at, target, request, answer, step.status, rules, broken)


def _said(messages: list[Message]) -> Iterator[str]:
    message = messages[0]
    match message.kind:
        case Kind.MCP:
            yield f"token {short(message.bearer)}" if message.bearer and len(message.bearer) < 4096 else "no token"
        case Kind.AUTHORIZE | Kind.TOKEN:
            yield f"resource={joined(message.resources)}" if message.resources else "no resource"
            if code := message.params.get("code"):
                yield f"code {code}"
        case _:
            if len(messages) > 1:
                yield f"{len(messages)} requests"


def _answered(run: Run, messages: list[Message]) -> Iterator[str]:
    shown = next((m for m in messages if m.status is not None and m.status < 400), messages[-1])
    if shown.status is None:
        yield shown.exchange.error or "no answer recorded"
        return
    yield f"{shown.status} {shown.exchange.reason}".strip()
    if shown.oauth_error and shown.oauth_error != shown.exchange.reason.lower():
        yield shown.oauth_error
    if shown.kind is Kind.RESOURCE_METADATA and shown.good_document:
        yield f"resource={shown.good_document.text('resource') or 'none'}"
    if shown.kind is Kind.TOKEN:
        exchange = next((t for t in run.token_exchanges if t.request.id == shown.id), None)
        if exchange and exchange.token:
            yield f"aud={joined(exchange.token.audiences or (), 'none')}"
    if shown.kind is Kind.MCP and shown.bearer_challenge and (error := shown.bearer_challenge.get("error")):
        yield error
