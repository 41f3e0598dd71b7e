"""What the inspector did itself is never laid to a client: wire patches, and the questions of a probe."""

from dataclasses import replace
from urllib.parse import quote

from inspector.rules.model import Party
from inspector.session.model import Exchange, Source, Translation
from inspector.verdict.analysis import analyse
from tests.tui.story import MCP, story


def patched() -> list[Exchange]:
    """The sign-in of a client that leaves `resource` out, with `add-resource` on the wire."""
    exchanges = []
    for exchange in story(resource=True):
        part = ""
        if "/oauth2/authorize" in exchange.url and f"resource={quote(MCP, safe='')}" in exchange.url:
            part = "request.url"
        elif exchange.request_body.data and b"resource=" in exchange.request_body.data:
            part = "request.body"
        change = (Translation(part, "resource", "", MCP, by="add-resource"),) if part else ()
        exchanges.append(replace(exchange, translations=change))
    assert sum(bool(each.translations) for each in exchanges) == 2
    return exchanges


def test_a_client_answers_for_what_it_sent_itself() -> None:
    judged = analyse(patched()).runs[-1]
    assert {finding.rule for finding in judged.checked.errors} >= {
        "resource-missing-authorize",
        "resource-missing-token",
    }
    assert judged.verdict.party is Party.CLIENT
    assert "add-resource" in judged.verdict.observations[0].text
    assert judged.verdict.summary.startswith("Sign-in works")


def test_what_the_servers_do_is_judged_by_what_they_were_asked() -> None:
    judged = analyse(patched()).runs[-1]
    assert not judged.checked.of("aud-is-client-id", "fresh-token-rejected")


def test_the_same_without_a_patch_is_nobodys_fault() -> None:
    plain = [replace(exchange, translations=()) for exchange in patched()]
    assert analyse(plain).runs[-1].verdict.party is Party.NONE


def test_a_probe_is_no_client() -> None:
    asked = [replace(exchange, source=Source.PROBE, listener="probe") for exchange in story()[:4]]
    judged = analyse(asked).runs[-1]
    assert not any(finding.party is Party.CLIENT for finding in judged.checked.findings)
    assert judged.verdict.party is Party.NONE
    assert "takes a sign-in" in judged.verdict.summary
