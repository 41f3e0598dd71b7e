"""The one-line bars: what is being looked at, the verdict, and the tabs of the detail."""

from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from inspector.tui.display import cut_end
from inspector.tui.keys import VERDICT_KEYS
from inspector.tui.looks import MUTED


class StatusLine(Widget):
    """What is being looked at: live or not, client, server, authorization server, run, number of exchanges.

    Where the line is too short, the least important parts are left out whole.
    """

    _GAP = "   "

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._parts: list[tuple[int, Content]] = []

    def show(self, parts: list[tuple[int, Content]]) -> None:
        """Show parts in their order; the number is how important each is, 0 the most."""
        self._parts = parts
        self.refresh()

    def render(self) -> Content:
        """As many parts as fit."""
        kept = list(self._parts)
        while len(kept) > 1 and _width(kept, self._GAP) > self.size.width:
            kept.remove(max(kept, key=lambda part: part[0]))
        return cut_end(Content(self._GAP).join(part for _, part in kept), self.size.width)


class VerdictLine(Widget, can_focus=True):
    """The verdict in one line; Enter or a click shows the whole of it."""

    BINDINGS: ClassVar[list[BindingType]] = [*VERDICT_KEYS]

    class Opened(Message):
        """The reader wants the whole verdict."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._text = Content()

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

    def on_click(self) -> None:
        """Like Enter."""
        self.post_message(self.Opened())

    def action_open(self) -> None:
        """Ask for the whole verdict."""
        self.post_message(self.Opened())


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
