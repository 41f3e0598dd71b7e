"""Who is blamed, cleared and advised when a token for the right server does not get in."""

from inspector.rules.model import Confidence, Party
from tests.rules.changes import outcome
from tests.rules.good import ENDPOINT
from tests.verdict.stories.telling import REFUSED, blamed, cleared, remedy, told, verdict


def test_good_token_that_is_refused() -> None:
    seen = outcome(REFUSED)
    found = seen.judged.verdict
    assert blamed(found) == (Party.MCP_SERVER, Confidence.CERTAIN, "fresh-token-rejected")
    assert cleared(found) == {Party.CLIENT, Party.AUTHORIZATION_SERVER}
    assert "verifies" in found.summary
    assert ENDPOINT in remedy(found, Party.MCP_SERVER)
    assert "http://localhost:3002" in remedy(found, Party.MCP_SERVER)
    assert told(seen)[-1] == ("initialize", "The MCP server answers 401 to that token")


def test_good_token_whose_signature_cannot_be_checked() -> None:
    found = verdict({**REFUSED, "drop_step": ["keys"]})
    assert blamed(found) == (Party.MCP_SERVER, Confidence.LIKELY, "fresh-token-rejected")
    assert "could not be checked" in found.summary


def test_good_token_whose_key_is_not_in_the_set() -> None:
    found = verdict(
        {**REFUSED, "set": {"keys.json.keys": [{"kty": "RSA", "kid": "another", "n": "AQAB", "e": "AQAB"}]}}
    )
    assert blamed(found) == (Party.MCP_SERVER, Confidence.GUESS, "fresh-token-rejected")
    assert "no key with its kid" in found.summary
