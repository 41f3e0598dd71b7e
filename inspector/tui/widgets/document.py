"""A pane of lines: laid out for its width, with a cursor to follow links and copy single values."""

from collections.abc import Sequence

from textual.content import Content
from textual.dom import DOMNode
from textual.widget import Widget

from inspector.rules.model import Finding
from inspector.tui.folds import shown
from inspector.tui.lines import Line, Row, lay_out
from inspector.tui.view import Selection
from inspector.tui.widgets.row_list import RowList


class DocumentPane(RowList):
    """Lines of text and of keys with values."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._lines: Sequence[Line] = ()
        self._to_copy: Sequence[Line] = ()
        self._rows: list[Row] = []
        self._numbers: list[int] = []
        self._laid_out_for = 0
        self._sought: Finding | None = None
        self._turned: set[int] = set()
        self._edge: str | None = None

    @property
    def row_count(self) -> int:
        """Rows at the present width."""
        return len(self._rows)

    @property
    def shows_cursor(self) -> bool:
        """Only in the pane that has the focus: a text needs no selected row."""
        return self.has_focus

    @property
    def target(self) -> Selection | None:
        """Where the line at the cursor leads."""
        return self._rows[self.cursor].line.target if self.cursor < len(self._rows) else None

    def show(
        self,
        lines: Sequence[Line],
        *,
        to_copy: Sequence[Line] | None = None,
        stay: bool = False,
        at: Finding | None = None,
    ) -> None:
        """Show other lines, from their start, from where `at` is marked, or with `stay` from where the reader is.

        `to_copy` are the same lines with their secrets hidden, where `lines` reveals them.
        """
        if not stay:
            self._turned.clear()
        self._lines = lines
        self._to_copy = lines if to_copy is None else to_copy
        self._lay_out()
        self._sought = at
        if stay:
            self.rows_changed(reveal=False)
        else:
            self._begin()

    def on_resize(self) -> None:
        """Wrap anew when the width is another one."""
        if self._laid_out_for == self._row_width:
            super().on_resize()
            return
        first_time = not self._rows
        line = self._line_number
        self._lay_out()
        if first_time:
            self._begin()
        else:
            self.rows_changed(cursor=self._row_of(line))

    def _begin(self) -> None:
        """Stand where what is sought is marked, else at the start."""
        sought = self._sought
        marked = next((i for i, row in enumerate(self._rows) if sought and sought in row.line.findings), None)
        self.rows_changed(cursor=marked or 0)
        if marked is None:
            self.scroll_to(y=0, animate=False)

    def row(self, index: int, width: int) -> Content:
        """One laid out row."""
        return self._rows[index].content

    def copied(self) -> str:
        """The whole line at the cursor with what belongs to it; its secrets hidden also where the pane reveals them."""
        number = self._line_number
        if number is None:
            return ""
        lines = self._to_copy[number : number + 1 + self._lines[number].inside]
        return "\n".join(line.plain for line in lines).strip()

    def on_row_list_opened(self, event: RowList.Opened) -> None:
        """Fold away what belongs to the line, or take it out again."""
        number = self._line_number
        if number is None or not self._lines[number].inside:
            return
        event.stop()
        self._turned ^= {number}
        self._lay_out()
        self.rows_changed(cursor=self._row_of(number))

    def found(self, index: int, wanted: str) -> bool:
        """Whether a line has the text; its first row stands for it."""
        number = self._rows[index].number
        is_first = index == 0 or self._rows[index - 1].number != number
        return is_first and wanted in self._lines[self._numbers[number]].plain.casefold()

    def find(self, text: str, by: int) -> bool:
        """Go to the next line with this text; what is folded away is searched too, and opened where it is there."""
        wanted = text.casefold()
        folded = set(range(len(self._lines))) - set(self._numbers)
        if any(wanted in self._lines[number].plain.casefold() for number in folded):
            self._turned ^= {
                number for number, line in enumerate(self._lines) if line.inside and self._is_closed(number)
            }
            here = self._line_number
            self._lay_out()
            self.rows_changed(cursor=self._row_of(here))
        return super().find(text, by)

    def _is_closed(self, number: int) -> bool:
        return self._lines[number].closed is not (number in self._turned)

    def cursor_changed(self) -> None:
        """Say in the frame what the line at the cursor means: beside it there is not always room."""
        number = self._line_number
        remark = self._lines[number].remark if number is not None and self.shows_cursor else ""
        frame = next((each for each in self.ancestors_with_self if _has_frame(each)), None)
        if not isinstance(frame, Widget) or (remark and not self.is_on_screen):
            return
        if remark:
            if self._edge is None:
                self._edge = frame.border_subtitle or ""
            frame.border_subtitle = Content(remark)
        elif self._edge is not None:
            # What stood there before, such as the keys of a dialog.
            frame.border_subtitle, self._edge = self._edge, None

    @property
    def _line_number(self) -> int | None:
        """Which line the cursor is on."""
        return self._numbers[self._rows[self.cursor].number] if self.cursor < len(self._rows) else None

    def _row_of(self, number: int | None) -> int:
        """The first row of a line."""
        return next((i for i, row in enumerate(self._rows) if self._numbers[row.number] == number), 0)

    def _lay_out(self) -> None:
        """Make rows; a pane that is not on the screen has no width yet to make them for."""
        self._laid_out_for = self._row_width
        numbered = list(shown(self._lines, self._turned))
        self._numbers = [number for number, _ in numbered]
        self._rows = lay_out([line for _, line in numbered], self._row_width) if self.size.width else []


def _has_frame(node: DOMNode) -> bool:
    """Whether it is drawn with a border of its own: as tabs the panes stand in a common one."""
    return isinstance(node, Widget) and node.styles.border_bottom[0] not in ("", "none", "hidden")
