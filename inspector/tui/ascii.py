"""Draws every screen with the characters of ASCII alone, for terminals and fonts that have no others."""

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from inspector.tui.looks import ASCII_FORMS

_FRAMES = {
    ord(glyph): form
    for form, glyphs in {
        "-": "─━┄╶╴—▔",
        "|": "│┃▏▕▐▎▍▊▋",
        ":": "┆",
        "+": "╭╮╰╯┌┐└┘├┤┬┴┼╔╗╚╝",
        "=": "═▀▄",
        "#": "█▓■▇▆▅",
        ".": "░▒",
        "_": "▁▂▃",
        "*": "●◆",
        ">": "▌▶→\u203a",
        "v": "▼",
        "^": "▲",
        "<": "←◀\u2039",
    }.items()
    for glyph in glyphs
}


class AsciiOnly(LineFilter):
    """Puts one ASCII character in place of each cell that holds another; what has no likeness becomes `?`."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """A line of the screen in ASCII, as wide as it was."""
        return [Segment(_ascii(text), style, control) for text, style, control in segments]


def _ascii(text: str) -> str:
    if text.isascii():
        return text
    text = text.translate(ASCII_FORMS).translate(_FRAMES)
    return text if text.isascii() else "".join(each if each.isascii() else "?" * cell_len(each) for each in text)
