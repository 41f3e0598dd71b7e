"""The timeline: the steps of a run as a sequence diagram, or as a plain list under the headings of its phases."""

from collections.abc import Sequence
from itertools import groupby

from rich.cells import cell_len
from textual.content import Content

from inspector.rules.model import Severity
from inspector.session.model import Incident, Source
from inspector.timeline.message import Kind, Message
from inspector.timeline.steps import Status, Step
from inspector.tui.display import cut_end, cut_middle, visible
from inspector.tui.looks import (
    CROSS,
    ERROR,
    GOOD,
    MUTED,
    NEUTRAL,
    PENDING,
    REPLAYED,
    REWRITTEN,
    SEVERITY_GLYPH,
    SEVERITY_STYLE,
    STRONG,
    TICK,
    UNSEEN,
    WARNING,
)
from inspector.tui.panes.changes import author, changes_of
from inspector.tui.view import RunView, duration_of, path_of, seconds
from inspector.tui.widgets.row_list import RowList
from inspector.tui.widgets.sequence import DURATION, METHOD, STATUS, Arrow, Plan, draw_head, draw_lanes, plan
from inspector.tui.widgets.sequence_lanes import Lanes
from inspector.tui.widgets.sequence_rows import PauseRow, TimelineRows
from inspector.tui.widgets.sequence_words import between, request_text, status_style

_SHORTEST_PATH = 10
_NARROWEST_WITH_TIMES = 52


