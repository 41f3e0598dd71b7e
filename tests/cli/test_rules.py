from pathlib import Path

from inspector import rules as reference
from inspector.rules.registry import HEADINGS, all_rules
from tests.cli.conftest import Run


def test_every_rule_is_listed(run: Run) -> None:
    listed = {line.split()[0] for line in run("rules").stdout.splitlines()}
    assert listed == {rule.id for rule in all_rules()}


def test_a_rule_explains_itself(run: Run) -> None:
    done = run("rules", "resource-missing-authorize")
    assert done.returncode == 0
    assert all(f"\n{heading}\n" in done.stdout for heading in HEADINGS)
    assert "2025-06-18 MUST" in done.stdout


def test_a_near_miss_is_helped(run: Run) -> None:
    done = run("rules", "resource-missing")
    assert done.returncode == 2
    assert "resource-missing-authorize" in done.stderr


def test_the_reference_page_is_printed_as_it_is_kept(run: Run) -> None:
    done = run("rules", "--markdown")
    assert done.returncode == 0
    assert done.stdout == Path(reference.__file__).with_name("REFERENCE.md").read_text(encoding="utf-8")


def test_the_reference_page_is_of_all_rules(run: Run) -> None:
    done = run("rules", "resource-missing-authorize", "--markdown")
    assert done.returncode == 2
    assert "leave out the ID" in done.stderr
