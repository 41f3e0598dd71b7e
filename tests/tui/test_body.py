import gzip
import json

import pytest

from inspector.session.model import Body
from inspector.tui.body import LONGEST_PREVIEW, MOST_LINES, body_lines, body_text
from inspector.tui.folds import shown as visible_lines
from inspector.tui.lines import lay_out
from inspector.tui.looks import aside
from inspector.tui.masking import Masker, Veil
from tests.tui.test_panes import STORY

VEIL = Veil(Masker(b"key"))
JSON = (("content-type", "application/json"),)


def shown(text: str | bytes, headers: tuple[tuple[str, str], ...] = JSON) -> list[str]:
    data = text.encode() if isinstance(text, str) else text
    return [line.plain for line in body_lines(headers, Body.whole(data), VEIL)]


def test_json_is_broken_up_one_member_a_line() -> None:
    assert shown('{"a":1,"b":{"e":{"f":[true]},"a rather long name of a member": "and a value"},"c":{},"d":[]}') == [
        "{",
        '  "a": 1,',
        '  "b": {',
        '    "e": {"f": [true]},',
        '    "a rather long name of a member": "and a value"',
        "  },",
        '  "c": {},',
        '  "d": []',
        "}",
    ]


def test_a_short_list_stands_on_one_line_and_a_long_one_does_not() -> None:
    assert '  "methods": ["S256", "plain"],' in shown('{"methods": ["S256", "plain"], "issuer": "https://a.test"}')
    assert '  "scopes": [' in shown(json.dumps({"scopes": ["a-rather-long-scope"] * 5}))


def test_what_is_long_is_closed_until_it_is_opened() -> None:
    body = json.dumps({"scopes": [f"scope-number-{n}" for n in range(20)], "few": ["a-rather-long-scope"] * 4})
    lines = list(body_lines(JSON, Body.whole(body.encode()), VEIL))
    at = next(number for number, line in enumerate(lines) if "scopes" in line.text.plain)
    assert [line.text.plain for _, line in visible_lines(lines, ())] == [
        "{",
        f'  "scopes": [{aside("20 lines, enter opens")}],',
        '  "few": [',
        *['    "a-rather-long-scope",'] * 3,
        '    "a-rather-long-scope"',
        "  ]",
        "}",
    ]
    assert len(list(visible_lines(lines, {at}))) == len(lines)


def test_what_a_finding_is_about_is_never_folded_away() -> None:
    finding = STORY.judged.checked.findings[0]
    body = json.dumps({"first": "x" * 70, **{f"member-{n}": n for n in range(30)}})
    lines = list(body_lines(JSON, Body.whole(body.encode()), VEIL, {"member-20": [finding]}))
    assert any(line.findings for _, line in visible_lines(lines, ()))


def test_json_is_shown_as_sent_and_not_as_parsed() -> None:
    lines = shown('{"n": 1.0e5, "n": 00, "s": "\\u00e9\\/", "big": 123456789012345678901234567890}')
    assert lines[1:5] == [
        '  "n": 1.0e5,',
        '  "n": 00,',
        '  "s": "\\u00e9\\/",',
        '  "big": 123456789012345678901234567890',
    ]


@pytest.mark.parametrize("text", ['{"a": "unclosed', '{"a" 1]', "[[[", "]]]", '{"a": }', "{", '{"\\"a": 1}'])
def test_what_only_looks_like_json_is_shown_all_the_same(text: str) -> None:
    kept = "".join("".join(shown(text)).split())
    assert kept == "".join(text.split())


def test_secrets_in_json_are_hidden_at_any_depth() -> None:
    text = json.dumps({"data": [{"access_token": "abcdefgh", "state": "shown"}], "client_secret": "ijklmnop"})
    joined = "\n".join(shown(text))
    assert "abcdefgh" not in joined
    assert "ijklmnop" not in joined
    assert "shown" in joined


def test_a_secret_across_the_cut_is_hidden() -> None:
    padding = "x" * (LONGEST_PREVIEW - 30)
    joined = "".join(shown(f"{padding}&access_token=SECRET{'s' * 100}", (("content-type", "text/plain"),)))
    assert "SECRET" not in joined


@pytest.mark.parametrize("text", ['{"a": "%s"}' % ("x" * 2**20), "y" * 2**20, "[" * 2**20, json.dumps(["z"] * 200_000)])
def test_a_megabyte_is_cut_and_says_so(text: str) -> None:
    lines = list(body_lines(JSON, Body.whole(text.encode()), VEIL))
    rows = lay_out(lines, 78)
    assert len(lines) <= MOST_LINES + 3
    assert len(rows) < 40_000
    assert sum(len(line.plain) for line in lines) < 3 * LONGEST_PREVIEW
    assert f"{len(text):,}" in "".join(line.plain for line in lines[-2:])


def test_a_body_of_many_lines_is_cut_and_says_so() -> None:
    lines = shown("\n".join(map(str, range(5000))), (("content-type", "text/plain"),))
    assert lines[0] == "0"
    assert len(lines) == MOST_LINES + 1
    assert "cut here" in lines[-1]


def test_content_codings_are_undone() -> None:
    headers = (*JSON, ("content-encoding", "gzip"))
    assert shown(gzip.compress(b'{"a":1}'), headers) == ["{", '  "a": 1', "}"]


def test_bytes_that_are_no_text_come_as_hexadecimal() -> None:
    text, remark = body_text((), Body.whole(b"\x89PNG\xff\x00"))
    assert text == "00000000  89 50 4e 47 ff 00"
    assert "hexadecimal" in remark


def test_a_body_of_which_only_the_beginning_was_kept_says_so() -> None:
    text, remark = body_text((), Body("é".encode()[:1].join((b"data: ", b"")), 5_000_000))
    assert text == "data: "
    assert "7 of 5,000,000 bytes" in remark


def test_a_broken_coding_is_shown_as_the_bytes_of_the_wire() -> None:
    text, remark = body_text((("content-encoding", "gzip"),), Body.whole(b"not gzip"))
    assert text.startswith("00000000  6e 6f 74")
    assert "cannot be undone" in remark
