"""Draws a run as a sequence diagram: where its columns stand in a given width, and the cells of each row."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, pairwise

from textual.content import Content

from inspector.tui.looks import (
    CROSS,
    CROSSING,
    CROSSING_HERE,
    HEAD_LEFT,
    HEAD_RIGHT,
    LANE,
    LANE_PAUSED,
    MUTED,
    PENDING,
    SHAFT,
    SHAFT_HERE,
    SHAFT_UNSEEN,
    STRONG,
    TAIL_LEFT,
    TAIL_LEFT_HERE,
    TAIL_RIGHT,
    TAIL_RIGHT_HERE,
)
from inspector.tui.widgets.sequence_lanes import Lanes

METHOD = 5
STATUS = 4
DURATION = 7
_TIME = 7
_WISHED_PATH, _SHORT_PATH, _SHORTEST_PATH = 26, 17, 8
_NARROWEST, _WIDEST = 5, 16


@dataclass(frozen=True, slots=True)
class Plan:
    """Where things stand in a row of `width` cells: the lanes, and right of them from `text` on the request."""

    width: int
    number: int
    names: tuple[str, ...]
    lanes: tuple[int, ...]
    text: int
    has_time: bool
    has_duration: bool

    @property
    def path(self) -> int:
        """The room for the path."""
        return self.width - self.text - METHOD - STATUS - (DURATION if self.has_duration else 0)


def plan(lanes: Lanes, number: int, width: int) -> Plan | None:
    """Lay the columns out; `number` cells are for the number of the step. None where there is no room for a diagram.

    What tells least goes first: the distance between lanes, their long names, the duration, the time.
    """
    found = None
    for has_time, has_duration in ((True, True), (True, False), (False, False)):
        for names in (lanes.names, lanes.short_names, lanes.shortest_names):
            found = _plan(names, number, width, has_time=has_time, has_duration=has_duration)
            if found.path >= (_WISHED_PATH if names is lanes.names else _SHORT_PATH):
                return found
    return found if found and found.path >= _SHORTEST_PATH else None


def _plan(names: tuple[str, ...], number: int, width: int, *, has_time: bool, has_duration: bool) -> Plan:
    start = number + 1 + (_TIME if has_time else 0)
    right = METHOD + STATUS + (DURATION if has_duration else 0)
    wished = min(_WIDEST, (width - start - 2 - right - _WISHED_PATH) // (len(names) - 1))
    distances = (max(wished, _distance(one, other)) for one, other in pairwise(names))
    places = tuple(accumulate(distances, initial=max(start, len(names[0]) // 2)))
    return Plan(width, number, names, places, places[-1] + 2, has_time, has_duration)


def _distance(name: str, following: str) -> int:
    """How far apart two lanes must be so that a cell is free between their names."""
    return max(_NARROWEST, len(name) - len(name) // 2 + len(following) // 2 + 1)


@dataclass(frozen=True, slots=True)
class Arrow:
    """A request on its way: from lane to lane, by numbers.

    `mark` is drawn before the head, `flag` behind the tail; `unseen` is dotted, `broken` and `waiting` never arrive.
    """

    tail: int
    head: int
    style: str = ""
    mark: str = ""
    flag: str = ""
    unseen: bool = False
    broken: bool = False
    waiting: bool = False


def draw_lanes(plan: Plan, arrow: Arrow | None = None, *, here: bool = False, paused: bool = False) -> Content:
    """The cells from the first lane to the text: the lanes, and over them an arrow; heavy where the cursor is."""
    first = plan.lanes[0]
    cells = [(" ", MUTED)] * (plan.text - first)
    for lane in plan.lanes:
        cells[lane - first] = (LANE_PAUSED if paused else LANE, MUTED)
    if arrow is not None:
        _draw_arrow(cells, [lane - first for lane in plan.lanes], arrow, here=here)
    return Content.assemble(
        *(("".join(cell for cell, _ in run), style) for style, run in groupby(cells, key=lambda cell: cell[1]))
    )


def _draw_arrow(cells: list[tuple[str, str]], lanes: Sequence[int], arrow: Arrow, *, here: bool) -> None:
    tail, head = lanes[arrow.tail], lanes[arrow.head]
    step = 1 if head > tail else -1
    style = f"{arrow.style} {STRONG}".strip() if here or arrow.mark else arrow.style
    shaft = SHAFT_UNSEEN if arrow.unseen else SHAFT_HERE if here else SHAFT
    crossing = LANE if arrow.unseen else CROSSING_HERE if here else CROSSING
    for place in range(tail + step, head, step):
        cells[place] = (crossing if place in lanes else shaft, style)
    if step > 0:
        cells[tail] = (TAIL_RIGHT_HERE if here else TAIL_RIGHT, style)
    else:
        cells[tail] = (TAIL_LEFT_HERE if here else TAIL_LEFT, style)
    end = CROSS if arrow.broken else PENDING if arrow.waiting else HEAD_RIGHT if step > 0 else HEAD_LEFT
    cells[head - step] = (end, style)
    mark = arrow.mark[: _NARROWEST - 2]
    beside = 2 if abs(head - tail) > len(mark) + 3 else 1
    start = head - step - beside - len(mark) + 1 if step > 0 else head - step + beside
    for number, glyph in enumerate(mark):
        cells[start + number] = (glyph, style)
    if arrow.flag and abs(head - tail) > len(mark) + 3:
        cells[tail + step] = (arrow.flag, style)


def draw_head(plan: Plan) -> Content:
    """The names of the lanes over the lanes, and those of the columns over the columns."""
    cells = [" "] * plan.width
    for name, lane in zip(plan.names, plan.lanes, strict=True):
        start = max(0, lane - len(name) // 2)
        cells[start : start + len(name)] = name
    names = "".join(cells).rstrip()
    status = plan.width - (DURATION if plan.has_duration else 0)
    right = "status" + (f"{'took':>{DURATION}}" if plan.has_duration else "")
    middle = f"{'':<{max(1, plan.text - len(names))}}request"
    room = status - len("status") - len(names) - len(middle)
    columns = f"{middle}{'':<{room}}{right}" if room > 0 else ""
    return Content.assemble((names, STRONG), (columns, MUTED))
