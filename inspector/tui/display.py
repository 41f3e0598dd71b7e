"""Captured text as Textual content: every captured string reaches a widget through here and nowhere else."""

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from inspector.display import pieces
from inspector.tui.looks import ESCAPED


def visible(text: str, style: str = "") -> Content:
    """Captured text for a widget: no markup is read, and what does not print is a reversed escape."""
    return Content.assemble(
        *((piece, f"{style} {ESCAPED}".strip() if escape else style) for piece, escape in pieces(text))
    )


def cut_middle(text: str, width: int) -> str:
    """Shorten text that is ready for display to `width` cells; both ends of a path tell more than its middle."""
    if cell_len(text) <= width:
        return text
    if width <= 1:
        return "…"[:width]
    tail_width = (width - 1) // 2 + (width - 1) % 2
    head = set_cell_size(text, width - 1 - tail_width).rstrip()
    tail = text[-tail_width:]
    while cell_len(tail) > tail_width:
        tail = tail[1:]
    return f"{head}…{tail}"


def cut_end(content: Content, width: int) -> Content:
    """Shorten content to `width` cells with an ellipsis at the end."""
    return content if content.cell_length <= width else content.truncate(width, ellipsis=True)
