"""What `check` prints: expected under found with the first difference marked, the revision's evidence, the tokens."""

from typing import Any

import pytest

from inspector.report.contract import report_of
from inspector.report.difference import difference
from inspector.report.text import text_report
from inspector.report.tokens import tokens_of
from inspector.verdict.analysis import analyse
from tests.rules.changes import outcome, recording
from tests.rules.good import ENDPOINT, ISSUER
from tests.verdict.stories.telling import REFUSED


def text(changes: dict[str, Any]) -> list[str]:
    return text_report("capture", analyse(recording(changes).values())).splitlines()


def document(changes: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = report_of("capture", analyse(recording(changes).values())).model_dump(mode="json")
    (run,) = found["runs"]
    return {**run, "version": found["version"]}


@pytest.mark.parametrize(
    ("expected", "found", "grade", "marked"),
    [
        ("http://h/mcp", "http://h/mcp/", "normalized", "/"),
        ("aud = http://h/mcp", "aud = http://h/mcp/", "normalized", "/"),
        ("resource=http://h/mcp", "resource=http://H/mcp", "normalized", "H"),
        ("http://localhost/mcp", "http://127.0.0.1/mcp", "loopback-alias", "1"),
        ("http://h/mcp", "http://h", "ancestor", ""),
        ("http://h/mcp", "https://h/mcp", "scheme-only", "s"),
        ("http://h/mcp", "http://h/other", "same-origin", "o"),
        ("https://h?a=b", "https://h?a=c", "same-origin", "c"),
    ],
)
def test_the_first_character_that_differs(expected: str, found: str, grade: str, marked: str) -> None:
    differs = difference(expected, found)
    assert differs
    assert (differs.grade, found[differs.position : differs.position + 1]) == (grade, marked)


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ("http://h", "http://h"),
        ("2xx", "401"),
        ("aud = http://h", "aud = client_1"),
        ("http://h", "http://h, http://i"),
    ],
)
def test_what_is_not_two_urls_is_not_compared(expected: str, found: str) -> None:
    assert difference(expected, found) is None


def test_the_mark_stands_under_the_character() -> None:
    lines = text({**REFUSED, "set": {"token.claim.aud": f"{ENDPOINT}/"}})
    at = lines.index(f"      found     aud = {ENDPOINT}/")
    assert lines[at - 1] == f"      expected  aud = {ENDPOINT}"
    assert lines[at + 1].index("^") == lines[at].rindex("/")
    assert lines[at + 1].endswith("^ normalized: trailing slash")


def test_what_is_no_url_gets_no_mark_and_cannot_write_to_the_terminal() -> None:
    lines = text({**REFUSED, "set": {"token.claim.aud": f"{ENDPOINT}\x1b[31m"}})
    at = next(number for number, line in enumerate(lines) if line.startswith("      found     aud = "))
    assert "\x1b" not in lines[at]
    assert "^" not in lines[at + 1]


def test_the_revision_says_what_it_is_told_from() -> None:
    shown = " ".join(" ".join(text({})).split())
    assert "told from: protocol version 2025-11-25 was negotiated; the client asks for protected resource" in shown
    revision = document({})["revision"]
    assert (revision["client"], revision["server"], revision["assumed"]) == ("2025-11-25", "2025-11-25", False)
    assert "protocol version 2025-11-25 was negotiated" in revision["evidence"]


def test_a_revision_that_is_only_assumed_has_no_evidence() -> None:
    run = document({"drop_step": ["challenge", "prm", "initialize"], "until": "token"})
    assert (run["revision"]["assumed"], run["revision"]["evidence"]) == (True, [])


def test_tokens_are_told_without_the_tokens() -> None:
    issued, renewed = document({})["tokens"]
    assert (issued["format"], issued["signature"], issued["algorithm"], issued["key_id"]) == (
        "jwt",
        "valid",
        "RS256",
        "key-1",
    )
    assert (issued["audiences"], issued["issuer"]) == ([ENDPOINT], ISSUER)
    assert (issued["expires"] - issued["issued_at"], issued["used"], issued["refused"]) == (3600, 4, 0)
    assert renewed["used"] == 1
    lines = text({})
    assert "Access tokens" in lines
    assert any(f"aud    {ENDPOINT}  (as expected)" in line for line in lines)
    assert not any("eyJ" in line for line in lines)


def test_a_token_nobody_can_read() -> None:
    opaque = {"token.json.access_token": "opaque-1", "refresh.json.access_token": "a.b.c.d.e"}
    first, second = tokens_of(outcome({"drop": ["token.claim", "refresh.claim"], "set": opaque}).judged.run)
    assert (first.format, second.format) == ("opaque", "encrypted")
    assert any("opaque, nothing can be read in it" in line for line in text({"drop": ["token.claim"], "set": opaque}))


def test_a_stored_token_is_told_as_well() -> None:
    (stored,) = tokens_of(outcome({**REFUSED, "drop_step": ["token"]}).judged.run)
    assert (stored.audiences, stored.used, stored.refused) == ((ENDPOINT,), 1, 1)


@pytest.mark.parametrize("value", ["http://x\ud800/", "\x1b[31m", ""])
def test_odd_claims_break_neither_form(value: str) -> None:
    claims = {"token.claim.aud": value, "token.claim.iss": value, "token.claim.exp": 1e300, "token.claim.scope": value}
    analysis = analyse(recording({**REFUSED, "set": claims}).values())
    assert "\x1b" not in text_report("capture", analysis)
    assert report_of("capture", analysis).model_dump_json()


def test_the_contract_only_grows() -> None:
    run = document({**REFUSED, "set": {"token.claim.aud": f"{ENDPOINT}/"}})
    assert run["version"] == 1
    (finding, *_) = run["findings"]
    assert finding["comparison"] == {
        "grade": "normalized",
        "steps": ["trailing slash"],
        "position": len(f"aud = {ENDPOINT}"),
    }
    assert {each["comparison"] for each in run["findings"][1:]} == {None}
