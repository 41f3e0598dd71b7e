"""Who is blamed, cleared and advised when the token is for somebody else, or was refused for its resource."""

from typing import Any

import pytest

from inspector.rules.model import Confidence, Party
from tests.rules.changes import outcome
from tests.rules.good import CLIENT_ID, ENDPOINT
from tests.verdict.stories.telling import (
    BOTH_LEGS,
    ENVIRONMENT,
    INVALID_TARGET,
    REFUSED,
    WRONG_AUDIENCE,
    blamed,
    cleared,
    remedy,
    told,
    verdict,
)


def test_resource_left_out_of_both_legs() -> None:
    seen = outcome({**REFUSED, "drop": BOTH_LEGS, "set": WRONG_AUDIENCE})
    found = seen.judged.verdict
    assert blamed(found) == (Party.CLIENT, Confidence.CERTAIN, "resource-missing-authorize")
    assert cleared(found) == {Party.MCP_SERVER, Party.AUTHORIZATION_SERVER}
    assert found.summary == (
        "The client does not say which server the token is for: it leaves resource out of the authorization request "
        f"and of the token request. The token that comes back is for the client id {ENVIRONMENT}, and the MCP server "
        "refuses it."
    )
    assert told(seen) == [
        ("prm", f"The MCP server publishes its resource: {ENDPOINT}"),
        ("authorize", "The authorization request has no resource"),
        ("token", "The token request has no resource"),
        ("token", f"The access token is for {ENVIRONMENT}"),
        ("initialize", "The MCP server answers 401 to that token"),
    ]
    assert f"resource={ENDPOINT} on the authorization request and on the token request" in remedy(found, Party.CLIENT)
    assert ENDPOINT in remedy(found, Party.CONFIGURATION)
    assert "default" in remedy(found, Party.CONFIGURATION)
    assert ENVIRONMENT in remedy(found, Party.MCP_SERVER)
    assert "Risk" in remedy(found, Party.MCP_SERVER)


def test_resource_left_out_of_both_legs_and_a_default_that_helps() -> None:
    found = verdict({"drop": [*BOTH_LEGS, "refresh.form.resource"]})
    assert blamed(found) == (Party.CLIENT, Confidence.CERTAIN, "resource-missing-authorize")
    assert found.summary.startswith("Sign-in works, but: The authorization request does not say")


def test_resource_left_out_of_the_authorization_request_only() -> None:
    found = verdict({**REFUSED, "drop": ["authorize.query.resource"], "set": WRONG_AUDIENCE})
    assert blamed(found) == (Party.CLIENT, Confidence.CERTAIN, "resource-missing-authorize")
    assert "leaves resource out of the authorization request. " in found.summary
    assert cleared(found) == {Party.MCP_SERVER, Party.AUTHORIZATION_SERVER}


def test_resource_left_out_of_the_authorization_request_only_and_refused_as_late() -> None:
    found = verdict({"until": "token", "drop": ["authorize.query.resource"], "set": INVALID_TARGET})
    assert blamed(found) == (Party.CLIENT, Confidence.CERTAIN, "resource-missing-authorize")
    assert f"resource={ENDPOINT}" in remedy(found, Party.CLIENT)
    assert cleared(found) == {Party.MCP_SERVER}


def test_resource_left_out_of_the_token_request_only() -> None:
    found = verdict({"drop": ["token.form.resource"]})
    assert blamed(found) == (Party.CLIENT, Confidence.CERTAIN, "resource-missing-token")
    assert found.summary.startswith("Sign-in works, but: The token request does not say")
    assert f"resource={ENDPOINT}" in remedy(found, Party.CLIENT)


def test_resource_left_out_of_the_token_request_does_not_explain_a_wrong_audience() -> None:
    found = verdict({**REFUSED, "drop": ["token.form.resource"], "set": WRONG_AUDIENCE})
    assert blamed(found) == (Party.CONFIGURATION, Confidence.CERTAIN, "aud-is-client-id")
    assert Party.CLIENT not in cleared(found)


def test_authkit_without_resource_indicators() -> None:
    seen = outcome({**REFUSED, "set": WRONG_AUDIENCE})
    found = seen.judged.verdict
    assert blamed(found) == (Party.CONFIGURATION, Confidence.CERTAIN, "aud-is-client-id")
    assert cleared(found) == {Party.CLIENT, Party.MCP_SERVER}
    assert "no resource indicator is configured" in found.summary
    assert f"Register {ENDPOINT} at the authorization server" in remedy(found, Party.CONFIGURATION)
    assert ("authorize", f"The authorization request has resource={ENDPOINT}") in told(seen)
    assert ("token", f"The token request has resource={ENDPOINT}") in told(seen)


