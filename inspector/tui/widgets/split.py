"""Two parts with an edge between them that can be dragged; it costs no room, as the edge is that of the panes."""

from textual import events
from textual.containers import Container
from textual.geometry import Offset
from textual.message import Message
from textual.widget import Widget


class Split(Container):
    """Holds the parts. The first one's share of the room is set by `divide`, and asked for by dragging the edge."""

    class Dragged(Message):
        """The reader drags the edge: the first part is to have `share` percent."""

        def __init__(self, split: "Split", share: int, *, over: bool) -> None:
            super().__init__()
            self.split = split
            self.share = share
            self.over = over

        @property
        def control(self) -> "Split":
            """Where it happened."""
            return self.split

    def __init__(self, *children: Widget, id: str) -> None:
        super().__init__(*children, id=id)
        self.row = False
        self._movable = False
        self._first: Widget | None = None
        self._dragging = False

    def divide(self, first: Widget, share: int | None, *, row: bool, movable: bool = True) -> None:
        """Give the first part its share, None what the style says; the parts stand in a `row` or under each other."""
        self._first, self.row, self._movable = first, row, movable
        share = share if movable else None
        self.set_class(share is not None, "-divided")
        self._apply(first, share)

    def _apply(self, first: Widget, share: int | None) -> None:
        size = None if share is None else f"{share}%"
        first.styles.width = size if self.row else None
        first.styles.height = None if self.row else size

    def _at_edge(self, at: Offset) -> bool:
        """Whether a place on the screen is one of the two cells that touch at the edge."""
        if self._first is None or not self._movable or not self.region.contains_point(at):
            return False
        region = self._first.region
        position, edge = (at.x, region.right) if self.row else (at.y, region.bottom)
        inside = position - edge in (-1, 0)
        end = self.region.right if self.row else self.region.bottom
        return inside and edge < end

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold of the edge."""
        if event.button == 1 and self._at_edge(event.screen_offset):
            event.stop()
            self.screen.clear_selection()
            self._dragging = True
            self.add_class("-held")
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Move the edge, or show that it can be moved."""
        if self._dragging:
            event.stop()
            self._report(event.screen_offset, over=False)
        else:
            self.set_class(self._at_edge(event.screen_offset), "-held")

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Let go."""
        if self._dragging:
            event.stop()
            self._dragging = False
            self.remove_class("-held")
            self.release_mouse()
            self._report(event.screen_offset, over=True)

    def on_leave(self) -> None:
        """The mouse is elsewhere."""
        if not self._dragging:
            self.remove_class("-held")

    def _report(self, at: Offset, *, over: bool) -> None:
        region = self.region
        position, size = (at.x - region.x, region.width) if self.row else (at.y - region.y, region.height)
        if size:
            self.post_message(self.Dragged(self, round((position + 1) * 100 / size), over=over))


class GridSplit(Split):
    """The same for a grid: the share is that of its first row."""

    def _apply(self, first: Widget, share: int | None) -> None:
        if share is None:
            self.styles.clear_rule("grid_rows")
        else:
            self.styles.grid_rows = f"{share}fr {100 - share}fr"
