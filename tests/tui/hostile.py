"""Strings that take over a terminal, a markup parser or a layout when they are shown as they are."""

from inspector.tui.looks import aside

CONTROL = "".join(map(chr, (*range(0x20), *range(0x7F, 0xA0))))
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff\ufe0f\U000e0041\U000e0100\u2028\u2029"

HOSTILE = (
    "\x1b]2;PWNED\x1b\\",
    "\x1b[2J\x1b[31mred",
    "\x1b]52;c;aGk=\x07",
    "\x9b31mred\x9d2;x\x9c",
    "\x00nul\x7fdel\x08back\x0c",
    "user\u202egnp.exe",
    "a\u200bb\u200dc\u2060d\ufeffe",
    "wide\ufe0f\U000e0041",
    "line\u2028two\u2029three",
    "[/x]",
    "[/]",
    "[@click=app.quit]x[/]",
    "[@click='app.quit']y[/]",
    "[link=file:///etc/passwd]z[/link]",
    "aud=[x",
    "trailing\\",
    "$text-error",
    "\ud800lone\udc80",
    "one\r\ntwo\n\nthree",
    "tab\there",
    "👨‍👩‍👧 🇩🇪 漢字 e\u0301",
    "x" * 5000,
    aside("hidden 43 chars #a1f3"),
)


def raw_characters(text: str) -> set[str]:
    """What no screen may hold."""
    return {
        character
        for character in text
        if not character.isprintable() or character in INVISIBLE or character in BIDI or character in CONTROL
    }