def test_another_authorization_server_that_ignores_resource_is_not_told_to_be_misconfigured() -> None:
    found = verdict({**REFUSED, "set": {"token.claim.aud": CLIENT_ID}})
    assert blamed(found) == (Party.CONFIGURATION, Confidence.LIKELY, "aud-is-client-id")
    assert "no resource indicator is configured" not in found.summary
    assert "does not support it" in found.summary


def test_resource_that_is_not_mapped_to_the_audience() -> None:
    found = verdict({**REFUSED, "set": {"token.claim.aud": "mcp-server-api"}})
    assert blamed(found) == (Party.CONFIGURATION, Confidence.LIKELY, "aud-mismatch")
    assert cleared(found) == {Party.CLIENT, Party.MCP_SERVER}
    assert "allow" not in remedy(found, Party.MCP_SERVER)


def test_client_that_asks_for_another_resource() -> None:
    other = "https://elsewhere.example/mcp"
    found = verdict(
        {**REFUSED, "set": dict.fromkeys(["authorize.query.resource", "token.form.resource", "token.claim.aud"], other)}
    )
    assert blamed(found) == (Party.CLIENT, Confidence.CERTAIN, "resource-not-this-server")
    assert other in found.summary
    assert cleared(found) == {Party.MCP_SERVER, Party.AUTHORIZATION_SERVER}
    assert "default" not in remedy(found, Party.CONFIGURATION)
    assert "allow" not in remedy(found, Party.MCP_SERVER)


def test_authorization_server_is_not_cleared_when_it_issues_something_else_again() -> None:
    slash = dict.fromkeys(["authorize.query.resource", "token.form.resource"], f"{ENDPOINT}/")
    found = verdict({**REFUSED, "set": {**slash, **WRONG_AUDIENCE}})
    assert blamed(found) == (Party.CLIENT, Confidence.CERTAIN, "resource-trailing-slash")
    assert cleared(found) == {Party.MCP_SERVER}


def test_resource_that_is_not_in_the_list() -> None:
    seen = outcome({"until": "token", "set": INVALID_TARGET})
    found = seen.judged.verdict
    assert blamed(found) == (Party.CONFIGURATION, Confidence.CERTAIN, "invalid-target")
    assert cleared(found) == {Party.CLIENT}
    assert f"does not know the resource {ENDPOINT}" in found.summary
    assert "gave out a code first" in found.summary
    assert ENDPOINT in remedy(found, Party.CONFIGURATION)
    assert remedy(found, Party.CLIENT) == ""
    assert told(seen)[-1][0] == "token"


def test_resource_that_is_not_in_the_list_and_named_on_the_authorization_request_only() -> None:
    found = verdict({"until": "token", "drop": ["token.form.resource"], "set": INVALID_TARGET})
    assert blamed(found) == (Party.CONFIGURATION, Confidence.CERTAIN, "invalid-target")
    assert ENDPOINT in found.summary


@pytest.mark.parametrize(
    ("sent", "cause"),
    [(f"{ENDPOINT}/", "resource-trailing-slash"), ("http://localhost:3001", "resource-less-specific")],
)
def test_refused_resource_that_is_not_the_published_one(sent: str, cause: str) -> None:
    legs = {"authorize.query.resource": sent, "token.form.resource": sent}
    found = verdict({"until": "token", "set": {**legs, **INVALID_TARGET}})
    assert blamed(found) == (Party.CLIENT, Confidence.CERTAIN, cause)
    assert cleared(found) == {Party.MCP_SERVER}
    assert f"resource={ENDPOINT}" in remedy(found, Party.CLIENT)


def test_refused_for_want_of_a_resource() -> None:
    found = verdict({"until": "token", "drop": BOTH_LEGS, "set": INVALID_TARGET})
    assert blamed(found) == (Party.CLIENT, Confidence.CERTAIN, "resource-missing-authorize")


def test_refused_on_the_authorization_request() -> None:
    error = {"authorize.location": {"error": "invalid_target", "state": "state-1"}}
    found = verdict({"until": "authorize", "drop": ["authorize.query.resource"], "set": error})
    assert blamed(found) == (Party.CLIENT, Confidence.CERTAIN, "resource-missing-authorize")
    found = verdict({"until": "authorize", "set": error})
    assert blamed(found) == (Party.CONFIGURATION, Confidence.CERTAIN, "invalid-target")
    assert "code first" not in found.summary


def test_refused_with_the_browser_out_of_sight() -> None:
    found = verdict({"until": "token", "drop_step": ["authorize"], "set": INVALID_TARGET})
    assert blamed(found) == (Party.CONFIGURATION, Confidence.LIKELY, "invalid-target")
    found = verdict(
        {"until": "token", "drop_step": ["authorize"], "drop": ["token.form.resource"], "set": INVALID_TARGET}
    )
    assert found.party is Party.UNKNOWN
    assert "Evidence stops here" in found.summary


