"""Lines of a detail pane, and how they are laid out in two columns for a given width."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.cells import cell_len
from textual.content import Content

from inspector.rules.model import Finding
from inspector.tui.display import cut_end, cut_middle, visible
from inspector.tui.looks import HEADING, KEY, LINK, MUTED, SEVERITY_GLYPH, SEVERITY_STYLE, STRONG
from inspector.tui.view import Selection

EMPTY = Content()
_GAP = "  "
_NARROWEST_VALUE = 16


@dataclass(frozen=True, slots=True)
class Line:
    """One logical line: text, or a key with its value. `findings` are marked at it, `target` is where Enter leads.

    `inside` following lines belong to it and are folded away by Enter; with `closed` they are so from the start. The
    `remark` is our own, and stands at the end of the line where there is room for all of it.
    """

    text: Content = EMPTY
    key: str | None = None
    key_style: str = KEY
    findings: tuple[Finding, ...] = ()
    target: Selection | None = None
    inside: int = 0
    closed: bool = False
    remark: str = ""

    @property
    def plain(self) -> str:
        """The line as it is copied."""
        return f"{self.key}: {self.text.plain}" if self.key else self.text.plain


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the screen, the line it belongs to, and the number of that line."""

    content: Content
    line: Line
    number: int


def heading(text: str) -> Line:
    """The title of a section; our own words only."""
    return Line(Content.styled(text, HEADING))


def note(text: str) -> Line:
    """A remark of the program, not part of what was captured."""
    return Line(Content.styled(text, MUTED))


def prose(text: str) -> Content:
    """Our own documentation for a column of another width: line breaks undone, and what stands in backticks bold."""
    pieces = " ".join(text.split()).split("`")
    return Content.assemble(*((piece, STRONG if number % 2 else "") for number, piece in enumerate(pieces)))


def field(
    key: str,
    value: Content | str,
    *,
    style: str = KEY,
    findings: Iterable[Finding] = (),
    target: Selection | None = None,
) -> Line:
    """A key and its value. A plain `str` is our own wording; the key may be captured text."""
    text = Content(value) if isinstance(value, str) else value
    shown_key = visible(key).plain
    return Line(text, shown_key, LINK if target and style == KEY else style, tuple(findings), target)


def mark(finding: Finding) -> Content:
    """How a finding is marked at the place it is about."""
    return Content.styled(f"{SEVERITY_GLYPH[finding.severity]} {finding.rule}", SEVERITY_STYLE[finding.severity])


def lay_out(lines: Sequence[Line], width: int) -> list[Row]:
    """Wrap lines to `width` cells. Neighbouring keyed lines share one key column, and values never run under it."""
    rows: list[Row] = []
    for keyed, group in groupby(enumerate(lines), lambda numbered: numbered[1].key is not None):
        members = list(group)
        if keyed:
            longest = max(cell_len(line.key or "") for _, line in members)
            column = max(1, min(longest, max(12, width // 3), width - len(_GAP) - _NARROWEST_VALUE))
        for number, line in members:
            laid = _two_columns(line, column, width) if keyed else _with_marks(line, width)
            rows.extend(Row(content, line, number) for content in laid)
    return rows


def _two_columns(line: Line, column: int, width: int) -> Iterator[Content]:
    key = cut_middle(line.key or "", column)
    first = Content.styled(key, line.key_style) + Content(" " * (column - cell_len(key)) + _GAP)
    margin = Content(" " * (column + len(_GAP)))
    for number, value in enumerate(_with_marks(line, max(1, width - column - len(_GAP)))):
        yield (margin if number else first) + value


def _with_marks(line: Line, width: int) -> Iterator[Content]:
    """The line's text with its marks: on the same row where they fit, else each on a row of its own.

    What the text begins with in spaces, its other rows and marks begin with as well.
    """
    plain = line.text.plain
    indent = min(len(plain) - len(plain.lstrip(" ")), width // 2)
    margin, room = Content(" " * indent), width - indent
    wrapped = line.text[indent:].wrap(room) if plain[indent:] else [Content()]
    yield from (margin + each for each in wrapped[:-1])
    last = wrapped[-1].rstrip()
    for finding in line.findings:
        marked = cut_end(mark(finding), room)
        if len(wrapped) == 1 and last.cell_length + len(_GAP) + marked.cell_length <= room:
            last = Content.assemble(last, _GAP if last else "", marked)
        else:
            yield margin + last
            last = marked
    if line.remark and last.cell_length + len(_GAP) + cell_len(line.remark) <= room:
        last = Content.assemble(last, _GAP, (line.remark, MUTED))
    yield margin + last
