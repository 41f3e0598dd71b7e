"""A client that has nothing better left sends its code again; that is no newer attempt, and hides no cause."""

from dataclasses import replace

from inspector.rules.model import Party
from inspector.session.model import Body
from inspector.verdict.analysis import analyse
from tests.tui.story import PRM, story

REFUSAL = b'{"error": "invalid_grant", "error_description": "The code was used before."}'


def test_the_cause_is_the_one_of_the_attempt_whose_code_it_was() -> None:
    """A smaller fault of the same client, which reads the metadata at another place than it was told, comes first."""
    exchanges = story()
    exchanges[1] = replace(exchanges[1], url=PRM.removesuffix("/mcp"))
    last = exchanges[-1]
    token_request = next(each for each in exchanges if each.url.endswith("/oauth2/token"))
    again = [
        replace(
            token_request,
            id=last.id + number,
            status=400,
            response_body=Body.whole(REFUSAL),
            started_at=last.started_at + number,
            response_start=last.started_at + number,
            response_end=last.started_at + number,
        )
        for number in (1, 2)
    ]
    verdict = analyse([*exchanges, *again]).runs[-1].verdict
    assert verdict.party is Party.CLIENT
    assert verdict.cause == "resource-missing-authorize"
