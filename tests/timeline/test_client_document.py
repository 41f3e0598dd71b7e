"""The client ID metadata document, which is fetched where no other party of the run is."""

import pytest

from inspector.session.model import Exchange
from inspector.timeline import Timeline
from inspector.timeline.message import Kind
from tests.timeline.build import MCP, Client, exchange, kinds, run_of, timed

URL = "https://client.example/metadata.json"
A = Client(client_id=URL)
DOCUMENT = exchange("GET", URL, 200, answer={"client_id": URL, "redirect_uris": [A.redirect_uri]})
STORY = [each for each in A.story() if "/register" not in each.url]


@pytest.mark.parametrize("position", range(3, 8))
def test_it_is_a_step_of_the_run_whenever_it_is_fetched(position: int) -> None:
    run = run_of([*STORY[:position], DOCUMENT, *STORY[position:]])
    assert kinds(run)[position] is Kind.CLIENT_METADATA
    (step,) = [step for step in run.steps if step.kind is Kind.CLIENT_METADATA]
    assert (step.phase, step.title) == (2, "Client ID metadata document")


def test_it_is_taken_in_before_the_answer_and_stays() -> None:
    timeline = Timeline()
    exchanges = timed([*STORY[:4], DOCUMENT])
    waiting = exchange("GET", URL)
    timeline.add_all([*exchanges[:4], timed([waiting], first=5)[0]])
    assert kinds(timeline.runs[0])[-1] is Kind.CLIENT_METADATA
    timeline.add(exchanges[4])
    assert [m.document is not None for m in timeline.runs[0].of(Kind.CLIENT_METADATA)] == [True]


@pytest.mark.parametrize(
    "other",
    [
        exchange("GET", "https://client.example/other.json", 200, answer={}),
        exchange("GET", f"{URL}?v=2", 200, answer={}),
        exchange("POST", URL, 200, answer={}),
    ],
    ids=["another document", "another query", "no fetch"],
)
def test_what_else_the_client_publishes_is_no_part_of_the_run(other: Exchange) -> None:
    run = run_of([*STORY[:4], other, *STORY[4:]])
    assert Kind.CLIENT_METADATA not in kinds(run)
    assert len(run.messages) == len(STORY)


def test_the_next_attempt_knows_it_from_the_one_before() -> None:
    again = A.again()
    timeline = Timeline()
    timeline.add_all(timed([*STORY[:4], DOCUMENT, *STORY[4:], again.refused(), again.authorize(), again.redeem()]))
    first, second = timeline.runs
    assert [message.id for message in second.of(Kind.CLIENT_METADATA)] == [5]
    assert [message.id for message in first.of(Kind.CLIENT_METADATA)] == [5]


def test_an_endpoint_that_is_called_like_the_client_stays_an_endpoint() -> None:
    """Whoever chooses the client id chooses what it is the URL of."""
    named = Client(client_id=MCP)
    stream = exchange("GET", MCP, 405, headers={"authorization": f"Bearer {named.token()}"}, answer={})
    run = run_of([*named.discovery(), named.authorize(), named.redeem(), stream])
    assert kinds(run)[3:] == [Kind.AUTHORIZE, Kind.TOKEN, Kind.MCP]
