"""The timeline: the steps of a run under the headings of its phases."""

from dataclasses import dataclass

from rich.cells import cell_len
from textual.content import Content

from inspector.timeline.message import Kind
from inspector.timeline.steps import PHASES, Status, Step
from inspector.tui.display import cut_end, cut_middle, visible
from inspector.tui.looks import (
    CROSS,
    ERROR,
    GOOD,
    HEADING,
    MUTED,
    NEUTRAL,
    PENDING,
    SEVERITY_GLYPH,
    SEVERITY_STYLE,
    TICK,
    UNSEEN,
    WARNING,
)
from inspector.tui.view import RunView, duration_of, path_of
from inspector.tui.widgets.row_list import RowList

_ALWAYS_SHOWN = (1, 2, 3, 4, 5)
_SHORTEST_PATH = 10
_NARROWEST_WITH_TIMES = 52


@dataclass(frozen=True, slots=True)
class PhaseRow:
    """A heading."""

    phase: int
    seen: bool


type TimelineRow = PhaseRow | Step


class TimelineList(RowList):
    """Steps in the order of time; a phase that was never seen is shown as such."""

    BORDER_TITLE = "Timeline"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._rows: list[TimelineRow] = []
        self._view: RunView | None = None
        self._number_width = 1

    @property
    def row_count(self) -> int:
        """Headings and steps."""
        return len(self._rows)

    @property
    def step(self) -> Step | None:
        """The step at the cursor."""
        row = self._rows[self.cursor] if self.cursor < len(self._rows) else None
        return row if isinstance(row, Step) else None

    @property
    def step_id(self) -> int | None:
        """The number of the step at the cursor."""
        return self.step.id if self.step else None

    def show(self, view: RunView, *, live: bool) -> None:
        """Show a run, the cursor on the step it was on.

        While `live` it stays on the last step if it is there and in sight: a reader who moved away is left alone.
        """
        same_run = self._view is not None and self._view.judged.run.id == view.judged.run.id
        before = self.step if same_run else None
        steps = view.judged.run.steps
        at_tail = before is None or (before is self._last_step and self.cursor_in_sight)
        self._view = view
        self._rows = _with_headings(steps)
        self._number_width = len(str(len(steps)))
        step = steps[-1] if live and at_tail and steps else _same_step(steps, before)
        self.rows_changed(cursor=self._rows.index(step) if step else 0, reveal=not same_run or (live and at_tail))

    @property
    def _last_step(self) -> Step | None:
        return next((row for row in reversed(self._rows) if isinstance(row, Step)), None)

    def go_to(self, step_id: int) -> None:
        """Put the cursor on a step."""
        for index, row in enumerate(self._rows):
            if isinstance(row, Step) and row.id == step_id:
                self.place_cursor(index, center=True)
                return

    def selectable(self, index: int) -> bool:
        """Headings are not."""
        return isinstance(self._rows[index], Step)

    def copied(self) -> str:
        """The request line of the step, its secrets hidden, and its status."""
        message = self._view.message_of_step(self.step) if self._view and self.step else None
        if message is None or self._view is None:
            return super().copied()
        url = self._view.veil().text(message.exchange.url).plain
        return f"{visible(message.exchange.method).plain} {url} {message.status or ''}".rstrip()

    def row(self, index: int, width: int) -> Content:
        """A heading, or a step: glyph, method, path, status, duration and the number of problems."""
        row = self._rows[index]
        if isinstance(row, PhaseRow):
            name = f"{row.phase} {PHASES[row.phase]}"
            if row.seen:
                return Content.assemble((name, HEADING), (" " + NEUTRAL * max(0, width - len(name) - 2), MUTED))
            return Content.assemble((f"{name} {NEUTRAL} not seen", MUTED))
        return self._step(row, width)

    def _step(self, step: Step, width: int) -> Content:
        assert self._view is not None
        message = self._view.message_of_step(step)
        glyph, style = self._glyph(step)
        number = f"{step.id:>{self._number_width}} "
        if message is None:
            remark = visible(f"  {step.note}", MUTED)
            return cut_end(Content.assemble((number, MUTED), (f"{glyph} ", style), visible(step.title), remark), width)
        problems = len(self._view.step_findings.get(step.id, ()))
        status = str(message.status) if message.status is not None else ""
        taken = f" {duration_of(message):>6}" if width >= _NARROWEST_WITH_TIMES else ""
        tail = f" {status:>3}{taken}"
        method = visible(message.exchange.method).plain
        head = f"{method:<4} "
        room = max(_SHORTEST_PATH, width - len(number) - 2 - cell_len(head) - len(tail) - 4)
        middle = _path_and_note(visible(path_of(message)).plain, self._remark(step), room)
        return Content.assemble(
            (number, MUTED),
            (f"{glyph} ", style),
            (cut_middle(head, 9), MUTED if step.kind is Kind.INTERACTION else ""),
            middle.pad_right(room - middle.cell_length),
            (tail, ERROR if step.status is Status.FAILED else MUTED),
            (f"{problems:>3} " if problems else "    ", style),
        )

    def _remark(self, step: Step) -> str:
        """What the path does not say: the JSON-RPC method, probes and loops that are folded."""
        rpc = step.title if step.kind is Kind.MCP and not step.title.startswith(("GET ", "POST ", "DELETE ")) else ""
        return "  ".join(visible(part).plain for part in (rpc, step.note) if part)

    def _glyph(self, step: Step) -> tuple[str, str]:
        assert self._view is not None
        if worst := self._view.worst_of(step):
            return SEVERITY_GLYPH[worst], SEVERITY_STYLE[worst]
        match step.status:
            case Status.PENDING:
                return PENDING, MUTED
            case Status.NOT_CAPTURED:
                return UNSEEN, MUTED
            case Status.FAILED:
                return CROSS, ERROR
            case Status.REFUSED if step.phase > 1:
                return NEUTRAL, WARNING
            case _:
                return TICK, GOOD


def _path_and_note(path: str, remark: str, width: int) -> Content:
    """The path, and beside it the remark in as much room as the path's shortest form leaves."""
    if not remark:
        return Content(cut_middle(path, width))
    shown_remark = cut_end(Content.styled(remark, MUTED), max(1, width - min(cell_len(path), _SHORTEST_PATH) - 2))
    return Content.assemble(cut_middle(path, width - shown_remark.cell_length - 2), "  ", shown_remark)


def _with_headings(steps: tuple[Step, ...]) -> list[TimelineRow]:
    """Put a heading wherever the phase changes; those never seen stand where they would have been."""
    seen = {step.phase for step in steps}
    missing = [phase for phase in _ALWAYS_SHOWN if phase not in seen]
    rows: list[TimelineRow] = []
    current = 0
    for step in steps:
        if step.phase != current:
            current = step.phase
            while missing and missing[0] < current:
                rows.append(PhaseRow(missing.pop(0), seen=False))
            rows.append(PhaseRow(current, seen=True))
        rows.append(step)
    return [*rows, *(PhaseRow(phase, seen=False) for phase in missing)]


def _same_step(steps: tuple[Step, ...], before: Step | None) -> Step | None:
    """Find a step again after newer exchanges came: numbers may have shifted, exchanges stay."""
    if before is None:
        return steps[0] if steps else None
    for step in steps:
        if before.exchanges and before.exchanges[0] in step.exchanges:
            return step
    return steps[min(before.id, len(steps)) - 1] if steps else None
