"""The last line: the keys that are needed most, as many as fit."""

from collections.abc import Callable, Mapping

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from inspector.tui.action import Action
from inspector.tui.actions import in_footer
from inspector.tui.looks import MUTED, STRONG


class KeyBar(Widget):
    """Keys with their names; a click does what the key does.

    Where the line is too short, those at the end are left out whole, except the very last: the way out.
    """

    _GAP = 2

    class Chosen(Message):
        """The reader clicked on an entry."""

        def __init__(self, action: Action) -> None:
            super().__init__()
            self.action = action

    def __init__(self, keys: Mapping[str, str], reason_against: Callable[[Action], str], *, id: str) -> None:
        """`keys` are those the reader gave to actions, by id; what there is a reason against is dimmed."""
        super().__init__(id=id)
        self._keys = keys
        self._reason_against = reason_against

    def render(self) -> Content:
        """The entries."""
        parts = []
        for action in self._shown():
            name = Content.assemble((self._key(action), STRONG), " ", (action.title, MUTED))
            parts.append((name.stylize("dim") if self._reason_against(action) else name) + " " * self._GAP)
        return Content(" ") + Content("").join(parts)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Say what the entry under the mouse does."""
        action = self._at(event)
        self.tooltip = action.tooltip if action else None

    def on_click(self, event: events.Click) -> None:
        """Do what was clicked on."""
        if action := self._at(event):
            self.post_message(self.Chosen(action))

    def _at(self, event: events.MouseEvent) -> Action | None:
        offset = event.get_content_offset(self)
        end = 1
        for action in self._shown():
            start, end = end, end + self._width(action)
            if offset and start <= offset.x < end - self._GAP:
                return action
        return None

    def _shown(self) -> list[Action]:
        shown = list(in_footer())
        while len(shown) > 1 and sum(map(self._width, shown)) > self.size.width:
            del shown[-2]
        return shown

    def _key(self, action: Action) -> str:
        return action.names(self._keys)[0]

    def _width(self, action: Action) -> int:
        return cell_len(self._key(action)) + 1 + cell_len(action.title) + self._GAP
