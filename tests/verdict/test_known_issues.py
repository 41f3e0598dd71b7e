"""A verdict points to a public issue where the client is known for the fault that the capture shows, and only there."""

from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from inspector.rules.model import Confidence, Party
from inspector.rules.registry import find_rule
from inspector.timeline.client import Client
from inspector.verdict.known_issues import KnownIssue, load_known_issues, with_known_issue
from inspector.verdict.model import Verdict
from tests.cases import after_token, dashboard, registration, resource
from tests.cases.rows import CODEX, WARP, Row, signs_in
from tests.rules.changes import outcome

WARP_SAYS = Client("Warp", "v0.2026.04.22", "warp/0.2026")
LEFT_OUT = Verdict(Party.CLIENT, Confidence.CERTAIN, "resource-missing-authorize", "The client leaves it out.")


def test_names_the_issue_with_its_date_and_source() -> None:
    found = with_known_issue(LEFT_OUT, WARP_SAYS)
    assert found.known_issue
    assert "https://github.com/warpdotdev/warp/issues/9462" in found.known_issue
    assert "2026-04-29" in found.known_issue
    assert (found.remedies[-1].party, found.remedies[-1].text) == (Party.CLIENT, found.known_issue)
    assert replace(found, known_issue=None, remedies=()) == LEFT_OUT


@pytest.mark.parametrize(
    ("client", "cause"),
    [
        (Client("Warp"), "code-verifier-missing"),
        (Client("good-client", "1.0", "good-client/1.0"), "resource-missing-authorize"),
        (Client("time-warp"), "resource-missing-authorize"),
        (Client(), "resource-missing-authorize"),
        (Client("Warp"), None),
    ],
)
def test_is_silent_about_other_clients_and_other_faults(client: Client, cause: str | None) -> None:
    verdict = replace(LEFT_OUT, cause=cause)
    assert with_known_issue(verdict, client) is verdict


def test_the_version_does_not_matter() -> None:
    assert with_known_issue(LEFT_OUT, replace(WARP_SAYS, version="v9999")).known_issue


def test_knows_a_client_by_its_user_agent() -> None:
    assert with_known_issue(LEFT_OUT, Client(user_agent="codex_cli_rs/0.113.0 (Mac OS)")).known_issue


def test_a_sign_in_that_works_has_no_known_issue() -> None:
    assert outcome(signs_in(WARP, {})).judged.verdict.known_issue is None
    assert outcome(signs_in(CODEX, {})).judged.verdict.known_issue is None


KNOWN = {
    "1-warp_at_an_authorization_server_that_demands_resource": "warp/issues/9462",
    "2-warp_at_authkit": "warp/issues/9462",
    "3-codex_gets_a_token_for_itself": "codex/issues/24890",
    "6-codex_refreshes_without_resource": "codex/issues/33403",
    "8-n8n_discards_the_published_resource": "n8n/issues/30733",
    "14-oh_my_pi_takes_the_resource_of_the_endpoint_url": "oh-my-pi/issues/10299",
    "18-resource_missing_from_the_dashboard": "claude-ai-mcp/issues/271",
    "22-registration_takes_no_custom_scheme": "laravel/mcp/issues/173",
    "59-mcp_remote_uses_its_cache": "claude-code/issues/4760",
    "69-edge_answers_in_plain_text": "claude-ai-mcp/issues/620",
}
ROWS: dict[str, Row] = {
    row.name: row for section in (resource, dashboard, registration, after_token) for row in section.ROWS
}


@pytest.mark.parametrize("name", KNOWN)
def test_finds_the_issue_in_its_own_capture(name: str) -> None:
    assert KNOWN[name] in (outcome(ROWS[name].changes()).judged.verdict.known_issue or "")


@pytest.mark.parametrize("issue", load_known_issues(), ids=lambda issue: issue.source)
def test_every_entry_is_complete(issue: KnownIssue) -> None:
    assert urlsplit(issue.source).scheme == "https"
    assert issue.text.endswith(".")
    assert all(find_rule(rule) for rule in issue.rules)