class TimelineList(RowList):
    """Steps in the order of time; a phase that was never seen is shown as such."""

    BORDER_TITLE = "Timeline"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._rows = TimelineRows()
        self._view: RunView | None = None
        self._number_width = 1
        self._lanes = Lanes()
        self._plan: Plan | None = None
        self._planned_for: tuple[object, ...] = ()
        self._as_diagram = True

    @property
    def row_count(self) -> int:
        """Steps, headings, pauses and incidents."""
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

    @property
    def incident(self) -> Incident | None:
        """The incident at the cursor."""
        row = self._rows[self.cursor] if self.cursor < len(self._rows) else None
        return row if isinstance(row, Incident) else None

    @property
    def as_diagram(self) -> bool:
        """Whether the steps are drawn between lanes, where there is room for lanes, or as a plain list."""
        return self._as_diagram

    @as_diagram.setter
    def as_diagram(self, as_diagram: bool) -> None:
        self._as_diagram = as_diagram
        self.rows_changed()

    def show(self, view: RunView, *, live: bool, incidents: Sequence[Incident] = ()) -> None:
        """Show a run and what stopped traffic meanwhile, the cursor on the step it was on.

        While `live` it stays on the last step if it is there and in sight: a reader who moved away is left alone.
        """
        same_run = self._view is not None and self._view.judged.run.id == view.judged.run.id
        before = self.step if same_run else None
        last = self._rows.steps[-1] if self._rows.steps else None
        at_tail = before is None or (before is last and self.cursor_in_sight)
        steps, everything = view.shown_steps, len(view.judged.run.steps)
        self._view = view
        few = f" · {len(steps)} of {everything}" if view.wanted else ""
        self.border_title = Content.assemble(f"Timeline{few}", visible(f" · {view.wanted.text}" if view.wanted else ""))
        self._lanes = Lanes.of(view.judged.run)
        self._rows = TimelineRows(steps, incidents, self._end_of, whole=view.wanted is None)
        self._number_width = len(str(everything))
        if live and at_tail:
            step = steps[-1] if steps else None
        else:
            step = self._rows.same_step(before) if before else next(iter(steps), None)
        cursor = self._rows.index_of(step) if step else 0
        self.rows_changed(cursor=cursor, reveal=not same_run or (live and at_tail))

    def go_to(self, step_id: int) -> None:
        """Put the cursor on a step."""
        if step := self._rows.find(step_id):
            self.place_cursor(self._rows.index_of(step), center=True)

    def selectable(self, index: int) -> bool:
        """Steps and incidents are."""
        return isinstance(self._rows[index], Step | Incident)

    def found(self, index: int, wanted: str) -> bool:
        """Whether a row has the text that is searched for; without drawing it, as there may be very many."""
        row = self._rows[index]
        if not isinstance(row, Step) or self._view is None:
            return super().found(index, wanted)
        message = self._view.message_of_step(row)
        request = (message.exchange.method, path_of(message), str(message.status or "")) if message else ()
        return wanted in " ".join((row.title, row.note, *request)).casefold()

    def copied(self) -> str:
        """The request line of the step, its secrets hidden, and its status."""
        if self.incident:
            return visible(self.incident.text).plain
        message = self._view.message_of_step(self.step) if self._view and self.step else None
        return self._request_line(message).plain if message else super().copied()

    def tip(self, index: int) -> Content | None:
        """The whole URL, which a row has no room for, and what its marks stand for."""
        row = self._rows[index]
        if isinstance(row, Incident):
            return visible(row.text)
        if not isinstance(row, Step) or self._view is None:
            return None
        message = self._view.message_of_step(row)
        lines = [Content.assemble((f"{row.id}  ", MUTED), visible(row.title, STRONG), visible(f"  {row.note}", MUTED))]
        if message:
            lines.append(self._request_line(message))
            for by, group in groupby(changes_of(message.exchange), author):
                changed = ", ".join(f"{each.part} {each.name}".strip() for each in group)
                lines.append(visible(f"{REWRITTEN} rewritten on the way: {by}: {changed}", MUTED))
            if message.exchange.source is Source.REPLAY:
                lines.append(Content.styled(f"{REPLAYED} sent by the inspector as a replay", MUTED))
        for finding in self._view.step_findings.get(row.id, ()):
            glyph, style = SEVERITY_GLYPH[finding.severity], SEVERITY_STYLE[finding.severity]
            lines.append(Content.assemble((f"{glyph} ", style), visible(finding.rule)))
        return Content("\n").join(lines)

    def _request_line(self, message: Message) -> Content:
        assert self._view is not None
        url = self._view.veil().text(message.exchange.url)
        status = f" {message.status}" if message.status is not None else ""
        return Content.assemble(visible(message.exchange.method), " ", url, status)

    def _end_of(self, exchange: int) -> float:
        assert self._view is not None
        message = self._view.messages.get(exchange)
        return message.exchange.response_end if message else 0.0

    # Rows.

    @property
    def has_head(self) -> bool:
        """Whether lanes are drawn."""
        return self.row_count > 0 and self._plan_for(self._row_width) is not None

    def head(self, width: int) -> Content:
        """The names of the lanes."""
        planned = self._plan_for(width)
        return draw_head(planned) if planned else Content("")

    def row(self, index: int, width: int) -> Content:
        """A step with method, path, status and duration, or what stands between steps."""
        row, planned = self._rows[index], self._plan_for(width)
        if isinstance(row, Step):
            if planned is None:
                return self._listed(row, width)
            return self._drawn(row, planned, here=index == self.cursor)
        here = index == self.cursor and isinstance(row, Incident)
        rail = Content("")
        if planned:
            start = Content(" " * planned.lanes[0])
            if isinstance(row, Incident) and planned.has_time:
                start = self._number_and_time("", row.at, planned)
            rail = start + draw_lanes(planned, paused=isinstance(row, PauseRow), here=here)
        return rail + cut_end(between(row, width - rail.cell_length), width - rail.cell_length)

    def _plan_for(self, width: int) -> Plan | None:
        wanted = (self._as_diagram, self._lanes, self._number_width, width)
        if wanted != self._planned_for:
            self._plan = plan(self._lanes, self._number_width, width) if self._as_diagram else None
            self._planned_for = wanted
        return self._plan

    def _drawn(self, step: Step, planned: Plan, *, here: bool) -> Content:
        assert self._view is not None
        message = self._view.message_of_step(step)
        strong = STRONG if here else ""
        start = self._number_and_time(str(step.id), None if message is None else step.at, planned)
        rail = start + draw_lanes(planned, self._arrow(step, message), here=here)
        if message is None:
            remark = visible(f"  {step.note}", MUTED)
            text = Content.assemble(visible(step.title, strong), remark)
            return rail + cut_end(text, planned.width - planned.text)
        method = cut_middle(visible(message.exchange.method).plain, METHOD - 1)
        worst = self._view.worst_of(step)
        request = request_text(step, message, planned.path, f"{ERROR if worst is Severity.ERROR else ''} {strong}")
        status = str(message.status) if message.status is not None else ""
        duration = f"{duration_of(message):>{DURATION}}" if planned.has_duration else ""
        return Content.assemble(
            rail,
            (method + " " * (METHOD - cell_len(method)), strong or MUTED),
            request,
            (f"{status:>{STATUS}}", f"{status_style(step, message)} {strong}".strip()),
            (duration, MUTED),
        )

    def _number_and_time(self, number: str, at: float | None, planned: Plan) -> Content:
        text = f"{number:>{self._number_width}}"
        if planned.has_time and at is not None and self._rows.steps:
            text += f" {seconds(at - self._rows.steps[0].at):>6}"
        return Content.styled(f"{text:<{planned.lanes[0]}}", MUTED)

    def _arrow(self, step: Step, message: Message | None) -> Arrow:
        assert self._view is not None
        tail, head = self._lanes.ends(step, message)
        found = self._view.step_findings.get(step.id, ())
        mark = f"{SEVERITY_GLYPH[found[0].severity]}{len(found)}" if found else ""
        style = SEVERITY_STYLE[found[0].severity] if found else ""
        if not style and step.status in (Status.PENDING, Status.NOT_CAPTURED):
            style = MUTED
        flag = ""
        if message:
            flag = REPLAYED if message.exchange.source is Source.REPLAY else ""
            flag = flag or (REWRITTEN if message.exchange.translations else "")
        broken, waiting = step.status is Status.FAILED, step.status is Status.PENDING
        return Arrow(
            *(tail, head, ERROR if broken else style, mark, flag),
            unseen=step.status is Status.NOT_CAPTURED,
            broken=broken,
            waiting=waiting,
        )

    def _listed(self, step: Step, width: int) -> Content:
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
        head = cut_middle(f"{visible(message.exchange.method).plain:<4} ", 9)
        room = max(_SHORTEST_PATH, width - len(number) - 2 - cell_len(head) - len(tail) - 4)
        return Content.assemble(
            (number, MUTED),
            (f"{glyph} ", style),
            (head, MUTED if step.kind is Kind.INTERACTION else ""),
            request_text(step, message, room),
            (tail, ERROR if step.status is Status.FAILED else MUTED),
            (f"{problems:>3} " if problems else "    ", style),
        )

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
