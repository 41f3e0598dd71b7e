import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from inspector.report.escape import code, diagram, fenced, prose
from inspector.report.markdown import LONGEST
from inspector.session.model import Exchange
from tests.report.hostile import HOSTILE, hostile_story
from tests.report.material import exported
from tests.tui.story import story

GOLDEN = Path(__file__).parent / "golden" / "story.md"
OWN_TAGS = re.compile(r"</details>|<details><summary>step [0-9-]+, exchange [0-9]+: <code>[^<>]*</code></summary>")


def parsed(text: str) -> list[Token]:
    """Every token, with what a tracker adds to CommonMark: tables and links of bare addresses."""
    tokens = MarkdownIt("gfm-like").parse(text)
    return [inner for token in tokens for inner in (token, *(token.children or ()))]


def assert_is_data(text: str) -> None:
    for token in parsed(text):
        assert token.type not in ("link_open", "image", "html_inline", "code_block"), token
        if token.type == "html_block":
            assert OWN_TAGS.fullmatch(token.content.strip()), token.content
        if token.type == "text":
            assert "@" not in token.content, token.content
            assert not re.search(r"(?<!\w)#\d|\bGH-\d|\b[0-9a-f]{7,}\b", token.content), token.content
        assert token.content.replace("\n", "").isprintable(), token.content


def test_the_report_of_the_reference_story_is_the_one_that_was_read() -> None:
    text = exported("markdown")
    text = re.sub(r"(mcp-auth-inspector) [\d.]+\S*` on Python [\d.]+", r"\1 VERSION` on Python VERSION", text)
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8"), "UPDATE_GOLDEN=1 writes it anew; read it before you commit it"


def test_the_report_says_who_has_to_do_what() -> None:
    text = exported("markdown")
    headings = [
        after.content
        for token, after in zip(parsed(text), parsed(text)[1:], strict=False)
        if token.type == "heading_open"
    ]
    assert headings == [
        "Warp v0.2026.04: Authorization request without resource",
        "Expected and found",
        "What to do",
        "Evidence",
        "Who is not at fault",
        "What the specification says",
        "See it again",
        "The sign-in step by step",
        "The exchanges that show it",
        "Versions",
    ]


def test_the_story_holds_nothing_but_data() -> None:
    assert_is_data(exported("markdown"))


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_captured_text_stays_data(hostile: str) -> None:
    text = exported("markdown", hostile_story(hostile))
    assert_is_data(text)
    assert len(text) <= LONGEST


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_a_code_span_of_exactly_that_text(text: str) -> None:
    tokens = [token for token in parsed(f"before {code(text)} after") if token.type != "inline"]
    kinds = [token.type for token in tokens]
    assert "code_inline" in kinds or not text.strip()
    assert {*kinds} <= {"paragraph_open", "paragraph_close", "text", "code_inline"}


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=80) | st.text("@#`*_<>[]()!~|:/.w ahtp\\&;-+=1e", max_size=80))
def test_any_text_is_prose(text: str) -> None:
    assert_is_data(f"{prose(text)}\n")
    kinds = {token.type for token in parsed(prose(text))}
    assert kinds <= {"paragraph_open", "paragraph_close", "inline", "text", "code_inline"}


@settings(max_examples=150, deadline=None)
@given(st.text("`~\n <>a", max_size=60))
def test_any_text_stays_in_its_code_block(text: str) -> None:
    tokens = parsed(f"{fenced(text)}\n\nafter\n")
    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "text", "paragraph_close"]


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_one_label_of_a_diagram(text: str) -> None:
    label = diagram(text)
    assert re.fullmatch(r"(?:[A-Za-z0-9 _./:=,()'\-]|#\d+;)*", label)
    assert not re.search(r"\bend\b", label, re.IGNORECASE)


def test_a_long_recording_still_fits() -> None:
    text = exported("markdown", hostile_story("x" * 30_000 + "```\n</details>"))
    assert len(text) <= LONGEST
    assert_is_data(text)


def test_without_a_sign_in_it_says_so() -> None:
    assert exported("markdown", []).startswith("# No sign-in to an MCP server in this recording")


def test_a_diagram_file_holds_one_diagram_of_known_lines() -> None:
    for exchanges in (story(), [*story(), *other_sign_in()], *map(hostile_story, HOSTILE.values())):
        first, *lines = exported("mermaid", exchanges).splitlines()
        assert first == "sequenceDiagram"
        for line in lines:
            assert re.fullmatch(
                r"    (participant [CSA] as |C->>[SA]: |[SA]--?(>>|x)C: |Note over C,[SA]: )\S.*", line
            ), line


def other_sign_in() -> list[Exchange]:
    return [replace(each, id=each.id + 20, started_at=each.started_at + 900) for each in story(resource=True)]
