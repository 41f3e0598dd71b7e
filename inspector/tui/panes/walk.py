"""A stop of the guided tour as lines: what happens, what was said, what is wrong with it, what to look at."""

from collections.abc import Iterator, Sequence

from textual.content import Content

from inspector.protocol.meanings import Meaning, vocabulary
from inspector.timeline.relations import relations
from inspector.timeline.steps import PHASES
from inspector.tui.lines import Line, heading, mark, note, prose
from inspector.tui.looks import GOOD, MUTED, SEVERITY_STYLE, STRONG, TICK, WARNING, aside
from inspector.tui.masking import Veil
from inspector.tui.panes.explained import expected_and_found, explained
from inspector.tui.view import RunView, Selection
from inspector.verdict.walk import Said, Stop

_DOCUMENTS = {
    "protected-resource-metadata": "resource_metadata",
    "authorization-server-metadata": "server_metadata",
    "registration": "registration",
    "token": "token_response",
}


def walk_lines(view: RunView, stop: Stop, number: int, total: int, veil: Veil) -> list[Line]:
    """The stop `number` of `total`, counted from 1."""
    return list(_stop(view, stop, number, total, veil))


def _stop(view: RunView, stop: Stop, number: int, total: int, veil: Veil) -> Iterator[Line]:
    phase = f"   phase {stop.step.phase} {PHASES[stop.step.phase]} · stop {number} of {total}"
    yield Line(Content.assemble(veil.text(stop.step.title, STRONG), (phase, MUTED)))
    if stop.message:
        yield Line(veil.text(f"{stop.message.exchange.method} {stop.message.url}", MUTED))
    yield Line()
    yield Line(prose(stop.happens))
    yield Line()
    yield from _judgement(stop, veil)
    yield from _said(view, stop, "What was sent", stop.sent, veil, of_request=True)
    yield from _said(view, stop, _came_back(stop), stop.answered, veil, of_request=False)
    if stop.look:
        yield Line()
        yield heading("What to look at")
        yield Line(prose(stop.look))


def _came_back(stop: Stop) -> str:
    status = stop.message.status if stop.message else None
    return f"What came back: {status}" if status is not None else "What came back: nothing yet"


def _said(
    view: RunView, stop: Stop, title: str, said: Sequence[Said], veil: Veil, *, of_request: bool
) -> Iterator[Line]:
    message = stop.message
    if message is None or (of_request and not said):
        return
    yield Line()
    yield heading(title)
    ties = relations(view.judged.run, message) if of_request else {}
    words = _words(stop, of_request=of_request)
    for each in said:
        yield from explained(
            each.name,
            veil.value(each.name, each.value),
            meaning=words.get(each.name),
            relation=ties.get(each.name),
            veil=veil,
        )


def _words(stop: Stop, *, of_request: bool) -> dict[str, Meaning]:
    document = _DOCUMENTS.get(stop.step.kind.value)
    own = vocabulary(document) if document and (not of_request or document == "registration") else {}
    return {**vocabulary("challenge"), **vocabulary("claims"), **vocabulary("parameters"), **own}


def _judgement(stop: Stop, veil: Veil) -> Iterator[Line]:
    """What is wrong here, with what it should have been; or that nothing is."""
    if not stop.findings:
        if stop.message is None:
            yield note("Nothing of it was seen, so nothing of it was checked.")
        else:
            yield Line(Content.styled(f"{TICK} No rule found anything wrong here.", GOOD))
        return
    yield heading("What is wrong, and how it should be")
    for number, finding in enumerate(stop.findings):
        if number:
            yield Line()
        yield Line(Content.assemble(mark(finding), "  ", veil.text(finding.message)), target=Selection.of(finding))
        if finding.expected or finding.found:
            nothing = aside("nothing")
            style = SEVERITY_STYLE.get(finding.severity, WARNING)
            yield from expected_and_found(finding.expected or nothing, finding.found or nothing, veil, style)
