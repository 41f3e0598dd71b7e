"""Values with what they mean and what they were compared with, for the panes that show a message."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import zip_longest

from textual.content import Content

from inspector.protocol import urls
from inspector.protocol.meanings import Meaning
from inspector.rules.model import Finding
from inspector.timeline.relations import Relation
from inspector.tui.display import visible
from inspector.tui.lines import Line, field
from inspector.tui.looks import CROSS, ERROR, GOOD, MUTED, NEUTRAL, TICK
from inspector.tui.masking import Veil
from inspector.tui.view import Selection

DIFFERS = "bold underline"
"""The characters of a found value that are not the expected ones."""

_GRADES = {
    urls.Grade.LOOPBACK_ALIAS: "two names of this machine, and still two identifiers",
    urls.Grade.ANCESTOR: "a parent of the expected URL",
    urls.Grade.DESCENDANT: "below the expected URL",
    urls.Grade.SAME_ORIGIN: "the same origin, another path",
    urls.Grade.SCHEME_ONLY: "the same but for http and https",
}
_QUALIFIED = " = "
_MEMBER = re.compile(r'  "([a-z_]+)":')


def explained(
    name: str,
    value: Content,
    *,
    meaning: Meaning | None = None,
    relation: Relation | None = None,
    veil: Veil,
    findings: Iterable[Finding] = (),
) -> Iterator[Line]:
    """A parameter: its value, what it means as a remark, and under it what it was compared with."""
    yield replace(field(name, value, findings=findings), remark=meaning.text if meaning else "")
    if relation:
        glyph, style = {True: (TICK, GOOD), False: (CROSS, ERROR), None: (NEUTRAL, MUTED)}[relation.agrees]
        target = Selection(relation.step) if relation.step is not None else None
        words = veil.text(relation.text.replace("`", ""), style)
        yield field("", Content.assemble((f"{glyph} ", style), words), target=target)
        if relation.expected:
            yield field("", Content.assemble(("  expected ", MUTED), veil.text(relation.expected)))
            if apart := difference(relation.expected, value.plain):
                yield field("", Content.styled(f"  {apart}", MUTED))


def explained_members(lines: Iterable[Line], words: Mapping[str, Meaning]) -> Iterator[Line]:
    """The lines of a JSON document, its members with their meaning where there is room for it."""
    for line in lines:
        member = _MEMBER.match(line.text.plain)
        meaning = words.get(member[1]) if member else None
        yield replace(line, remark=meaning.text) if meaning else line


def expected_and_found(expected: str, found: str, veil: Veil, style: str) -> Iterator[Line]:
    """Both values under each other, what differs marked in the second, and in words how close they are."""
    yield field("Expected", veil.text(expected))
    yield field("Found", _marked(expected, found, veil, style))
    if words := difference(expected, found):
        yield field("", Content.styled(words, MUTED))


def difference(expected: str, found: str) -> str:
    """How a value differs from the expected one, in our own words; empty where there is nothing to add."""
    expected, found = (value.rpartition(_QUALIFIED)[2] for value in (expected, found))
    position = urls.first_difference(expected, found)
    if position is None or not (_is_one_url(expected) and _is_one_url(found)):
        return ""
    comparison = urls.compare(expected, found)
    if comparison.grade is urls.Grade.NORMALIZED:
        return f"the same after: {', '.join(visible(step).plain for step in comparison.steps)}"
    words = _GRADES.get(comparison.grade)
    return f"{words}; differs from character {position + 1}" if words else ""


def _is_one_url(text: str) -> bool:
    return urls.is_absolute(text) and not any(character.isspace() for character in text)


def _marked(expected: str, found: str, veil: Veil, style: str) -> Content:
    """The found value with what differs underlined, where the two are close enough for that to help."""
    shown = veil.text(found, style)
    close = bool(difference(expected, found))
    if not close or shown.plain != found:
        return shown
    left = _common(expected, found)
    right = _common(expected[left:][::-1], found[left:][::-1])
    end = max(left + 1, len(found) - right)
    return shown.stylize(DIFFERS, min(left, len(found) - 1), end)


def _common(one: str, other: str) -> int:
    """How many characters both begin with."""
    pairs = enumerate(zip_longest(one, other))
    return next((number for number, (left, right) in pairs if left != right), len(one))
