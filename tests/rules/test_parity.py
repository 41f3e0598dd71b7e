"""Rules, their documentation and their cases belong together: none of them stands alone."""

import ast
import inspect
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import inspector.rules
import inspector.verdict
from inspector.protocol.revisions import NOT_DEFINED, REVISIONS
from inspector.rules.model import Phase
from inspector.rules.registry import HEADINGS, Rule, all_rules, find_rule, rule
from inspector.rules.runner import INTERNAL_ERROR
from tests.rules.test_cases import CASES, FILES, KINDS

IDS = {declared.id for declared in all_rules()}
FORCE = r"(rfc-)?(MUST|SHOULD)( NOT)?|MAY|diag"
PARTIES = r"client|server|operator|user|everybody"


def by_id(declared: Rule) -> str:
    return declared.id


def test_every_rule_has_cases_and_every_case_a_rule() -> None:
    assert {case.rule for case in CASES} == IDS


@pytest.mark.parametrize("declared", all_rules(), ids=by_id)
def test_every_rule_fails_passes_and_is_not_observed_in_some_case(declared: Rule) -> None:
    kinds = {case.name.partition("_")[0] for case in CASES if case.rule == declared.id}
    assert kinds == set(KINDS)


def test_each_phase_has_its_case_file() -> None:
    assert {file.stem for file in FILES} == {phase.value for phase in Phase}


def test_cases_are_in_the_file_of_their_rules_phase() -> None:
    for file in FILES:
        named = set(re.findall(r"^\[([a-z0-9-]+)\.\w+\]$", file.read_text(), re.MULTILINE))
        assert {declared.phase.value for declared in all_rules() if declared.id in named} == {file.stem}


def test_titles_are_unique() -> None:
    assert [title for title, count in Counter(declared.title for declared in all_rules()).items() if count > 1] == []


@pytest.mark.parametrize("declared", all_rules(), ids=by_id)
def test_documentation_is_complete(declared: Rule) -> None:
    documentation = declared.documentation
    assert list(documentation) == list(HEADINGS)
    assert all(documentation.values())
    assert re.search(PARTIES, documentation["How to fix"], re.IGNORECASE)
    assert re.search(r"MCP|RFC|OAuth", documentation["References"])


@pytest.mark.parametrize("declared", all_rules(), ids=by_id)
def test_levels_are_words_of_the_specifications(declared: Rule) -> None:
    levels = [declared.levels.at(revision) for revision in REVISIONS]
    assert all(level == NOT_DEFINED or re.fullmatch(FORCE, level) for level in levels)
    assert any(level != NOT_DEFINED for level in levels)


@pytest.mark.parametrize("declared", all_rules(), ids=by_id)
def test_ids_are_kebab_case(declared: Rule) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", declared.id)


def test_every_cause_that_is_written_down_is_a_rule() -> None:
    causes = set(_causes())
    assert len(causes) > 5
    assert causes - IDS == set()


def _causes() -> Iterator[str]:
    """Rule ids in the sources: given as `cause`, asked for with `of`, or returned together with a party."""
    for package in (inspector.rules, inspector.verdict):
        for file in Path(package.__path__[0]).glob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.keyword) and node.arg == "cause":
                    yield from _texts(node.value)
                elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "of":
                    yield from (text for argument in node.args for text in _texts(argument))
                elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
                    yield from (text for entry in node.value.elts for text in _texts(entry))


def _texts(node: ast.expr) -> Iterator[str]:
    branches = [node.body, node.orelse] if isinstance(node, ast.IfExp) else [node]
    for branch in branches:
        text = branch.value if isinstance(branch, ast.Constant) else None
        if isinstance(text, str) and re.fullmatch(r"[a-z]+(-[a-z0-9]+)+", text) and text != INTERNAL_ERROR:
            yield text


def test_rules_that_documentation_speaks_of_exist() -> None:
    beginnings = {identifier.partition("-")[0] for identifier in IDS} - {"client", "resource", "server"}
    for declared in all_rules():
        words = re.findall(r"(?<![\w/.`-])[a-z]+(?:-[a-z0-9]+)+(?![\w/`-])", inspect.getdoc(declared.check) or "")
        spoken_of = {word for word in words if word.partition("-")[0] in beginnings}
        assert spoken_of <= IDS, declared.id


def test_a_rule_can_be_found() -> None:
    assert all(find_rule(declared.id) is declared for declared in all_rules())
    assert find_rule("no-such-rule") is None


DOCUMENTED = "\n\n".join(f"{heading}: Something." for heading in HEADINGS)


@pytest.mark.parametrize(
    ("rule_id", "title", "documentation", "complaint"),
    [
        ("No_Kebab", "A title", DOCUMENTED, "kebab"),
        ("pkce-missing", "A title", DOCUMENTED, "twice"),
        ("new-rule", "A title.", DOCUMENTED, "full stop"),
        ("new-rule", "T" * 91, DOCUMENTED, "short"),
        ("new-rule", "A title", DOCUMENTED.replace("References", "Sources"), "lacks: References"),
        ("new-rule", "A title", "", "lacks: What it checks"),
    ],
)
def test_a_bad_declaration_is_refused(rule_id: str, title: str, documentation: str, complaint: str) -> None:
    example = all_rules()[0]

    def check() -> None: ...

    check.__doc__ = documentation
    phase, party, severity = example.phase, example.party, example.severity
    declare = rule(rule_id, title=title, phase=phase, party=party, severity=severity, levels="- | - | - | MUST")
    with pytest.raises(ValueError, match=complaint):
        declare(check)  # type: ignore[arg-type]  # only its documentation is looked at
    assert find_rule("new-rule") is None


def test_levels_need_one_for_each_revision() -> None:
    example = all_rules()[0]
    declare = rule(
        "new-rule", title="A title", phase=example.phase, party=example.party, severity=example.severity, levels="MUST"
    )
    with pytest.raises(ValueError, match="1 levels"):
        declare(example.check)
