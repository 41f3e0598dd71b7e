"""The one-line bars: open sessions, what is being looked at, the verdict, progress, and the tabs of the detail."""

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Offset
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget

from inspector.tui.display import cut_end, cut_middle
from inspector.tui.keys import VERDICT_KEYS
from inspector.tui.looks import EMPTY, FULL, GOOD, MUTED, WARNING


class StatusLine(Widget):
    """What is being looked at: live or not, client, server, authorization server, run, number of exchanges.

    Where the line is too short, the least important parts are left out whole.
    """

    _GAP = "   "
    _SAID_SECONDS = 6.0

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._parts: list[tuple[int, Content]] = []
        self._said = ""
        self._timer: Timer | None = None

    def say(self, text: str) -> None:
        """Show a remark instead, for a while; an empty one ends that."""
        if text or self._said:
            self._said = text
            self.refresh()
        if self._timer:
            self._timer.stop()
        self._timer = self.set_timer(self._SAID_SECONDS, lambda: self.say("")) if text else None

    def show(self, parts: list[tuple[int, Content]]) -> None:
        """Show parts in their order; the number is how important each is, 0 the most."""
        self._parts = parts
        self.refresh()

    def render(self) -> Content:
        """The remark, or as many parts as fit."""
        if self._said:
            return cut_end(Content.styled(f" {self._said}", WARNING), self.size.width)
        kept = list(self._parts)
        while len(kept) > 1 and _width(kept, self._GAP) > self.size.width:
            kept.remove(max(reversed(kept), key=lambda part: part[0]))
        return cut_end(Content(self._GAP).join(part for _, part in kept), self.size.width)


class VerdictLine(Widget, can_focus=True):
    """The verdict in one line; Enter or a click shows the whole of it."""

    BINDINGS: ClassVar[list[BindingType]] = [*VERDICT_KEYS]

    class Opened(Message):
        """The reader wants the whole verdict."""

    class MenuRequested(Message):
        """The reader pressed the right mouse button, `at` a place of the screen."""

        def __init__(self, line: "VerdictLine", at: Offset) -> None:
            super().__init__()
            self.line = line
            self.at = at

        @property
        def control(self) -> "VerdictLine":
            """Where it happened."""
            return self.line

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._text = Content()
        self.tooltip = "Click for the whole verdict"

    def show(self, text: Content) -> None:
        """Show a verdict."""
        self._text = text
        self.refresh()

    def copied(self) -> str:
        """The line in full."""
        return self._text.plain.strip()

    def render(self) -> Content:
        """The verdict, cut to the line."""
        return cut_end(self._text, self.size.width)

    def on_click(self, event: events.Click) -> None:
        """Like Enter; with the right button, ask for the menu."""
        if event.button == 3:
            self.post_message(self.MenuRequested(self, event.screen_offset))
        elif not self.text_selection:
            self.post_message(self.Opened())

    def action_open(self) -> None:
        """Ask for the whole verdict."""
        self.post_message(self.Opened())


class SessionTabs(Widget):
    """The open sessions, when there are several; a click shows one."""

    _LONGEST = 28

    class Chosen(Message):
        """The reader chose a session by mouse."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._names: Sequence[str] = ()
        self._active = 0
        self.tooltip = "Click a session, or press , and ."

    def show(self, names: Sequence[str], active: int) -> None:
        """Show the names, ready for display, and mark the active one."""
        self._names, self._active = names, active
        self.display = len(names) > 1
        self.refresh()

    def render(self) -> Content:
        """The active tab and as many of its neighbours as fit."""
        first, last = self._window()
        left = Content.styled("\u2039", MUTED) if first else Content(" ")
        right = Content.styled("\u203a", MUTED) if last < len(self._names) else Content()
        tabs = (
            Content.styled(self._tab(number), "reverse" if number == self._active else MUTED)
            for number in range(first, last)
        )
        return Content("").join((left, *tabs, right))

    def on_click(self, event: events.Click) -> None:
        """Find the tab under the mouse."""
        offset = event.get_content_offset(self)
        end = 1
        for number in range(*self._window()):
            end += cell_len(self._tab(number))
            if offset and offset.x < end:
                self.post_message(self.Chosen(number))
                return

    def _tab(self, number: int) -> str:
        return f" {number + 1} {cut_middle(self._names[number], self._LONGEST)} "

    def _window(self) -> tuple[int, int]:
        """The tabs to show: from the first, or from as few before the active one as fit."""
        room = self.size.width - 2
        first = 0
        while first < self._active and sum(cell_len(self._tab(n)) for n in range(first, self._active + 1)) > room:
            first += 1
        last = first + 1
        while last < len(self._names) and sum(cell_len(self._tab(n)) for n in range(first, last + 1)) <= room:
            last += 1
        return first, min(last, len(self._names))


class ProgressLine(Widget):
    """How far the reading of a recording is."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.share: float | None = None
        self.tooltip = "Escape stops the reading; what was read stays"

    def show(self, share: float | None) -> None:
        """Show a share from 0.0 to 1.0, or nothing."""
        if share != self.share:
            self.share = share
            self.display = share is not None
            self.refresh()

    def render(self) -> Content:
        """Words, a bar, percent, and how to stop."""
        share = self.share or 0.0
        words, tail = " Reading ", f" {share:4.0%}   esc stop "
        room = max(0, self.size.width - len(words) - len(tail))
        full = round(room * share)
        return Content.assemble(words, (FULL * full, GOOD), (EMPTY * (room - full), MUTED), tail)


class TabBar(Widget):
    """The names of the detail panes; a click chooses one."""

    _GAP = "  "

    class Chosen(Message):
        """The reader chose a tab by mouse."""

        def __init__(self, pane: str) -> None:
            super().__init__()
            self.pane = pane

    def __init__(self, tabs: dict[str, str], *, id: str) -> None:
        super().__init__(id=id)
        self._tabs = tabs
        self._active = next(iter(tabs))
        self.tooltip = "Click a tab, or press its digit"

    def show(self, active: str) -> None:
        """Mark the active tab."""
        self._active = active
        self.refresh()

    def render(self) -> Content:
        """All tabs, the active one reversed."""
        return Content("").join(
            Content.styled(f" {name} ", "reverse" if pane == self._active else MUTED)
            for pane, name in self._tabs.items()
        )

    def on_click(self, event: events.Click) -> None:
        """Find the tab under the mouse."""
        offset = event.get_content_offset(self)
        end = 0
        for pane, name in self._tabs.items():
            end += cell_len(name) + 2
            if offset and offset.x < end:
                self.post_message(self.Chosen(pane))
                return


def _width(parts: list[tuple[int, Content]], gap: str) -> int:
    return sum(part.cell_length for _, part in parts) + len(gap) * (len(parts) - 1)