def test_refused_on_the_refresh() -> None:
    error = {"refresh.status": 400, "refresh.json": {"error": "invalid_target"}}
    found = verdict({"until": "refresh", "set": error})
    assert blamed(found) == (Party.CONFIGURATION, Confidence.LIKELY, "invalid-target")
    assert "on the refresh" in found.summary
    found = verdict({"until": "refresh", "drop": ["refresh.form.resource"], "set": error})
    assert blamed(found) == (Party.CLIENT, Confidence.CERTAIN, "resource-missing-refresh")
    assert f"resource={ENDPOINT} on every refresh" in remedy(found, Party.CLIENT)


def test_server_that_accepts_the_wrong_audience() -> None:
    seen = outcome({"until": "list", "drop": BOTH_LEGS, "set": WRONG_AUDIENCE})
    found = seen.judged.verdict
    assert blamed(found) == (Party.MCP_SERVER, Confidence.CERTAIN, "wrong-audience-token-accepted")
    assert cleared(found) == set()
    assert ENVIRONMENT in found.summary
    assert f"aud contains exactly {ENDPOINT}" in remedy(found, Party.MCP_SERVER)
    assert f"resource={ENDPOINT}" in remedy(found, Party.CLIENT)
    assert told(seen)[-1] == ("list", "The MCP server answered tools/list for a token that is not for it.")


def test_server_that_takes_an_abstract_audience_is_not_blamed() -> None:
    found = verdict({"until": "list", "set": {"token.claim.aud": "api://3f2504e0-4f89-11d3-9a0c-0305e82c3301"}})
    assert found.party is Party.NONE


def test_browser_leg_not_captured() -> None:
    seen = outcome({**REFUSED, "drop_step": ["authorize"], "set": WRONG_AUDIENCE})
    found = seen.judged.verdict
    assert found.party is Party.UNKNOWN
    assert found.summary == (
        f"The token is for the client id {ENVIRONMENT} and not for {ENDPOINT}. Evidence stops here: the authorization "
        "request was not captured."
    )
    assert "Capture the authorization request" in remedy(found, Party.UNKNOWN)
    assert cleared(found) == set()
    assert ("token", f"The access token is for {ENVIRONMENT}") in told(seen)


def test_pushed_request_is_not_called_missing() -> None:
    pushed = {"authorize.query": {"client_id": CLIENT_ID, "request_uri": "urn:ietf:params:oauth:request_uri:1"}}
    seen = outcome({**REFUSED, "set": {**WRONG_AUDIENCE, **pushed}})
    assert seen.judged.verdict.party is Party.UNKNOWN
    assert not any("authorization request has" in text for _, text in told(seen))


def hidden(**more: Any) -> dict[str, Any]:
    """A server that names its metadata nowhere, and a client that takes the server for its own authorization server."""
    missing = {
        "prm.status": 404,
        "root.status": 404,
        "root.url": "http://localhost:3001/.well-known/oauth-protected-resource",
    }
    challenges = {f"{step}.header.www-authenticate": "Bearer" for step in ("challenge", "initialize")}
    return {
        **REFUSED,
        "issuer": "http://localhost:3001",
        "copy": [{"step": "prm", "name": "root", "after": "prm"}],
        "drop": BOTH_LEGS,
        "set": {**WRONG_AUDIENCE, **missing, **challenges},
        **more,
    }


def test_server_that_publishes_nothing() -> None:
    found = verdict(hidden(drop_step=["as"]))
    assert blamed(found) == (Party.MCP_SERVER, Confidence.LIKELY, "prm-undiscoverable")
    assert f'"resource": "{ENDPOINT}"' in remedy(found, Party.MCP_SERVER)


def test_server_of_the_first_revision_is_no_reason_to_blame_the_client() -> None:
    found = verdict(hidden())
    assert blamed(found) == (Party.UNKNOWN, Confidence.CERTAIN, "aud-is-client-id")
    assert "shows no protected resource metadata" in found.summary


@pytest.mark.parametrize(
    ("spelling", "party", "cause"),
    [
        ({}, Party.CONFIGURATION, "aud-canonicalization"),
        (
            {"authorize.query.resource": f"{ENDPOINT}/", "token.form.resource": f"{ENDPOINT}/"},
            Party.CLIENT,
            "resource-trailing-slash",
        ),
    ],
)
def test_audience_in_another_spelling(spelling: dict[str, str], party: Party, cause: str) -> None:
    found = verdict({**REFUSED, "set": {"token.claim.aud": f"{ENDPOINT}/", **spelling}})
    assert (found.party, found.cause) == (party, cause)
    assert "trailing slash" in found.summary
    assert any(ENDPOINT in each.text for each in found.remedies if each.party is party)


