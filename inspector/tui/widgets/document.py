"""A pane of lines: laid out for its width, with a cursor to follow links and copy single values."""

from collections.abc import Sequence

from textual.content import Content

from inspector.rules.model import Finding
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
        self._laid_out_for = 0
        self._sought: Finding | None = None

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
        line = self._rows[self.cursor].line if self.cursor < len(self._rows) else None
        self._lay_out()
        if first_time:
            self._begin()
        else:
            self.rows_changed(cursor=next((i for i, row in enumerate(self._rows) if row.line is line), 0))

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
        """The whole line at the cursor, not only its row; its secrets hidden also where the pane reveals them."""
        if self.cursor >= len(self._rows):
            return ""
        here = self._rows[self.cursor].line
        number = next(number for number, line in enumerate(self._lines) if line is here)
        return self._to_copy[number].plain.strip() if number < len(self._to_copy) else ""

    def _lay_out(self) -> None:
        """Make rows; a pane that is not on the screen has no width yet to make them for."""
        self._laid_out_for = self._row_width
        self._rows = lay_out(self._lines, self._row_width) if self.size.width else []
