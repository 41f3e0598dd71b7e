from pathlib import Path

import pytest

from inspector.errors import InspectorError
from inspector.report.gate import (
    Gate,
    baseline_text,
    find_settings,
    github_annotations,
    read_baseline,
    read_settings,
)
from inspector.verdict.analysis import analyse
from inspector.verdict.model import Judged
from tests.tui.story import story

FAULTY = analyse(story()).runs[-1]
CLEAN = analyse(story(resource=True)).runs[-1]


def rules(judged: Judged) -> set[str]:
    return {finding.rule for finding in judged.checked.findings}


def test_an_error_fails_and_a_clean_run_does_not() -> None:
    assert Gate().fails([FAULTY])
    assert not Gate().fails([CLEAN])
    assert not Gate(fail_on="never").fails([FAULTY])


def test_only_what_is_selected_counts() -> None:
    gate = Gate(select=("resource-*",)).checked()
    assert rules(gate.applied(FAULTY)) == {"resource-missing-authorize", "resource-missing-token"}


def test_what_is_ignored_does_not_count() -> None:
    gate = Gate(ignore=("resource-missing-*", "aud-is-client-id", "fresh-token-rejected")).checked()
    assert not gate.fails([gate.applied(FAULTY)])


def test_the_verdict_is_never_filtered() -> None:
    assert Gate(select=("aud-missing",)).applied(FAULTY).verdict == FAULTY.verdict


def test_a_rule_that_does_not_exist_is_refused_with_the_closest_one() -> None:
    with pytest.raises(InspectorError, match="did you mean aud-missing"):
        Gate(ignore=("aud-mising",)).checked()


def test_a_baseline_holds_what_is_known_and_lets_new_findings_through(tmp_path: Path) -> None:
    path = tmp_path / "known.txt"
    path.write_text(baseline_text([FAULTY]))
    known = read_baseline(path)
    assert not Gate(known=known).fails([Gate(known=known).applied(FAULTY)])
    fewer = frozenset(line for line in known if not line.startswith("aud-is-client-id"))
    assert rules(Gate(known=fewer).applied(FAULTY)) == {"aud-is-client-id"}


def test_a_baseline_holds_no_value_of_the_recording() -> None:
    text = baseline_text([FAULTY])
    assert "client_01" not in text
    assert "resource-missing-authorize GET /oauth2/authorize query resource" in text


def test_a_baseline_that_is_not_there_says_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(InspectorError, match="--write-baseline"):
        read_baseline(tmp_path / "none.txt")


def test_settings_come_from_the_nearest_folder_that_has_any(tmp_path: Path) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.mcp-auth-inspector]\nignore = ["dcr-deprecated"]\nfail-on = "warning"\n'
    )
    (below / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    found = find_settings(below)
    assert found.ignore == ("dcr-deprecated",)
    assert found.fail_on == "warning"
    assert found.folder == tmp_path
    (below / "mcp-auth-inspector.toml").write_text('baseline = "known.txt"\n')
    assert find_settings(below).baseline == "known.txt"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [('colour = "red"', "is no setting"), ("ignore = 1", "a list of rule ids"), ("= =", "is no TOML")],
)
def test_a_wrong_setting_is_one_sentence(text: str, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "mcp-auth-inspector.toml"
    path.write_text(text)
    with pytest.raises(InspectorError, match=complaint):
        read_settings(path)


def test_an_annotation_cannot_begin_another() -> None:
    lines = list(github_annotations("a,b:c\n::error::x.har", [FAULTY]))
    assert len(lines) == len(FAULTY.checked.findings)
    assert all(line.startswith("::error file=a%2Cb%3Ac\\n%3A%3Aerror%3A%3Ax.har,title=") for line in lines)
    assert all("\n" not in line for line in lines)
    assert "resource-missing-authorize (client)" in "".join(lines)
