"""Which run an exchange belongs to: by values only its parties know, then by address, never by time alone."""

from dataclasses import replace
from random import Random

import pytest

from inspector.timeline import Timeline
from inspector.timeline.message import Kind
from tests.timeline.build import AS, MCP, START, Client, exchange, ids, kinds, names, run_of, runs_of, timed

A, B = Client("a"), Client("b", agent="claude-code/2.1")


def test_one_sign_in_is_one_run() -> None:
    run = run_of(A.story())
    assert ids(run) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert run.server_url == MCP
    assert run.complete


def test_nothing_is_no_run() -> None:
    assert runs_of([]) == ()
    assert runs_of([exchange("GET", f"{AS}/page", 200), A.redeem(), A.register()]) == ()


# Refresh and stored tokens.


def test_a_refresh_hours_later_joins_its_run() -> None:
    later = [A.refresh(), A.call(token=A.token(2))]
    exchanges = [*timed([*A.story(), *B.story()]), *timed(later, START + 40_000, 17)]
    timeline = Timeline()
    timeline.add_all(exchanges)
    first, second = timeline.runs
    assert ids(first)[-2:] == [17, 18]
    assert first.refreshes[0].access_token == "token-a-2"
    assert first.uses[-1].exchange is first.refreshes[0]
    assert len(second.messages) == 8


def test_discovery_before_a_refresh_opens_no_run() -> None:
    """Some clients look the metadata up again each time they refresh."""
    run = run_of([*A.story(), A.resource_metadata(), A.server_metadata(), A.refresh(), A.call(token=A.token(2))])
    assert len(run.messages) == 12


def test_a_stored_token_needs_no_sign_in() -> None:
    run = run_of([A.call("initialize", token="stored"), A.call(token="stored")])
    assert ids(run) == [1, 2]
    assert [use.exchange for use in run.uses] == [None, None]
    assert run.complete


def test_a_stored_token_of_another_client_is_another_run() -> None:
    first, second = runs_of([*A.story(), B.call(token="stored"), A.call(token=A.token())])
    assert ids(first) == [1, 2, 3, 4, 5, 6, 7, 8, 10]
    assert ids(second) == [9]


def test_a_stored_token_that_is_refused_refreshed_and_used() -> None:
    run = run_of(
        [A.refused(token="old"), A.resource_metadata(), A.server_metadata(), A.refresh(7), A.call(token=A.token(8))]
    )
    assert len(run.messages) == 5
    assert run.uses[-1].exchange is run.refreshes[0]


# What stays out.


def test_noise_at_the_authorization_server_stays_out() -> None:
    stranger = Client("z", "http://localhost:9999/app")
    noise = [
        exchange("GET", f"{AS}/dashboard", 200),
        stranger.authorize(),
        stranger.redeem(),
        stranger.refresh(),
        exchange("POST", f"{AS}/oauth2/introspection", 200, form={"token": "x", "client_id": "client-z"}),
    ]
    story = A.story()
    timeline = Timeline()
    timeline.add_all(timed([*story[:4], *noise, *story[4:6], *noise, *story[6:], *noise]))
    (run,) = timeline.runs
    assert names(run) == ["client-a"]
    assert kinds(run) == [message.kind for message in run_of(story).messages]
    assert {message.kind for message in timeline.unlinked} == {Kind.AUTHORIZE, Kind.TOKEN, Kind.INTROSPECT}


def test_pages_beside_the_server_stay_out() -> None:
    local = Client(issuer="http://localhost:3001")
    page = exchange("GET", "http://localhost:3001/dashboard", 200)
    assert len(run_of([*local.story()[:5], page, *local.story()[5:]]).messages) == 8


def test_other_hosts_stay_out() -> None:
    story = A.story()
    noise = [exchange("GET", "https://cdn.example/logo.png", 200), exchange("POST", "https://x.example/token", 200)]
    assert kinds(run_of([*story[:5], *noise, *story[5:]])) == kinds(run_of(story))


def test_what_stays_out_is_bounded() -> None:
    timeline = Timeline()
    timeline.add_all(timed(exchange("POST", f"https://x{number}.example/token", 200) for number in range(2000)))
    assert len(timeline.unlinked) == 500
    assert timeline.unlinked[-1].id == 2000


# Order of arrival.


@pytest.mark.parametrize("seed", range(60))
def test_a_sign_in_that_arrives_in_any_order_is_one_run(seed: int) -> None:
    story = timed(Client(resource=MCP).story())
    Random(seed).shuffle(story)
    timeline = Timeline()
    timeline.add_all(story)
    (run,) = timeline.runs
    assert ids(run) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [step.title for step in run.steps] == [step.title for step in run_of(A.story()).steps]
    assert timeline.unlinked == ()


def test_a_stream_opened_before_the_sign_in_and_closed_after_it_opens_no_run() -> None:
    """A finished recording lists exchanges in the order of their end."""
    stream = exchange("GET", MCP, 200, headers={"accept": "text/event-stream", "user-agent": A.agent})
    exchanges = timed([stream, *A.story()])
    timeline = Timeline()
    timeline.add_all([*exchanges[1:], exchanges[0]])
    (run,) = timeline.runs
    assert ids(run) == list(range(1, 10))


def test_metadata_before_the_first_refusal_and_never_a_refusal() -> None:
    """claude-code asks for the protected resource metadata without trying the server first."""
    story = B.story()[1:]
    for metadata_url in ("", "http://localhost:3001/.well-known/oauth-protected-resource"):
        story[0] = B.resource_metadata(metadata_url)
        run = run_of(story)
        assert ids(run) == [1, 2, 3, 4, 5, 6, 7]
        assert run.server_url == MCP
        assert run.unauthorized == ()


def test_metadata_that_is_not_there_before_the_first_request() -> None:
    missing = B.resource_metadata("http://localhost:3001/.well-known/oauth-protected-resource", 404)
    run = run_of([missing, *A.story()])
    assert len(run.messages) == 9
    assert run.server_url == MCP


def test_metadata_of_another_host_does_not_move_the_server() -> None:
    root = "http://localhost:3001/.well-known/oauth-protected-resource"
    wrong = exchange("GET", root, 200, answer={"resource": "https://production.example/mcp"})
    run = run_of([wrong, *A.story()])
    assert run.server_url == MCP


def test_a_request_that_says_nothing_is_understood_once_the_endpoint_is_known() -> None:
    empty = exchange("POST", MCP, 401, headers={"user-agent": A.agent}, answered={"www-authenticate": "Bearer"})
    assert ids(run_of([empty, *A.story()])) == list(range(1, 10))


def test_a_token_request_before_its_client_is_known() -> None:
    redeem = replace(A.redeem(), url="https://tokens.example/token")
    assert len(run_of([A.refused(), A.resource_metadata(), redeem, A.register()]).messages) == 4


def test_messages_are_in_order_of_time() -> None:
    story = timed(A.story())
    late_id = replace(story[1], id=99)
    timeline = Timeline()
    timeline.add_all([story[0], *story[2:], late_id])
    assert ids(timeline.runs[0])[:3] == [1, 99, 3]
