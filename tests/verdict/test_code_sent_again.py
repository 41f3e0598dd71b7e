"""A client that has nothing better left sends its code again; that is no newer attempt, and hides no cause."""

from dataclasses import replace
from urllib.parse import urlencode

from inspector.protocol.pkce import s256
from inspector.rules.model import Party
from inspector.session.model import Body, Exchange, State
from inspector.verdict.analysis import analyse
from inspector.verdict.evidence import overcome
from tests.tui.story import CHALLENGE, PRM, VERIFIER, story

REFUSAL = b'{"error": "invalid_grant", "error_description": "The code was used before."}'
NEW_VERIFIER = "n" * 43


def with_the_code_again() -> list[Exchange]:
    """The sign-in of the story, then a new authorization request, and the old code with the new verifier."""
    exchanges = story()
    last = exchanges[-1]
    authorize = next(each for each in exchanges if "/oauth2/authorize" in each.url)
    token_request = next(each for each in exchanges if each.url.endswith("/oauth2/token"))
    url = authorize.url.replace(CHALLENGE, s256(NEW_VERIFIER)).replace("Zk3vPq81mXc0", "another-state")
    body = token_request.request_body.data.replace(urlencode({"v": VERIFIER})[2:].encode(), NEW_VERIFIER.encode())
    assert url != authorize.url
    assert body != token_request.request_body.data
    at = last.started_at + 1
    # The browser leg is known from its requests alone, so that the proof key tells which one a code goes back to.
    unseen = replace(authorize, status=None, response_headers=(), state=State.RECORDED, response_end=0.0)
    exchanges[exchanges.index(authorize)] = unseen
    recorded = replace(unseen, id=last.id + 1, url=url, started_at=at)
    refused = replace(
        token_request, id=last.id + 2, status=400, request_body=Body.whole(body), response_body=Body.whole(REFUSAL),
        started_at=at + 1, response_start=at + 1, response_end=at + 1,
    )  # fmt: skip
    # A smaller fault of the same client, which comes before the cause: it reads the metadata where nobody told it to.
    exchanges[1] = replace(exchanges[1], url=PRM.removesuffix("/mcp"))
    return [*exchanges, recorded, refused]


def test_the_cause_is_the_one_of_the_attempt_whose_code_it_was() -> None:
    verdict = analyse(with_the_code_again()).runs[-1].verdict
    assert verdict.party is Party.CLIENT
    assert verdict.cause == "resource-missing-authorize"


def test_what_the_first_attempt_showed_is_not_overcome() -> None:
    judged = analyse(with_the_code_again()).runs[-1]
    assert len(judged.run.code_exchanges) == 2
    for rule in ("aud-is-client-id", "fresh-token-rejected", "resource-missing-token"):
        assert not overcome(judged.run, judged.checked.of(rule)[0]), rule
