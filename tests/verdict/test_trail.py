"""Where the evidence stops: what was seen last, at which step, and what to capture next; nobody is blamed."""

from typing import Any

import pytest

from inspector.rules.model import Confidence, Party
from tests.rules.changes import outcome
from tests.rules.good import good_steps

SIGN_IN = ["challenge", "prm", "as", "register", "authorize", "token", "keys"]


def error(code: str, step: str = "token", **more: str) -> dict[str, Any]:
    return {f"{step}.status": 400, f"{step}.json": {"error": code, **more}}


ENDS: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "not started": ({"until": "as"}, "challenge", "has not started an authorization", "look at its log"),
    "in the browser": ({"until": "authorize"}, "authorize", "no token request followed", "Finish the sign-in"),
    "no answer": (
        {"until": "token", "drop": ["token.status", "token.json", "token.claim"]},
        "token",
        "has no answer",
        "until the authorization server has answered",
    ),
    "token not used": ({"until": "keys"}, "token", "got a token and has not used it", "call a tool"),
    "refused without a browser": (
        {"until": "token", "drop_step": ["authorize"], "set": error("invalid_grant")},
        "token",
        "refused the token request with invalid_grant, and nothing in this capture says why",
        "Capture the authorization request",
    ),
    "refused with a browser": (
        {"until": "token", "set": error("invalid_grant")},
        "token",
        "refused the token request with invalid_grant",
        "A code is good once",
    ),
    "refused with a reason": (
        {"until": "token", "set": error("invalid_client", error_description="Missing authorization header.")},
        "token",
        "with invalid_client: Missing authorization header.",
        "the way they are sent",
    ),
    "refresh refused": (
        {"until": "refresh", "set": error("invalid_grant", "refresh")},
        "refresh",
        "refused the refresh with invalid_grant",
        "Sign in again",
    ),
    "scope wanted": (
        {
            "pinned": "2025-06-18",  # which does not ask clients to step up
            "until": "call",
            "set": {
                "call.status": 403,
                "call.header": {"www-authenticate": 'Bearer error="insufficient_scope", scope="admin"'},
            },
        },
        "call",
        "answered 403 to the token: it wants the scope admin.",
        "with that scope",
    ),
    "forbidden": ({"until": "call", "set": {"call.status": 403}}, "call", "answered 403 to the token.", "lack a right"),
    "metadata that breaks": (
        {"until": "as", "set": {"as.status": 500, "as.json": {}}},
        "as",
        "/.well-known/oauth-authorization-server was answered 500",
        "Ask for that URL by hand",
    ),
    "metadata without an answer": ({"until": "prm", "drop": ["prm.status"]}, "prm", "has no answer", "by hand"),
    "server error": (
        {"until": "initialize", "set": {"initialize.status": 500}},
        "initialize",
        "was 500, which is not about authorization",
        "answer's body",
    ),
    "token expired": (
        {
            "until": "again",
            "drop_step": ["refresh"],
            "refuse": ["again"],
            "set": {"again.wait": 200, "again.bearer": "token"},
        },
        "again",
        "The token had expired",
        "refreshes or signs in again",
    ),
    "stored token for somebody else": (
        {
            "until": "initialize",
            "drop_step": ["as", "register", "authorize", "token", "keys"],
            "refuse": ["initialize"],
            "set": {"token.claim.aud": "client_01HZENVAUTHKIT0000000000AB"},
        },
        "initialize",
        "refused a token for client_01HZENVAUTHKIT0000000000AB; its resource is http://localhost:3001/mcp",
        "connect it anew while capturing",
    ),
    "stored token that looks right": (
        {
            "until": "initialize",
            "drop_step": ["as", "register", "authorize", "token", "keys"],
            "refuse": ["initialize"],
        },
        "initialize",
        "nothing in this capture says why",
        "server's log",
    ),
}


@pytest.mark.parametrize(("changes", "step", "text", "advice"), ENDS.values(), ids=ENDS.keys())
def test_evidence_stops(changes: dict[str, Any], step: str, text: str, advice: str) -> None:
    seen = outcome(changes)
    verdict = seen.judged.verdict
    assert (verdict.party, verdict.confidence, verdict.cause) == (Party.UNKNOWN, Confidence.CERTAIN, None)
    assert verdict.summary.startswith("Evidence stops here: ")
    assert text in verdict.summary
    assert verdict.cleared == ()
    observation = verdict.observations[0]
    assert observation.text in verdict.summary
    assert next(each.exchanges for each in seen.judged.run.steps if each.id == observation.step) == (
        seen.recorded[step].id,
    )
    (remedy,) = verdict.remedies
    assert remedy.party is Party.UNKNOWN
    assert advice in remedy.text


def test_server_that_asks_for_nothing() -> None:
    changes = {"until": "initialize", "drop_step": SIGN_IN, "drop": ["initialize.bearer"]}
    verdict = outcome(changes).judged.verdict
    assert verdict.party is Party.NONE
    assert verdict.summary == "No authorization was seen: the MCP server has not asked for any."
    assert "optional" in verdict.remedies[0].text


def test_discovery_alone() -> None:
    verdict = outcome({"drop_step": [name for name in good_steps() if name != "prm"]}).judged.verdict
    assert verdict.party is Party.UNKNOWN
    assert verdict.summary == "Evidence stops here: Only discovery was seen."


def test_forbidden_without_a_token_is_not_called_open() -> None:
    found = outcome(
        {"until": "challenge", "drop": ["challenge.header"], "set": {"challenge.status": 403}}
    ).judged.verdict
    assert found.party is Party.UNKNOWN
    assert "403" in found.summary
    assert any("401" in remedy.text for remedy in found.remedies)
