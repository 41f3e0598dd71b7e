"""A list of rows drawn line by line: what a key press or a new row costs does not depend on how long the list is."""

from typing import ClassVar

from rich.console import RenderableType
from rich.segment import Segment
from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.style import Style

from inspector.tui.keys import LIST_KEYS
from inspector.tui.looks import CURSOR

_NEIGHBOURS = 2
_RIGHT_BUTTON = 3
_MOST_STRIPS = 500


class RowList(ScrollView, can_focus=True, inherit_bindings=False):
    """Rows with a cursor. A subclass says how many rows there are and what each shows."""

    BINDINGS: ClassVar[list[BindingType]] = [*LIST_KEYS]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"row-list--cursor"}

    class Moved(Message):
        """The reader moved the cursor."""

        def __init__(self, rows: "RowList") -> None:
            super().__init__()
            self.rows = rows

        @property
        def control(self) -> "RowList":
            """The list it happened in."""
            return self.rows

    class Opened(Moved):
        """The reader pressed Enter at the cursor or double-clicked on it (`by_key`), or clicked on a row once."""

        def __init__(self, rows: "RowList", *, by_key: bool) -> None:
            super().__init__(rows)
            self.by_key = by_key

    class MenuRequested(Moved):
        """The reader pressed the right mouse button on a row, `at` a place of the screen; the cursor is there now."""

        def __init__(self, rows: "RowList", at: Offset) -> None:
            super().__init__(rows)
            self.at = at

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.cursor = 0
        self._hovered: int | None = None
        self._strips: dict[tuple[int, int], Strip] = {}

    # What a subclass says.

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        raise NotImplementedError

    def row(self, index: int, width: int) -> Content:
        """What a row shows, in `width` cells."""
        raise NotImplementedError

    def selectable(self, index: int) -> bool:
        """Whether the cursor may stand on a row."""
        return True

    @property
    def shows_cursor(self) -> bool:
        """Whether the cursor is drawn."""
        return True

    @property
    def has_head(self) -> bool:
        """Whether a line stays above the rows."""
        return False

    def head(self, width: int) -> Content:
        """That line, in `width` cells."""
        return Content("")

    def tip(self, index: int) -> Content | None:
        """What is shown beside the mouse while it rests on a row."""
        return None

    def copied(self) -> str:
        """What copying takes from the row at the cursor: what it shows, secrets hidden."""
        return self.row(self.cursor, 4096).plain.strip() if self.row_count else ""

    def found(self, index: int, wanted: str) -> bool:
        """Whether a row has the text that is searched for, given in small letters."""
        return wanted in self.row(index, 4096).plain.casefold()

    def find(self, text: str, by: int) -> bool:
        """Go to the next row with this text, or with `by` -1 to the one before, around the end; False without any."""
        wanted, count = text.casefold(), self.row_count
        for distance in range(1, count + 1):
            index = (self.cursor + by * distance) % count
            if self.selectable(index) and self.found(index, wanted):
                self._go(index)
                return True
        return False

    def cursor_changed(self) -> None:
        """Called whenever the cursor is elsewhere, or is drawn otherwise."""

    # The list itself.

    def rows_changed(self, *, cursor: int | None = None, reveal: bool = True) -> None:
        """Take in new rows, with the cursor where it was or at `cursor`; `reveal` scrolls it into sight."""
        self._strips.clear()
        self.virtual_size = Size(self._row_width, self.row_count + self._head_height)
        wanted = self.cursor if cursor is None else cursor
        self.cursor = self._nearest(wanted, -1)
        self.cursor_changed()
        self.refresh()
        if reveal:
            self.call_after_refresh(self.show_cursor)

    def show_cursor(self, *, center: bool = False) -> None:
        """Scroll just so far that the cursor and its neighbours are in sight, or with `center` to the middle."""
        height = self.size.height - self._head_height
        if height > 0 and self.row_count:
            around = min(_NEIGHBOURS, (height - 1) // 3)
            region = Region(0, self.cursor - around, 1, 2 * around + 1 + self._head_height)
            region = region.intersection(Region(0, 0, 1, self.row_count + self._head_height))
            center = center and not self.cursor_in_sight
            self.scroll_to_region(region, animate=False, force=True, center=center, x_axis=False)

    @property
    def cursor_in_sight(self) -> bool:
        """Whether the cursor's row is on the screen."""
        return 0 <= self.cursor - self.scroll_offset.y < max(1, self.size.height - self._head_height)

    def place_cursor(self, index: int, *, center: bool = False) -> None:
        """Put the cursor on a row, as the program does: no message is sent."""
        before, self.cursor = self.cursor, index
        self.cursor_changed()
        for changed in (before, index):
            self.refresh_line(changed + self._head_height)
        self.show_cursor(center=center)

    @property
    def _head_height(self) -> int:
        return 1 if self.has_head else 0

    def render_line(self, y: int) -> Strip:
        """Draw one row of the screen."""
        base = self.visual_style
        width = self.scrollable_content_region.width
        if y < self._head_height:
            return _strip(Content(" ") + self.head(self._row_width), width, base)
        index = y + self.scroll_offset.y - self._head_height
        if index >= self.row_count:
            return Strip.blank(width, base.rich_style)
        here = index == self.cursor and self.shows_cursor
        selection = self.text_selection
        if here or selection:
            style = self.get_visual_style("row-list--cursor") if here and self.has_focus else base
            content = self._line(index)
            if selection and (span := selection.get_span(index)):
                start, end = span
                selected = self.screen.get_visual_style("screen--selection")
                content = content.stylize(selected, start, None if end == -1 else end)
            return _strip(content, width, style, row=index)
        # Scrolling by one row draws every row again.
        if (strip := self._strips.get((index, width))) is None:
            if len(self._strips) > _MOST_STRIPS:
                self._strips.clear()
            strip = self._strips[index, width] = _strip(self._line(index), width, base, row=index)
        return strip

    def notify_style_update(self) -> None:
        """Draw every row anew, as colours may be others now."""
        super().notify_style_update()
        self._strips.clear()

    def _line(self, index: int) -> Content:
        """A row as it stands on the screen, the cursor's column before it."""
        here = index == self.cursor and self.shows_cursor
        return Content(CURSOR if here else " ") + self.row(index, self._row_width)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The text that was dragged over, row by row."""
        if not self.row_count:
            return None
        first = selection.start.y if selection.start else 0
        last = min(self.row_count - 1, selection.end.y if selection.end else self.row_count - 1)
        lines = []
        for index in range(first, last + 1):
            start, end = selection.get_span(index) or (0, 0)
            lines.append(self._line(index).plain[start : None if end == -1 else end].rstrip())
        return "\n".join(lines), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Draw what is selected."""
        self.refresh()

    def render(self) -> RenderableType:
        """Nothing: every line is drawn by `render_line`."""
        return ""

    @property
    def _row_width(self) -> int:
        """What a row may fill: a column is kept for the cursor, and one for the scrollbar whether it shows or not."""
        return max(1, self.content_region.width - 2)

    def on_resize(self) -> None:
        """Rows may be of another width now."""
        self.rows_changed()

    def on_focus(self) -> None:
        """The cursor is drawn stronger."""
        self.call_later(self.cursor_changed)
        self.refresh()

    def on_blur(self) -> None:
        """The cursor is drawn weaker."""
        self.call_later(self.cursor_changed)
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Move to the row clicked on and open it, or ask for its menu; a drag that selected text does neither."""
        index = self._row_at(event)
        if index is None or not self.selectable(index) or self.text_selection:
            return
        self._go(index)
        if event.button == _RIGHT_BUTTON:
            self.post_message(self.MenuRequested(self, event.screen_offset))
        else:
            self.post_message(self.Opened(self, by_key=event.chain > 1))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Have the tip of the row under the mouse at hand."""
        index = self._row_at(event)
        if index != self._hovered:
            self._hovered = index
            self.tooltip = None if index is None else self.tip(index)

    def _row_at(self, event: events.MouseEvent) -> int | None:
        offset = event.get_content_offset(self)
        if offset is None or offset.y < self._head_height:
            return None
        index = offset.y - self._head_height + self.scroll_offset.y
        return index if index < self.row_count else None

    def action_move(self, by: int) -> None:
        """Move by rows, over those the cursor may not stand on."""
        self._go(self._nearest(self.cursor + by, by))

    def action_page(self, by: int) -> None:
        """Move by pages."""
        self._go(self._nearest(self.cursor + by * max(1, self.size.height - self._head_height - 1), by))

    def action_edge(self, index: int) -> None:
        """Move to the first or the last row."""
        self._go(self._nearest(index % max(1, self.row_count), 1 if index == 0 else -1))
        if index == 0:
            self.scroll_to(y=0, animate=False)

    def action_open(self) -> None:
        """Open the row at the cursor."""
        if self.row_count:
            self.post_message(self.Opened(self, by_key=True))

    def _go(self, index: int) -> None:
        moved = index != self.cursor
        self.place_cursor(index)
        if moved:
            self.post_message(self.Moved(self))

    def _nearest(self, index: int, direction: int) -> int:
        """The closest row the cursor may stand on, first looked for in `direction`."""
        last = self.row_count - 1
        index = max(0, min(index, last))
        step = 1 if direction > 0 else -1
        for way in (step, -step):
            candidate = index
            while 0 <= candidate <= last:
                if self.selectable(candidate):
                    return candidate
                candidate += way
        return 0


def _strip(content: Content, width: int, style: Style, row: int | None = None) -> Strip:
    """One line of content; with `row`, its segments know their place, which is what selecting text goes by.

    Textual's own way from content to strips can wrap, justify and link, and costs three times as much.
    """
    segments, x = [], 0
    for text, own in content.truncate(width, ellipsis=True).render(style, end=""):
        whole = style + own
        segments.append(Segment(text, whole.rich_style if row is None else whole.rich_style_with_offset(x, row)))
        x += len(text)
    return Strip(segments).adjust_cell_length(width, style.rich_style)
