"""Captured values are anything at all: no single one of them makes a rule or the verdict fail."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from inspector.rules.runner import INTERNAL_ERROR
from inspector.verdict.analysis import Analysis
from tests.rules.changes import recording
from tests.rules.good import good_steps

TEXTS = {
    "empty": "",
    "broken-url": "http://[",
    "bad-port": "https://host:99999/x",
    "controls": "\x1b]2;owned\x07\u202e[/x]",
    "slashes": "//",
    "percent": "http://%zz%ff/\ud800",
}
VALUES: dict[str, Any] = {"number": -1, "true": True, "list": [7, "x", ["y"]], "object": {"a": {}}, "empty-list": []}
IN_TEXT = ("query", "form", "request_header", "header", "location")
IN_JSON = ("sent", "json", "claim")


def leaves(value: Any, path: str) -> Iterator[str]:
    """The path of every value that is neither a table nor empty."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            if "." not in name:
                yield from leaves(inner, f"{path}.{name}")
    else:
        yield path


def paths(parts: tuple[str, ...]) -> list[str]:
    return [
        path
        for name, step in good_steps().items()
        for part in parts
        if part in step
        for path in leaves(step[part], f"{name}.{part}")
    ]


def internal_errors(changes: Mapping[str, Any]) -> list[str]:
    analysis = Analysis()
    analysis.add(recording(changes).values())
    findings = [finding for judged in analysis.runs for finding in judged.checked.findings]
    return [finding.message for finding in findings if finding.rule == INTERNAL_ERROR]


@pytest.mark.parametrize("odd", TEXTS.values(), ids=TEXTS.keys())
def test_odd_text_anywhere(odd: str) -> None:
    places = paths(IN_TEXT + IN_JSON) + [f"{name}.url" for name in good_steps()]
    printable = odd.encode(errors="replace").decode()
    assert len(places) > 100
    failed = {
        path: internal_errors({"set": {path: printable if path.partition(".")[2].startswith(IN_TEXT) else odd}})
        for path in places
    }
    assert {path: messages for path, messages in failed.items() if messages} == {}


@pytest.mark.parametrize("odd", TEXTS.values(), ids=TEXTS.keys())
@pytest.mark.parametrize("step", good_steps())
def test_odd_redirect_anywhere(step: str, odd: str) -> None:
    location = odd.encode(errors="replace").decode()
    changes = {f"{step}.status": 302, f"{step}.header": {"location": location}}
    assert internal_errors({"set": changes}) == []


@pytest.mark.parametrize("odd", VALUES.values(), ids=VALUES.keys())
def test_odd_json_anywhere(odd: Any) -> None:
    failed = {path: internal_errors({"set": {path: odd}}) for path in paths(IN_JSON)}
    assert {path: messages for path, messages in failed.items() if messages} == {}


@pytest.mark.parametrize("step", good_steps())
def test_any_step_missing_unanswered_or_lost(step: str) -> None:
    assert internal_errors({"drop_step": [step]}) == []
    assert internal_errors({"until": step}) == []
    assert internal_errors({"drop": [f"{step}.status"]}) == []
    for side in ("request", "response"):
        assert internal_errors({"set": {f"{step}.lost": side}}) == []
    for status in (0, 204, 302, 400, 401, 403, 404, 500):
        assert internal_errors({"set": {f"{step}.status": status}}) == []
