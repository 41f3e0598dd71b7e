"""Bodies as lines, as much as a screen can take: JSON broken up as it was sent, everything else as it stands."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, pairwise

from textual.content import Content

from inspector.protocol import content
from inspector.rules.model import Finding
from inspector.session.model import Body, Headers
from inspector.tui.folds import folded
from inspector.tui.lines import Line, field, note
from inspector.tui.looks import INFO, KEY, aside
from inspector.tui.masking import SECRET_MEMBERS, Veil

LONGEST_PREVIEW = 64 * 1024
"""Characters of a body that are shown."""

MOST_LINES = 2000
"""Lines of a body that are shown."""

# Secrets are looked for a little beyond the cut, so that one which lies across it is still known as one.
_MARGIN = 16 * 1024
_HEX_BYTES = 2048
_LEXEME = re.compile(r'"(?:[^"\\]|\\.)*"?|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_OPENING, _CLOSING = ("{", "["), ("}", "]")
_PUNCTUATION = {":": ": "} | {each: each for each in (*_OPENING, *_CLOSING, ",")}
_INDENT = "  "
_DEEPEST_INDENT = 20

type Marks = Mapping[str, Sequence[Finding]]
"""Findings by the name of the top-level member they are about."""


def body_lines(headers: Headers, body: Body, veil: Veil, marks: Marks | None = None) -> Iterator[Line]:
    """The body's beginning, one member a line when it is JSON, with a last line that says what is left out."""
    text, remark = body_text(headers, body)
    if remark:
        yield note(remark)
    if text.lstrip()[:1] in _OPENING:
        yield from json_lines(text, veil, marks)
    else:
        yield from text_lines(text, veil)
        yield from (field(name, aside("not there"), findings=found) for name, found in (marks or {}).items())


def text_lines(text: str, veil: Veil) -> Iterator[Line]:
    """Text line by line, up to what a screen can take."""
    left = LONGEST_PREVIEW
    for number, line in enumerate(text[: LONGEST_PREVIEW + _MARGIN].split("\n")):
        if left <= 0 or number == MOST_LINES:
            break
        yield Line(veil.text(line.removesuffix("\r"))[:left])
        left -= len(line) + 1
    else:
        if len(text) <= LONGEST_PREVIEW:
            return
    yield note(f"… cut here; the whole has {len(text):,} characters.")


def body_text(headers: Headers, body: Body) -> tuple[str, str]:
    """The body as text with its content codings undone, and a remark where that is not the whole of it.

    Bytes that are no UTF-8 text come as hexadecimal.
    """
    data, remark = content.decoded(headers, body), ""
    if data is None:
        data, remark = body.data, f"The recording holds {len(body.data):,} of {body.size:,} bytes."
        if content.header(headers, "content-encoding"):
            return _hex(data), f"{remark} The content coding cannot be undone, so these are the bytes of the wire."
    try:
        return data.decode(), remark
    except UnicodeDecodeError as error:
        if body.truncated and error.reason == "unexpected end of data":
            return data[: error.start].decode(), remark
        return _hex(data), f"{remark} Not UTF-8 text; shown as hexadecimal.".lstrip()


def _hex(data: bytes) -> str:
    rows = [f"{start:08x}  {data[start : start + 16].hex(' ')}" for start in range(0, min(len(data), _HEX_BYTES), 16)]
    return "\n".join([*rows, f"… {len(data):,} bytes in all"] if len(data) > _HEX_BYTES else rows)


def json_lines(text: str, veil: Veil, marks: Marks | None = None) -> list[Line]:
    """JSON one member a line, what is long folded away. It is not parsed: numbers and escapes stay as sent."""
    return folded(list(_json_lines(text, veil, marks or {})))


def _json_lines(text: str, veil: Veil, marks: Marks) -> Iterator[Line]:
    parts, depth, member, found = list[Content](), 0, "", list[Finding]()
    unmarked = dict(marks)
    written = 0

    def finished() -> Line:
        line = Line(Content("").join(parts), findings=tuple(found))
        parts[:] = [Content(_INDENT * min(depth, _DEEPEST_INDENT))]
        found.clear()
        return line

    for match, following in pairwise(chain(_LEXEME.finditer(text), (None,))):
        assert match is not None
        lexeme, after = match[0], following[0] if following else ""
        if written >= MOST_LINES or match.start() > LONGEST_PREVIEW:
            parts.append(Content(" …"))
            yield finished()
            yield note(f"… cut here; the whole has {len(text):,} characters.")
            yield from (field(name, aside("further down"), findings=about) for name, about in unmarked.items())
            return
        is_empty = bool(parts) and parts[-1].plain in _OPENING
        if lexeme in _CLOSING and depth and not is_empty:
            depth -= 1
            yield finished()
            written += 1
        if after == ":" and lexeme.startswith('"'):
            member = lexeme.strip('"')
            found += unmarked.pop(member, ()) if depth == 1 else ()
            parts.append(veil.text(lexeme, KEY))
        elif lexeme in _PUNCTUATION:
            parts.append(Content(_PUNCTUATION[lexeme]))
        else:
            parts.append(_scalar(member, lexeme, veil))
        if lexeme == "," or (lexeme in _OPENING and after not in _CLOSING):
            depth += lexeme in _OPENING
            yield finished()
            written += 1
    yield finished()
    yield from (field(name, aside("not there"), findings=about) for name, about in unmarked.items())


def _scalar(member: str, lexeme: str, veil: Veil) -> Content:
    if lexeme.startswith('"') and member in SECRET_MEMBERS:
        return Content.assemble('"', veil.member(member, lexeme.strip('"')), '"')
    return veil.text(lexeme, "" if lexeme.startswith('"') else INFO)[:LONGEST_PREVIEW]