def test_refresh_that_loses_the_audience() -> None:
    lost = {"refresh.claim.aud": ENVIRONMENT}
    seen = outcome({"refuse": ["again"], "drop": ["refresh.form.resource"], "set": lost})
    found = seen.judged.verdict
    assert blamed(found) == (Party.CLIENT, Confidence.CERTAIN, "resource-missing-refresh")
    assert f"resource={ENDPOINT} on every refresh" in remedy(found, Party.CLIENT)
    assert ("refresh", "The refresh has no resource") in told(seen)
    assert ("refresh", f"The access token is for {ENVIRONMENT}") in told(seen)
    assert ("again", "The MCP server answers 401 to that token") in told(seen)
    found = verdict({"refuse": ["again"], "set": lost})
    assert blamed(found) == (Party.CONFIGURATION, Confidence.LIKELY, "aud-changed-after-refresh")


def test_refresh_of_a_token_that_was_wrong_from_the_beginning() -> None:
    found = verdict(
        {
            "until": "refresh",
            "drop_step": ["initialize", "initialized", "list", "call"],
            "drop": [*BOTH_LEGS, "refresh.form.resource"],
            "set": WRONG_AUDIENCE,
        }
    )
    assert blamed(found) == (Party.CLIENT, Confidence.CERTAIN, "resource-missing-authorize")
    assert "out of the authorization request and of the token request" in found.summary
    assert cleared(found) == {Party.MCP_SERVER, Party.AUTHORIZATION_SERVER}


def older_client(**more: Any) -> dict[str, Any]:
    """A client of 2025-03-26, which looks for the authorization server at the MCP server and knows no resource."""
    offer = {"protocolVersion": "2025-03-26", "clientInfo": {"name": "old", "version": "1"}, "capabilities": {}}
    values = {
        "as.url": "http://localhost:3001/.well-known/oauth-authorization-server",
        **{f"{step}.sent.params": offer for step in ("challenge", "initialize")},
        **WRONG_AUDIENCE,
    }
    return {**REFUSED, "drop": BOTH_LEGS, "drop_step": ["prm"], "set": values, **more}


def test_client_of_the_revision_without_resource_is_not_at_fault() -> None:
    # MCP 2025-03-26 has no resource parameter: the pieces do not fit, and the dashboard can make them fit.
    seen = outcome(older_client())
    found = seen.judged.verdict
    assert blamed(found) == (Party.CONFIGURATION, Confidence.LIKELY, "resource-missing-authorize")
    assert cleared(found) == {Party.CLIENT, Party.AUTHORIZATION_SERVER}
    assert "Make it the default one" in remedy(found, Party.CONFIGURATION)
    assert ENDPOINT in remedy(found, Party.CONFIGURATION)
    assert "2025-06-18 or newer" in remedy(found, Party.CLIENT)
    assert "Risk" in remedy(found, Party.MCP_SERVER)
    levels = {f.level for f in seen.judged.checked.of("resource-missing-authorize", "resource-missing-token")}
    assert levels == {"diag"}


def test_older_client_that_is_refused_for_want_of_a_resource() -> None:
    changes = older_client(until="token", refuse=[])
    changes["set"] = {**changes["set"], **INVALID_TARGET}
    del changes["set"]["token.claim.aud"]
    found = verdict(changes)
    assert found.party is Party.CONFIGURATION
    assert "has no resource parameter" in found.summary
    assert "Make it the default one" in remedy(found, Party.CONFIGURATION)


def test_revision_that_was_only_offered_decides_nothing_without_discovery() -> None:
    # A client that has the metadata from before may offer an old protocol and know resource all the same.
    assert verdict(older_client(drop_step=["prm", "as"])).party is Party.UNKNOWN


def test_default_resource_indicator_helps_the_older_client() -> None:
    unversioned = [f"{step}.request_header.mcp-protocol-version" for step in ("initialized", "list")]
    works = older_client(until="list", refuse=[], drop=[*BOTH_LEGS, *unversioned])
    works["set"] |= {"token.claim.aud": ENDPOINT, "initialize.json.result.protocolVersion": "2025-03-26"}
    found = verdict(works)
    assert found.party is Party.NONE, found.summary


def test_server_in_front_of_another_issuer_that_takes_its_tokens_is_not_broken() -> None:
    seen = outcome({"issuer": "http://localhost:3001", "set": {"token.claim.iss": "https://tenant.authkit.app"}})
    assert seen.judged.verdict.party is Party.NONE
    assert seen.judged.checked.findings == ()


def test_refused_parent_can_be_mended_at_either_side() -> None:
    found = verdict({"until": "token", "resource": "http://localhost:3001", "set": INVALID_TARGET})
    assert (found.party, found.cause) == (Party.CONFIGURATION, "invalid-target")
    assert f"publish {ENDPOINT}" in remedy(found, Party.MCP_SERVER)
