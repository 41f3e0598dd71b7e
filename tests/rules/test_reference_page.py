"""The page beside the rules says what the rules say."""

import re
from pathlib import Path

from inspector import rules
from inspector.cli.rules import reference_page
from inspector.protocol.revisions import REVISIONS
from inspector.rules.registry import HEADINGS, all_rules

PAGE = Path(rules.__file__).with_name("REFERENCE.md")
COMMAND = "mcp-auth-inspector rules --markdown > inspector/rules/REFERENCE.md"


def test_the_page_is_up_to_date() -> None:
    is_current = PAGE.read_text(encoding="utf-8") == reference_page(all_rules())
    assert is_current, f"the rules have changed; write the page anew with: {COMMAND}"


def test_every_rule_has_its_entry_with_every_section() -> None:
    entries = dict(re.findall(r"^### (\S+)\n(.*?)(?=^##|\Z)", reference_page(all_rules()), re.MULTILINE | re.DOTALL))
    assert list(entries) == [rule.id for rule in all_rules()]
    for rule in all_rules():
        entry = entries[rule.id]
        assert all(f"**{heading}.** " in entry for heading in HEADINGS), rule.id
        levels = " | ".join(rule.levels.at(revision) for revision in REVISIONS)
        assert f"| {rule.severity} | {rule.confidence} | {rule.party} | {levels} |" in entry, rule.id


def test_every_link_of_the_contents_leads_to_a_heading_that_is_there_once() -> None:
    page = reference_page(all_rules())
    headings = re.findall(r"^##+ (.+)$", page, re.MULTILINE)
    links = re.findall(r"^ *- \[.*?\]\(#(.+?)\)", page, re.MULTILINE)
    assert len(set(headings)) == len(headings)
    assert links == [heading for heading in headings if heading != "Contents"]
