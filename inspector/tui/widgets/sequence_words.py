"""What a row of the timeline says in words, in the room it has."""

from rich.cells import cell_len
from textual.content import Content

from inspector.session.model import Incident, Source, State
from inspector.timeline.message import Kind, Message
from inspector.timeline.steps import PHASES, Status, Step
from inspector.tui.display import cut_middle, visible
from inspector.tui.looks import CROSS, ERROR, GOOD, HEADING, MUTED, NEUTRAL, SHAFT, WARNING
from inspector.tui.view import path_of, seconds
from inspector.tui.widgets.sequence_rows import PauseRow, PhaseRow

_LEGIBLE_PATH, _SHORTEST_PATH = 16, 8
_ROOM_FOR_TITLES = 60
_WELL_KNOWN = "/.well-known/"


def request_text(step: Step, message: Message, room: int, style: str = "") -> Content:
    """The path and what it does not say: how it ended, probes and loops that are folded, the JSON-RPC method.

    Where there is no room for both, the JSON-RPC method stands for the path, which is the same for all of them.
    """
    path = visible(path_of(message)).plain
    notes = _forms(visible(step.note).plain)
    named = not step.title.startswith(("GET ", "POST ", "DELETE "))
    title = visible(step.title).plain if named and (step.kind is Kind.MCP or room >= _ROOM_FOR_TITLES) else ""
    if step.kind is Kind.MCP and title and cell_len("  ".join((path, title, *notes[:1]))) > room:
        path, title = title, ""
    remark = ""
    for forms, needed in ((_ending(step, message), True), (notes, True), ((title,), False), (_origin(message), False)):
        remark += _fitting(forms, cell_len(path), room - cell_len(remark), needed=needed)
    shown = _cut_path(path, room - cell_len(remark))
    return Content.assemble((shown, style), (remark, MUTED)).pad_right(room - cell_len(shown) - cell_len(remark))


def _fitting(forms: tuple[str, ...], path: int, room: int, *, needed: bool) -> str:
    """The longest form that leaves the path legible, or of what is needed the shortest that leaves any of it."""
    for form in forms:
        if form and cell_len(form) + 2 <= room - min(path, _LEGIBLE_PATH):
            return f"  {form}"
    fits = needed and forms and cell_len(forms[-1]) + 2 <= room - min(path, _SHORTEST_PATH)
    return f"  {forms[-1]}" if fits else ""


def between(row: PhaseRow | PauseRow | Incident, room: int) -> Content:
    """What stands between steps."""
    match row:
        case PhaseRow(phase, seen):
            name = f"{phase} {PHASES[phase]}"
            if seen:
                return Content.assemble((name, HEADING), (" " + SHAFT * max(0, room - len(name) - 2), MUTED))
            return Content.styled(f"{name} {NEUTRAL} not seen", MUTED)
        case PauseRow(length, sign_in):
            words = "user logged in for" if sign_in else "nothing sent for"
            return Content.styled(f"{words} {seconds(length)}", f"{MUTED} italic")
        case Incident():
            return Content.assemble((f"{CROSS} ", ERROR), visible(row.text))


def status_style(step: Step, message: Message) -> str:
    """A refusal without a token is how every sign-in begins; a later one is worth a look."""
    if message.status is None or 300 <= message.status < 400 or (message.status >= 400 and step.phase == 1):
        return MUTED
    return GOOD if message.status < 300 else WARNING


def _cut_path(path: str, width: int) -> str:
    """Shorten a path; what all metadata has in front tells nothing and goes first."""
    if cell_len(path) > width:
        path = path.replace(_WELL_KNOWN, "…/", 1)
    return cut_middle(path, width)


def _ending(step: Step, message: Message) -> tuple[str, ...]:
    """What came instead of an answer, in more and in fewer words."""
    if step.status is Status.FAILED:
        return "connection broke", "broken"
    if step.status is Status.PENDING:
        return "no answer yet", "waiting"
    return ("answer not captured",) if message.exchange.state is State.RECORDED else ()


def _origin(message: Message) -> tuple[str, ...]:
    """What the inspector had to do with an exchange."""
    if message.exchange.source is Source.REPLAY:
        return ("replay",)
    return ("rewritten",) if message.exchange.translations else ()


def _forms(note: str) -> tuple[str, ...]:
    """A note on folded exchanges as it is, its count in words, and the bare count."""
    what, _, more = note.partition(", ")
    count = more if what == "loop" else what
    return (note, count, f"{count.partition(' ')[0]}x") if note else ()
