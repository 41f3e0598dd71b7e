"""The guided tour through a run, one stop at a time; it goes on by itself to what a live run does next."""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from inspector.tui.display import visible
from inspector.tui.panes.walk import walk_lines
from inspector.tui.screens.dialog import CLOSE, Choice, Dialog
from inspector.tui.view import RunView
from inspector.tui.widgets.document import DocumentPane
from inspector.verdict.walk import Stop, walk

_LOOKS_AGAIN_SECONDS = 0.5
"""How often a live run is looked at for what is new."""


class WalkScreen(Dialog[int]):
    """Shows the stops of a run; gives the step it was left at."""

    TALL = True
    choices = (
        Choice("Back", "back", "To the stop before"),
        Choice("Next", "next", "To the next stop", primary=True),
        Choice("Next problem", "problem", "To the next stop where something is wrong"),
        CLOSE,
    )
    keys = "left right walk  p problem  esc close"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,space,n", "next", "Next", tooltip="To the next stop", id="walk.next"),
        Binding("left,backspace,b", "back", "Back", tooltip="To the stop before", id="walk.back"),
        Binding("p", "problem", "Problem", tooltip="To the next stop where something is wrong", id="walk.problem"),
        Binding("q,w", "close", "Close", tooltip="Back to the run", id="walk.close"),
    ]

    def __init__(self, current: Callable[[], RunView | None], step: int | None) -> None:
        """`current` gives the run as it is now; the tour begins at `step`, or at the start."""
        super().__init__()
        self._current = current
        self._view: RunView | None = None
        self._stops: tuple[Stop, ...] = ()
        self._step = step or 1
        self.heading = "Walk"

    def body(self) -> ComposeResult:
        """One pane of text."""
        yield DocumentPane(id="stop")

    def on_mount(self) -> None:
        """Show the first stop, and look for news."""
        self._look()
        self.set_interval(_LOOKS_AGAIN_SECONDS, self._look)
        self.query_one(DocumentPane).focus()

    def _look(self) -> None:
        view = self._current()
        if view is not None and view is not self._view:
            self._view, self._stops = view, walk(view.judged)
            self._show(stay=True)

    @property
    def _number(self) -> int:
        """The stop shown, from 1: the one of the step, which keeps its number while a run grows at its end."""
        return max(1, min(self._step, len(self._stops)))

    def _show(self, *, stay: bool = False) -> None:
        if self._view is None or not self._stops:
            return
        stop = self._stops[self._number - 1]
        lines = walk_lines(self._view, stop, self._number, len(self._stops), self._view.veil())
        self.query_one(DocumentPane).show(lines, stay=stay)
        client = visible(self._view.judged.run.client.label)
        self.query_one("#dialog").border_title = Content.assemble("Walk · ", client)
        self.allow("back", self._number > 1)
        self.allow("next", self._number < len(self._stops))
        self.allow("problem", any(stop.findings for stop in self._stops))

    def _go(self, number: int) -> None:
        self._step = max(1, min(number, len(self._stops)))
        self._show()

    def action_next(self) -> None:
        """To the next stop; at the end a live run may still bring one."""
        if self._number == len(self._stops):
            self.remark("This is the last stop so far.")
        self._go(self._number + 1)

    def action_back(self) -> None:
        """To the stop before."""
        self.remark("")
        self._go(self._number - 1)

    def action_problem(self) -> None:
        """To the next stop where something is wrong, around the end."""
        wrong = [number for number, stop in enumerate(self._stops, 1) if stop.findings]
        if wrong:
            self._go(next((number for number in wrong if number > self._number), wrong[0]))

    def action_close(self) -> None:
        """Back to the run, at the step of this stop."""
        self.dismiss(self._stops[self._number - 1].step.id if self._stops else None)
