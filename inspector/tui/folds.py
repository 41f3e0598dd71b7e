"""Folds broken up JSON: what is short goes on one line, what is long can be closed, and some of it is to begin with."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from textual.content import Content

from inspector.tui.lines import Line
from inspector.tui.looks import MUTED, aside

_LONGEST_ON_ONE_LINE = 60
_MOST_LINES_LEFT_OPEN = 8
_OPENING = ("{", "[")
_CLOSING = ("}", "]")


def folded(lines: Sequence[Line]) -> list[Line]:
    """The lines with those between a bracket and its end tied to the first of them."""
    result: list[Line] = []
    opened: list[int] = []
    for line in lines:
        plain = line.text.plain
        result.append(line)
        if plain.lstrip().startswith(_CLOSING) and opened:
            _close(result, opened.pop(), outermost=not opened)
        elif plain.endswith(_OPENING):
            opened.append(len(result) - 1)
    return result


def shown(lines: Sequence[Line], turned: Collection[int]) -> Iterator[tuple[int, Line]]:
    """The lines that are not folded away, with their numbers. `turned` are those the reader opened or closed."""
    number = 0
    while number < len(lines):
        line = lines[number]
        if line.inside and line.closed is not (number in turned):
            last = lines[number + line.inside]
            words = Content.styled(aside(f"{line.inside - 1} lines, enter opens"), MUTED)
            yield number, replace(line, text=Content.assemble(line.text, words, last.text[_indent(last) :]))
            number += line.inside
        else:
            yield number, line
        number += 1


def _close(lines: list[Line], first: int, *, outermost: bool) -> None:
    """Make one line of those from `first` to the last, or tie them together."""
    block = lines[first:]
    texts = [block[0].text, *(each.text[_indent(each) :] for each in block[1:])]
    short = sum(text.cell_length for text in texts) <= _LONGEST_ON_ONE_LINE
    if short and not outermost and not any(each.inside or each.findings for each in block[1:]):
        lines[first:] = [replace(block[0], text=Content("").join(_spaced(texts)))]
        return
    marked = any(each.findings for each in block[1:])
    closed = not outermost and not marked and len(block) - 2 > _MOST_LINES_LEFT_OPEN
    lines[first] = replace(block[0], inside=len(block) - 1, closed=closed)


def _spaced(texts: Sequence[Content]) -> Iterator[Content]:
    for number, text in enumerate(texts):
        yield Content.assemble(" ", text) if number > 1 and number < len(texts) - 1 else text


def _indent(line: Line) -> int:
    plain = line.text.plain
    return len(plain) - len(plain.lstrip(" "))
