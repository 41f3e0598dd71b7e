import sys

import pytest
from rich.cells import cell_len

from inspector.display import pieces, visible
from inspector.tui.display import cut_end, cut_middle
from inspector.tui.display import visible as visible_content
from tests.tui.hostile import HOSTILE, raw_characters


def test_plain_text_stays_as_it_is() -> None:
    assert visible("GET /mcp?x=1 é 漢字 🙂") == "GET /mcp?x=1 é 漢字 🙂"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m", "\\x1b[31m"),
        ("a\x9bb", "a\\x9bb"),
        ("\x00", "\\0"),
        ("a\tb\r\n", "a\\tb\\r\\n"),
        ("\u202egnp", "\\u202egnp"),
        ("a\u200bb", "a\\u200bb"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
        ("!\ufe0f", "!\\ufe0f"),
    ],
)
def test_what_does_not_print_is_shown_as_its_escape(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_nothing_of_unicode_gets_through_that_does_not_print() -> None:
    everything = "".join(map(chr, range(sys.maxunicode + 1)))
    assert raw_characters(visible(everything)) == set()


def test_pieces_put_together_are_the_visible_text() -> None:
    for text in HOSTILE:
        assert "".join(piece for piece, _ in pieces(text)) == visible(text)


def test_a_captured_backslash_differs_from_an_escape_in_style() -> None:
    literal, escaped = visible_content("\\x1b"), visible_content("\x1b")
    assert literal.plain == escaped.plain
    assert [span.style for span in literal.spans] != [span.style for span in escaped.spans]


def test_content_is_never_read_as_markup() -> None:
    for text in HOSTILE:
        assert visible_content(text).plain == visible(text)


@pytest.mark.parametrize("width", [1, 2, 3, 7, 20])
@pytest.mark.parametrize("text", ["/.well-known/oauth-protected-resource/mcp", "漢字漢字漢字漢字漢字漢字", "ab"])
def test_cutting_never_gives_more_cells_than_there_are(text: str, width: int) -> None:
    assert cell_len(cut_middle(text, width)) <= width
    assert cut_end(visible_content(text), width).cell_length <= width


def test_a_path_keeps_both_its_ends() -> None:
    cut = cut_middle("/.well-known/oauth-protected-resource/mcp", 20)
    assert cut.startswith("/.well-")
    assert cut.endswith("urce/mcp")
    assert cell_len(cut) == 20
