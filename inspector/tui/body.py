"""Bodies as lines, as much as a screen can take: JSON broken up as it was sent, everything else as it stands."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, pairwise

from textual.content import Content

from inspector.protocol import content
from inspector.rules.model import Finding
from inspector.session.model import Body, Headers
from inspector.tui.lines import Line, field, note
from inspector.tui.looks import KEY
from inspector.tui.masking import SECRET_MEMBERS, Veil

LONGEST_PREVIEW = 64 * 1024
"""Characters of a body that are shown."""

MOST_LINES = 2000
"""Lines of a body that are shown."""

# Secrets are looked for a little beyond the cut, so that one which lies across it is still known as one.
_MARGIN = 16 * 1024
_HEX_BYTES = 2048
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_OPENING, _CLOSING = ("{", "["), ("}", "]")
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
        yield from _json_lines(text, veil, marks or {})
    else:
        yield from text_lines(text, veil)
        yield from (field(name, "‹not there›", findings=found) for name, found in (marks or {}).items())


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


def _json_lines(text: str, veil: Veil, marks: Marks) -> Iterator[Line]:
    """Break JSON up into lines without parsing it, so that numbers, escapes and repeated members stay as sent."""
    pieces, depth, member, found = list[Content](), 0, "", list[Finding]()
    unmarked = dict(marks)
    lines = 0

    def finished() -> Line:
        line = Line(Content("").join(pieces), findings=tuple(found))
        pieces[:] = [Content(_INDENT * min(depth, _DEEPEST_INDENT))]
        found.clear()
        return line

    for match, following in pairwise(chain(_TOKEN.finditer(text), (None,))):
        token = match[0] if match else ""
        after = following[0] if following else ""
        if lines == MOST_LINES or (match and match.start() > LONGEST_PREVIEW):
            pieces.append(Content(" …"))
            break
        if token in _CLOSING and depth and not (pieces and pieces[-1].plain in _OPENING):
            depth -= 1
            yield finished()
            lines += 1
        if after == ":" and token.startswith('"'):
            member = token.strip('"')
            if depth == 1:
                found += unmarked.pop(member, ())
            pieces.append(veil.text(token, KEY))
        elif token == ":":
            pieces.append(Content(": "))
        elif token in (*_OPENING, *_CLOSING, ","):
            pieces.append(Content(token))
        else:
            pieces.append(_scalar(member, token, veil))
        if (token in _OPENING and after not in _CLOSING) or token == ",":
            depth += token in _OPENING
            yield finished()
            lines += 1
        member = "" if token == "," else member
    else:
        yield finished()
        yield from (field(name, "‹not there›", findings=found) for name, found in unmarked.items())
        return
    yield finished()
    yield note(f"… cut here; the whole has {len(text):,} characters.")
    yield from (field(name, "‹further down›", findings=found) for name, found in unmarked.items())


def _scalar(member: str, token: str, veil: Veil) -> Content:
    if token.startswith('"') and member in SECRET_MEMBERS:
        return Content.assemble('"', veil.member(member, token.strip('"')), '"')
    return veil.text(token)[:LONGEST_PREVIEW]
