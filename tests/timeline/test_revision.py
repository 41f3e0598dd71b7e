"""Which revision client and server follow, told from what they do."""

import pytest

from inspector.session.model import Exchange
from inspector.timeline import Timeline
from inspector.timeline.revision import Revision
from tests.timeline.build import Client, exchange, result, rpc, run_of, timed

A = Client()
STATELESS = {"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}}


def revision(*exchanges: Exchange) -> Revision:
    return run_of(exchanges).revision


def hello(offered: str, answered: str | None = None) -> Exchange:
    """A handshake with a token; refused when no version is answered."""
    sent = rpc("initialize", {"protocolVersion": offered})
    if answered is None:
        return A.refused(sent=sent, answered={})
    return A.call(sent=sent, token="t", answer=result(protocolVersion=answered))


def test_nothing_tells() -> None:
    found = revision(A.call("tools/list", 401))
    assert (found.auth_profile, found.protocol_version) == ("", "")
    assert (found.client, found.server, found.assumed) == ("2025-11-25", "2025-11-25", True)
    assert found.evidence == ()


def test_an_offer_is_the_clients_even_when_it_is_refused() -> None:
    found = revision(hello("2025-06-18"))
    assert (found.protocol_version, found.client, found.server) == ("2025-06-18", "2025-06-18", "2025-06-18")
    assert not found.assumed
    assert found.evidence == ("protocol version 2025-06-18 is offered",)


def test_what_is_negotiated_binds_the_server_and_what_is_offered_the_client() -> None:
    found = revision(hello("2025-11-25", "2025-03-26"))
    assert (found.protocol_version, found.client, found.server) == ("2025-03-26", "2025-11-25", "2025-03-26")
    assert found.evidence == ("protocol version 2025-03-26 was negotiated",)


def test_a_version_nobody_knows_decides_no_level() -> None:
    found = revision(hello("2024-11-05", "2024-11-05"))
    assert (found.protocol_version, found.client, found.server) == ("2024-11-05", "2025-11-25", "2025-11-25")
    assert found.assumed


def test_the_header_after_the_handshake_tells_what_was_negotiated() -> None:
    headers = {"MCP-Protocol-Version": "2025-06-18"}
    assert revision(A.call(token="t", headers=headers)).protocol_version == "2025-06-18"
    assert revision(A.call("tools/list", 400, token="t", headers=headers)).protocol_version == ""


def test_the_header_on_discovery_tells_nothing() -> None:
    probe = exchange("GET", A.metadata_url, 404, headers={"MCP-Protocol-Version": "2024-11-05"})
    assert revision(probe).protocol_version == ""


def test_asking_for_resource_metadata_tells_the_age_of_a_client() -> None:
    found = revision(A.resource_metadata(status=404))
    assert (found.auth_profile, found.client, found.assumed) == ("2025-06-18", "2025-06-18", False)
    assert found.evidence == ("the client asks for protected resource metadata",)


@pytest.mark.parametrize(
    ("each", "profile", "evidence"),
    [
        (A.server_metadata("openid-configuration", 404), "2025-11-25", "the client asks for openid-configuration"),
        (
            Client(client_id="https://client.example/id.json").authorize(),
            "2025-11-25",
            "the client id is a client ID metadata document URL",
        ),
        (A.register(application_type="native"), "2026-07-28", "the registration names an application_type"),
        (A.call("server/discover"), "2026-07-28", "the client asks what the server can do without a handshake"),
        (A.server_metadata(), "2025-06-18", ""),
        (A.register(), "2025-06-18", ""),
        (A.authorize(), "2025-06-18", ""),
        # mcp-remote 0.15 names the method in a header under 2025-06-18.
        (A.call(headers={"Mcp-Method": "tools/list"}), "2025-06-18", ""),
    ],
)
def test_what_a_client_does_after_that_can_tell_more(each: Exchange, profile: str, evidence: str) -> None:
    found = revision(A.call("ping"), A.resource_metadata(), each)
    assert found.auth_profile == profile
    assert set(found.evidence) >= {evidence} - {""}


def test_the_profile_raises_the_clients_level_and_not_the_servers() -> None:
    found = revision(
        hello("2025-06-18", "2025-06-18"), A.server_metadata("openid-configuration"), A.resource_metadata()
    )
    assert (found.auth_profile, found.client, found.server) == ("2025-11-25", "2025-11-25", "2025-06-18")


def test_a_server_with_resource_metadata_follows_its_revision_at_least() -> None:
    published = revision(hello("2025-03-26", "2025-03-26"), A.resource_metadata())
    challenged = revision(A.refused(), hello("2025-03-26", "2025-03-26"))
    assert (published.server, challenged.server) == ("2025-06-18", "2025-06-18")
    assert "the server publishes protected resource metadata" in published.evidence
    assert "the server's challenge names protected resource metadata" in challenged.evidence


def test_a_stateless_request_needs_no_handshake() -> None:
    found = revision(A.call(sent=rpc("tools/list", STATELESS), token="t"))
    assert (found.protocol_version, found.client) == ("2026-07-28", "2026-07-28")


@pytest.mark.parametrize(
    "answer",
    [
        {"jsonrpc": "2.0", "id": 1, "error": {"code": -32020, "message": "Missing MCP-Protocol-Version header"}},
        {"jsonrpc": "2.0", "id": 1, "error": {"code": -32022, "data": {"supported": ["2026-07-28"]}}},
        result(resultType="complete"),
    ],
)
def test_a_server_that_answers_statelessly(answer: object) -> None:
    found = revision(A.call("ping", 400, sent=rpc("initialize", {"protocolVersion": "2025-11-25"}), answer=answer))
    assert (found.client, found.server) == ("2025-11-25", "2026-07-28")


def test_a_server_of_two_eras_follows_what_was_negotiated() -> None:
    unsupported = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32022}}
    first = A.call(status=400, sent=rpc("server/discover", STATELESS), answer=unsupported)
    found = revision(first, hello("2025-11-25", "2025-11-25"))
    assert (found.client, found.server) == ("2026-07-28", "2025-11-25")


def test_an_ordinary_error_tells_nothing() -> None:
    answer = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32602}}
    assert revision(A.call(status=400, answer=answer)).assumed


def test_a_pinned_revision_overrules_everything() -> None:
    timeline = Timeline("2025-03-26")
    timeline.add_all(timed(A.story()))
    found = timeline.runs[0].revision
    assert (found.client, found.server, found.assumed) == ("2025-03-26", "2025-03-26", False)
    assert found.auth_profile == "2025-06-18"


def test_the_authorization_server_follows_its_client() -> None:
    found = revision(hello("2025-11-25", "2025-06-18"))
    parties = ("client", "mcp-server", "authorization-server", "configuration")
    assert [found.for_party(party) for party in parties] == ["2025-11-25", "2025-06-18", "2025-11-25", "2025-11-25"]


def test_evidence_is_named_once() -> None:
    found = revision(*[A.resource_metadata(status=404)] * 3)
    assert found.evidence == ("the client asks for protected resource metadata",)
