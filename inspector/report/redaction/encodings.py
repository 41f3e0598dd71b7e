"""The same text in other spellings: percent-encoding, escapes of JSON and HTML, base64 at any offset, hex digits."""

import base64
import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

MOST_VIEWS = 16
"""Readings of a text that are made by undoing escapes on top of each other."""

_ENOUGH = 48
_LONG_ESCAPES = (
    r"(?P<percent>(?:%[0-9A-Fa-f]{2})+)"
    r"|(?P<unicode>(?:\\u[0-9A-Fa-f]{4})+)"
    r"|(?P<entity>&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,31});)"
)
_ESCAPE = re.compile(rf"{_LONG_ESCAPES}|(?P<json>\\[\"\\/bfnrt])|(?P<byte>\\x[0-9A-Fa-f]{{2}})")
_ESCAPE_BUT_BACKSLASHES = re.compile(_LONG_ESCAPES)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_BASE64_IN_PATH = re.compile(r"[A-Za-z0-9+_-]{12,}={0,2}")
_TO_STANDARD = str.maketrans("-_", "+/")


@dataclass(frozen=True, slots=True)
class View:
    """A text with some escapes undone, and for each character where it stands in the original."""

    text: str
    starts: list[int]
    ends: list[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The characters of the original that a span of this view stands for."""
        return self.starts[start], self.ends[end - 1]


def views(text: str) -> Iterator[View | None]:
    """The text itself, as None, and then with one layer of escapes after the other undone.

    Backslashes are undone and left alone as well: one that ends a secret must not be taken together with a quote.
    """
    yield None
    seen = {text}
    waiting: list[View | None] = [None]
    while waiting and len(seen) <= MOST_VIEWS:
        outer = waiting.pop(0)
        current = outer.text if outer else text
        if not ("%" in current or "\\" in current or "&" in current):
            continue
        for escapes in (_ESCAPE, _ESCAPE_BUT_BACKSLASHES) if "\\" in current else (_ESCAPE,):
            view = _undone(current, outer, escapes)
            if view is not None and view.text not in seen:
                seen.add(view.text)
                waiting.append(view)
                yield view


def unescaped(text: str) -> str:
    """A JSON string's or HTML attribute's content as it was meant; what is broken stays as it is."""
    try:
        value = json.loads(f'"{text}"', strict=False)
    except ValueError:
        return html.unescape(text)
    return value if isinstance(value, str) else text


def forms(secret: str) -> tuple[set[str], set[str]]:
    """The spellings of a secret to be searched for as they stand: those of its own, and those inside base64."""
    plain = {secret, quote(secret, safe="", errors="replace"), json.dumps(secret)[1:-1]}
    # What looks like an escape inside the secret is undone together with those of the text around it.
    plain |= {view.text for view in views(secret) if view}
    data = secret.encode(errors="surrogatepass")
    if not secret.isascii():
        # Header fields are read as Latin-1, and most senders write UTF-8.
        plain.add(data.decode("latin-1"))
    encoded: set[str] = set()
    for spelling in plain:
        # The end is enough, all of the base64 around it goes anyway; and tokens differ at their end.
        once = _inside_base64(spelling.encode(errors="surrogatepass")[-_ENOUGH:])
        encoded |= once.union(*(_inside_base64(each.encode()) for each in once))
    if " " in secret:
        plain.add(secret.replace(" ", "+"))
    if "@" in secret:
        plain |= {secret.lower(), secret.upper()}
    digits = data.hex()
    return plain | {digits, digits.upper()}, encoded


def base64_texts(text: str) -> Iterator[tuple[int, int, str]]:
    """Every stretch that decodes from base64 or base64url to text, with its span."""
    for match in _BASE64.finditer(text):
        decoded = _from_base64(match[0])
        if decoded is not None:
            yield *match.span(), decoded
        elif "/" in match[0]:
            # A path may have put slashes beside it.
            for part in _BASE64_IN_PATH.finditer(text, *match.span()):
                if (decoded := _from_base64(part[0])) is not None:
                    yield *part.span(), decoded


def _from_base64(run: str) -> str | None:
    run = run.rstrip("=").translate(_TO_STANDARD)
    run = run[: len(run) - (len(run) % 4 == 1)]
    try:
        return base64.b64decode(run + "=" * (-len(run) % 4)).decode()
    except ValueError:
        return None


def base64_run(text: str, start: int, end: int) -> tuple[int, int]:
    """The span widened to all of the base64 it is a part of, since neighbours hold bits of it."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_="
    while start and text[start - 1] in alphabet:
        start -= 1
    while end < len(text) and text[end] in alphabet:
        end += 1
    return start, end


def _inside_base64(data: bytes) -> set[str]:
    """What any base64 text that holds these bytes has in common, for each of the three offsets, in both alphabets."""
    found = set()
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + data).decode()
        whole = (offset + len(data)) * 8 // 6
        common = encoded[-(-offset * 8 // 6) : whole]
        found |= {common, common.replace("+", "-").replace("/", "_")}
    return found


def _undone(text: str, outer: View | None, escapes: re.Pattern[str]) -> View | None:
    """The text with one layer of escapes undone; None when there is none."""
    matches = list(escapes.finditer(text))
    if not matches:
        return None
    parts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    at = 0
    for match in matches:
        parts.append(text[at : match.start()])
        starts.extend(range(at, match.start()))
        ends.extend(range(at + 1, match.start() + 1))
        for start, end, meant in _meant(match):
            parts.append(meant)
            starts.extend([start] * len(meant))
            ends.extend([end] * len(meant))
        at = match.end()
    parts.append(text[at:])
    starts.extend(range(at, len(text)))
    ends.extend(range(at + 1, len(text) + 1))
    if outer:
        starts = [outer.starts[position] for position in starts]
        ends = [outer.ends[position - 1] for position in ends]
    return View("".join(parts), starts, ends)


def _meant(match: re.Match[str]) -> Iterator[tuple[int, int, str]]:
    """The characters an escape stands for, each with its span."""
    start, end, run = match.start(), match.end(), match[0]
    match match.lastgroup:
        case "percent":
            data = bytes.fromhex(run.replace("%", ""))
            at = 0
            while at < len(data):
                size = _sequence_length(data, at)
                yield start + at * 3, start + (at + size) * 3, data[at : at + size].decode(errors="replace")
                at += size
        case "unicode":
            units = bytes.fromhex(run.replace("\\u", ""))
            at = 0
            while at < len(units):
                size = 4 if 0xD8 <= units[at] <= 0xDB and at + 2 < len(units) and 0xDC <= units[at + 2] <= 0xDF else 2
                character = units[at : at + size].decode("utf-16-be", errors="surrogatepass")
                yield start + at * 3, start + (at + size) * 3, character
                at += size
        case "json":
            yield start, end, json.loads(f'"{run}"')
        case "byte":
            yield start, end, chr(int(run[2:], 16))
        case _:
            yield start, end, html.unescape(run)


def _sequence_length(data: bytes, at: int) -> int:
    """Bytes of the UTF-8 sequence that begins there; 1 for what is none."""
    first = data[at]
    length = 2 if 0xC2 <= first <= 0xDF else 3 if 0xE0 <= first <= 0xEF else 4 if 0xF0 <= first <= 0xF4 else 1
    following = data[at + 1 : at + length]
    fine = len(following) == length - 1 and all(0x80 <= byte <= 0xBF for byte in following)
    return length if fine else 1
