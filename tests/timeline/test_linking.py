"""Which run an exchange belongs to: by values only its parties know, then by address, never by time alone."""

from dataclasses import replace
from itertools import chain, zip_longest
from random import Random
from urllib.parse import urlencode

import pytest

from inspector.session.model import Exchange, State
from inspector.timeline import Run, Timeline
from inspector.timeline.message import Kind
from tests.timeline.build import AS, MCP, START, Client, exchange, ids, run_of, runs_of, timed

A, B = Client("a"), Client("b", agent="claude-code/2.1")
OTHER_SERVER = "http://localhost:3001/other"


def kinds(run: Run) -> list[Kind]:
    return [message.kind for message in run.messages]


def names(run: Run) -> list[str]:
    """The clients whose values are in the part of a run that names one."""
    found = {message.params.get("client_id") for message in run.of(Kind.AUTHORIZE, Kind.TOKEN)}
    found |= {f"client-{message.bearer.split('-')[1]}" for message in run.of(Kind.MCP) if message.bearer}
    return sorted(name for name in found if name)


def interleaved(one: list[Exchange], other: list[Exchange]) -> list[Exchange]:
    return [each for pair in zip_longest(one, other) for each in pair if each]


def test_one_sign_in_is_one_run() -> None:
    run = run_of(A.story())
    assert ids(run) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert run.server_url == MCP
    assert run.complete


def test_nothing_is_no_run() -> None:
    assert runs_of([]) == ()
    assert runs_of([exchange("GET", f"{AS}/page", 200), A.redeem(), A.register()]) == ()


# Two clients at once.


def test_two_clients_at_once_on_one_server_stay_apart() -> None:
    first, second = runs_of(interleaved(A.story(), B.story()))
    assert ids(first) == [1, 3, 5, 7, 9, 11, 13, 15]
    assert ids(second) == [2, 4, 6, 8, 10, 12, 14, 16]
    assert first.client.user_agent == "node"
    assert second.client.user_agent == "claude-code/2.1"


@pytest.mark.parametrize("seed", range(40))
def test_however_two_clients_are_mixed_their_steps_stay_apart(seed: int) -> None:
    random = Random(seed)
    stories = {"a": A.story(), "b": B.story()}
    order = random.sample(["a"] * 8 + ["b"] * 8, 16)
    mixed = [stories[name].pop(0) for name in order]
    runs = runs_of(mixed)
    assert sorted(ids(run) for run in runs) == sorted(
        [number for number, name in enumerate(order, 1) if name == wanted] for wanted in "ab"
    )


@pytest.mark.parametrize("seed", range(40))
def test_two_clients_of_one_program_share_at_most_their_discovery(seed: int) -> None:
    """Nothing in their discovery tells them apart; from the registration on everything does."""
    random = Random(seed)
    twins = Client("a"), Client("b")
    stories = {client.name: client.story() for client in twins}
    order = random.sample(["a"] * 8 + ["b"] * 8, 16)
    runs = runs_of([stories[name].pop(0) for name in order])
    signed_in = [run for run in runs if run.of(Kind.AUTHORIZE)]
    assert sorted(names(run) for run in signed_in) == [["client-a"], ["client-b"]]
    assert all(run.complete and run.resource_metadata and run.server_metadata for run in signed_in)
    assert [run.registration is not None for run in signed_in] == [True, True]


def test_the_browser_legs_of_two_clients_stay_apart() -> None:
    """Pages of one authorization server follow their own authorization request, not the latest one."""

    def leg(client: Client) -> list[Exchange]:
        page, done = f"{AS}/interaction/{client.name}", f"{AS}/resume/{client.name}"
        return [
            client.authorize(303, f"/interaction/{client.name}"),
            exchange("GET", page, 200),
            exchange("POST", f"{AS}/login", 303, headers={"referer": page}, answered={"location": done}),
            exchange("GET", done, 303, answered=client.redirect),
        ]

    before = [client.story()[:4] for client in (A, B)]
    after = [client.story()[5:] for client in (A, B)]
    runs = runs_of([*chain(*before), *interleaved(leg(A), leg(B)), *chain(*after)])
    assert [ids(run) for run in runs] == [
        [1, 2, 3, 4, 9, 11, 13, 15, 17, 18, 19],
        [5, 6, 7, 8, 10, 12, 14, 16, 20, 21, 22],
    ]
    assert [run.authorizations[0].code for run in runs] == ["code-a", "code-b"]


def test_a_known_client_id_of_another_server_decides_nothing_against_the_resource() -> None:
    """A client ID metadata document is one client id for every server."""
    url = "https://client.example/metadata.json"
    one = Client("a", client_id=url, resource=MCP)
    two = Client("b", OTHER_SERVER, client_id=url, resource=OTHER_SERVER)
    stories = [[each for each in client.story() if "/register" not in each.url] for client in (one, two)]
    for order in (stories, stories[::-1]):
        runs = runs_of(interleaved(order[0], order[1]))
        parts = [[message.id for message in run.messages if message.kind is not Kind.SERVER_METADATA] for run in runs]
        assert parts == [[1, 3, 7, 9, 11, 13], [2, 4, 8, 10, 12, 14]]


# Several servers, several attempts.


def test_a_second_server_behind_the_same_authorization_server_is_its_own_run() -> None:
    for other in (Client("b", OTHER_SERVER), Client("b", "https://b.example/mcp", agent=B.agent)):
        first, second = runs_of([*A.story(), *other.story()])
        assert (first.server_url, second.server_url) == (MCP, other.server)
        assert (ids(first), ids(second)) == (list(range(1, 9)), list(range(9, 17)))


@pytest.mark.parametrize("resource", [True, False])
@pytest.mark.parametrize("seed", range(30))
def test_a_program_signing_in_at_two_servers_at_once(seed: int, resource: bool) -> None:
    """Without a resource only the use of a token tells which server a sign-in is for."""
    one = Client("a", MCP, resource=MCP if resource else None)
    two = Client("b", OTHER_SERVER, resource=OTHER_SERVER if resource else None)
    stories = {client.name: client.story() for client in (one, two)}
    order = Random(seed).sample(["a"] * 8 + ["b"] * 8, 16)
    runs = runs_of([stories[name].pop(0) for name in order])
    used = {run.server_url: run for run in runs if run.uses}
    assert {server: names(run) for server, run in used.items()} == {MCP: ["client-a"], OTHER_SERVER: ["client-b"]}
    assert all(use.request.url == server for server, run in used.items() for use in run.uses)
    assert all(use.exchange and use.exchange.authorization for run in used.values() for use in run.uses)
    assert all(run.registration for run in used.values())


def test_a_registration_follows_its_client_to_the_server_it_names() -> None:
    one, two = Client("a", resource=MCP), Client("b", OTHER_SERVER)
    first, second = runs_of(
        [
            *one.discovery(),
            *two.discovery(),
            one.register(),
            one.authorize(),
            one.redeem(code="of another attempt", code_verifier=""),
        ]
    )
    assert (ids(first), ids(second)) == ([1, 2, 3, 7, 8, 9], [4, 5, 6])


@pytest.mark.parametrize("registers", [True, False])
def test_a_sign_in_that_turns_out_to_be_for_the_other_server(registers: bool) -> None:
    """Until its token is used, a sign-in without resource is taken for one at the server that was met last."""
    one, two = A.story(), Client("b", OTHER_SERVER).story()
    if not registers:
        del one[3], two[3]
    timeline = Timeline()
    timeline.add_all(timed([one[0], two[0], one[1], two[1], *two[2:3], *one[2:]]))
    timeline.add_all(timed(two[3:], first=len(one) + 4))
    first, second = timeline.runs
    assert timeline.unlinked == ()
    assert (first.server_url, second.server_url) == (MCP, OTHER_SERVER)
    assert (names(first), names(second)) == (["client-a"], ["client-b"])
    assert (first.registration is not None, second.registration is not None) == (registers, registers)
    assert first.complete
    assert second.complete


def test_a_token_that_is_used_at_a_second_server_stays_where_it_is() -> None:
    other = Client("b", OTHER_SERVER)
    first, second = runs_of([*A.story(), other.refused(), replace(other).call(token=A.token())])
    assert ids(first)[-1] == 10
    assert ids(second) == [9]
    signed_in = other.story()
    first, second = runs_of([*signed_in, *A.story()[:6], other.call(token=A.token())])
    assert ids(first) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert ids(second)[-1] == 15


def test_an_abandoned_attempt_and_a_good_one_are_two_runs() -> None:
    abandoned, good = runs_of([*A.story()[:5], *Client("b").story()])
    assert ids(abandoned) == [1, 2, 3, 4, 5]
    assert ids(good) == [6, 7, 8, 9, 10, 11, 12, 13]
    assert not abandoned.complete
    assert good.complete


def test_an_attempt_that_begins_without_a_refusal_takes_its_discovery_along() -> None:
    again = Client("b").story()[1:]
    abandoned, good = runs_of([*A.story()[:5], *again])
    assert ids(abandoned) == [1, 2, 3, 4, 5]
    assert ids(good) == [6, 7, 8, 9, 10, 11, 12]


def test_an_attempt_that_fails_early_is_an_attempt() -> None:
    refused = exchange("POST", f"{AS}/oauth2/register", 400, sent={"redirect_uris": []}, headers={"user-agent": "node"})
    first, second = runs_of([*A.story(), A.resource_metadata(), A.server_metadata(), refused])
    assert (ids(first)[-1], ids(second)) == (8, [9, 10, 11])
    first, second = runs_of([*A.story(), B.resource_metadata()])
    assert (ids(first)[-1], ids(second)) == (8, [9])


def test_a_program_that_does_not_name_itself_in_discovery_is_none_of_its_own() -> None:
    """The SDK for Python sends no user agent with its metadata requests."""
    nameless = replace(A, agent="")
    assert len(run_of([*A.story(), nameless.resource_metadata()]).messages) == 9


def test_registering_again_after_a_refused_code_is_the_same_attempt() -> None:
    assert len(run_of([*A.story()[:5], A.redeem(400), A.register()]).messages) == 7


def test_a_request_in_a_session_begins_nothing() -> None:
    stream = exchange(
        "GET", MCP, 200, headers={"user-agent": A.agent, "mcp-session-id": "s", "accept": "text/event-stream"}
    )
    assert len(run_of([*A.story(), stream]).messages) == 9


def test_discovery_after_a_second_refusal_is_for_the_second_attempt() -> None:
    """The authorization server is known from the first attempt, and so is not looked up again."""
    first, second = runs_of([*A.story()[:5], A.refused(), A.server_metadata(), Client("b").register()])
    assert (ids(first), ids(second)) == ([1, 2, 3, 4, 5], [6, 7, 8])


def test_what_is_remembered_is_the_clients_own_registration() -> None:
    document = Client("c", client_id="https://client.example/metadata.json", resource=MCP)
    _, second = runs_of([*A.story()[:5], document.authorize()])
    assert ids(second) == [2, 3, 6]
    assert second.registration is None


def test_signing_in_again_after_success_is_another_run() -> None:
    for skipped in (0, 1):  # with and without a refusal first
        first, second = runs_of([*A.story(), *Client("b").story()[skipped:]])
        assert ids(first) == [1, 2, 3, 4, 5, 6, 7, 8]
        assert len(second.messages) == 8 - skipped


def test_a_second_attempt_from_memory_shows_what_the_client_remembers() -> None:
    """The same client opens the sign-in page once more, and asks for no metadata and no registration again."""
    again = replace_state(A)
    first, second = runs_of([*A.story()[:5], *again.story()[4:]])
    assert ids(first) == [1, 2, 3, 4, 5]
    assert ids(second) == [2, 3, 4, 6, 7, 8, 9]
    assert second.published_resource == MCP


def test_a_refusal_then_a_second_attempt_from_memory() -> None:
    again = replace_state(A)
    first, second = runs_of([*A.story()[:5], again.refused(), *again.story()[4:]])
    assert ids(first) == [1, 2, 3, 4, 5]
    assert ids(second) == [2, 3, 4, 6, 7, 8, 9, 10]


def replace_state(client: Client) -> Client:
    """The same client with the random values of its next attempt."""
    return replace(client, name=f"{client.name}2", client_id=client.id)


def test_a_token_that_is_refused_and_renewed_by_signing_in_stays_one_run() -> None:
    again = replace_state(A)
    story = [*A.story(), A.refused(token=A.token()), A.resource_metadata(), A.server_metadata(), *again.story()[4:]]
    assert ids(run_of(story)) == list(range(1, len(story) + 1))


def test_signing_in_after_the_token_was_renewed_is_another_run() -> None:
    again = replace_state(A)
    first, second = runs_of([*A.story(), A.refused(token=A.token()), A.refresh(), again.authorize()])
    assert ids(first)[-1] == 10
    assert ids(second)[-1] == 11


def test_step_up_stays_in_its_run() -> None:
    again = replace_state(A)
    forbidden = A.call("tools/call", 403, A.token(), answered={"www-authenticate": 'Bearer error="insufficient_scope"'})
    run = run_of([*A.story(), forbidden, again.authorize(), again.redeem(), A.call("tools/call", token=again.token())])
    assert len(run.authorizations) == 2
    assert [step.phase for step in run.steps][-3:] == [6, 6, 5]


def test_a_server_at_the_root_of_its_origin_is_not_every_server_there() -> None:
    root = Client("a", "http://localhost:3001/")
    first, second = runs_of([root.refused(), Client("b", OTHER_SERVER).refused()])
    assert (first.server_url, second.server_url) == ("http://localhost:3001/", OTHER_SERVER)


def test_metadata_goes_to_the_server_in_its_address() -> None:
    plain = {"www-authenticate": "Bearer"}
    other = Client("b", OTHER_SERVER)
    first, second = runs_of([A.refused(answered=plain), other.refused(answered=plain), A.resource_metadata()])
    assert (ids(first), ids(second)) == ([1, 3], [2])


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


# What clients do.


def test_metadata_at_an_address_of_its_own() -> None:
    url = "https://cdn.example/prm.json"
    refused = A.refused(answered={"www-authenticate": f'Bearer resource_metadata="{url}?v=1"'})
    run = run_of([refused, A.resource_metadata(f"{url}?v=1"), *A.story()[2:]])
    assert kinds(run)[1] is Kind.RESOURCE_METADATA
    assert run.published_resource == MCP


def test_metadata_behind_a_redirect() -> None:
    moved = exchange("GET", A.metadata_url, 307, answered={"location": "https://cdn.example/prm.json"})
    run = run_of([A.refused(), moved, A.resource_metadata("https://cdn.example/prm.json"), *A.story()[2:]])
    assert kinds(run)[1:3] == [Kind.RESOURCE_METADATA] * 2
    assert run.published_resource == MCP


def test_probes_of_a_fetching_and_an_event_stream_client_are_one_attempt() -> None:
    """mcp-remote opens its stream with undici and posts with the fetch of Node.js."""
    probe = exchange("GET", MCP, 401, headers={"user-agent": "undici", "accept": "text/event-stream"})
    assert len(run_of([probe, probe, *A.story()]).messages) == 10


def test_two_registrations_in_one_sign_in() -> None:
    """opencode registers twice per login."""
    first = Client("first").register()
    run = run_of([*A.discovery(), first, *A.discovery(), *A.story()[3:]])
    assert len(run.of(Kind.REGISTER)) == 2
    assert len(run.messages) == 12


def test_an_authorization_request_the_client_tries_itself_first() -> None:
    """fastmcp asks before it opens the browser: two requests with the same state."""
    story = A.story()
    run = run_of([*story[:4], story[4], *story[4:]])
    assert len(run.of(Kind.AUTHORIZE)) == 2
    assert len(run.authorizations) == 1


def test_the_recorded_request_and_the_browsers_own_are_one() -> None:
    story = A.story()
    run = run_of([*story[:4], A.recorded(), *story[4:]])
    (authorization,) = run.authorizations
    assert authorization.request.exchange.state is State.COMPLETE
    assert authorization.code == "code-a"


@pytest.mark.parametrize("state", ["", "always the same"])
def test_copies_are_known_without_anything_random_in_them(state: str) -> None:
    request = {"response_type": "code", "client_id": A.id, "redirect_uri": A.redirect_uri, "state": state}
    url = f"{AS}/oauth2/authorize?{urlencode(request)}"
    copy, own = exchange("GET", url), exchange("GET", url, 302, answered=A.redirect)
    story = A.story()
    first, second = runs_of(
        [*story[:4], replace(copy, state=State.RECORDED), own, *story[:4], replace(copy, state=State.RECORDED), own]
    )
    assert [len(run.authorizations) for run in (first, second)] == [1, 1]
    assert len(first.messages) == len(second.messages) == 6


def test_a_browser_leg_that_was_not_captured() -> None:
    story = A.story()
    run = run_of([*story[:4], *story[5:]])
    assert len(run.messages) == 7
    assert run.authorizations == ()
    assert run.complete


def test_only_the_recorders_copy_was_captured() -> None:
    """The browser is outside the proxy; the proof key ties the token request to its authorization request."""
    one, two = A.story(), Client("b").story()
    one[4], two[4] = A.recorded(), Client("b").recorded()
    runs = runs_of([*one[:5], *two[:5], *one[5:], *two[5:]])
    assert [names(run) for run in runs] == [["client-a"], ["client-b"]]
    assert all(run.code_exchanges[0].authorization is run.authorizations[0] for run in runs)


def test_only_the_recorders_copies_of_plain_challenges_were_captured() -> None:
    """The challenge is then the verifier itself (RFC 7636 section 4.2)."""
    clients = A, Client("b")
    stories = [
        [*client.story()[:4], replace(client.authorize(None, code_challenge=client.verifier), state=State.RECORDED)]
        for client in clients
    ]
    runs = runs_of([*chain(*stories), *(replace(client, client_id="").redeem(client_id="") for client in clients)])
    assert [len(run.code_exchanges) for run in runs] == [1, 1]
    assert all(run.code_exchanges[0].verifier_matches for run in runs)


def test_answers_to_the_client_find_the_request_they_answer() -> None:
    """By the state they carry, when no redirect and no referer leads to them."""
    one, two = A.story(), Client("b").story()
    page = [exchange("GET", story[4].url, 200) for story in (one, two)]
    login = exchange("POST", f"{AS}/login", 302, answered=A.redirect)
    callback = exchange("GET", A.redirect["location"], 200)
    first, second = runs_of([*one[:4], page[0], *two[:4], page[1], login, callback])
    assert ids(first) == [1, 2, 3, 4, 5, 11, 12]
    assert kinds(first)[-2:] == [Kind.INTERACTION, Kind.CALLBACK]
    assert ids(second) == [6, 7, 8, 9, 10]
    alone, _ = runs_of([*one[:4], page[0], *two[:4], page[1], callback])
    assert kinds(alone)[-1] is Kind.CALLBACK


def test_a_code_alone_ties() -> None:
    """One client id at two servers, and no proof keys."""
    url = "https://client.example/metadata.json"
    stories = []
    for client in (Client("a", client_id=url, resource=MCP), Client("b", OTHER_SERVER, client_id=url)):
        asked = replace(client.authorize(), url=client.authorize().url.partition("&code_challenge")[0])
        stories.append([*client.discovery(), asked, client.redeem(code_verifier="")])
    first, second = runs_of([*stories[0][:4], *stories[1][:4], stories[0][4], stories[1][4]])
    assert (ids(first), ids(second)) == ([1, 2, 3, 4, 9], [5, 6, 7, 8, 10])


def test_callbacks_of_the_authorization_server_itself_are_hops() -> None:
    """A social login comes back to the authorization server before that goes back to the client."""
    social = "https://accounts.example/o/oauth2/auth?client_id=theirs&response_type=code&state=internal"
    back = f"{AS}/callback?code=social&state=internal"
    story = A.story()
    leg = [
        A.authorize(302, social),
        exchange("GET", social, 302, answered={"location": back}),
        exchange("GET", back, 302, answered=A.redirect),
        exchange("GET", A.redirect["location"], 200),
    ]
    run = run_of([*story[:4], *leg, *story[5:]])
    assert kinds(run)[4:8] == [Kind.AUTHORIZE, Kind.INTERACTION, Kind.INTERACTION, Kind.CALLBACK]
    assert [authorization.code for authorization in run.authorizations] == ["code-a"]


def test_a_consent_form_that_repeats_the_request() -> None:
    story = A.story()
    page = exchange("GET", A.authorize().url, 200)
    consent = exchange("POST", f"{AS}/oauth2/authorize", 302, form={**A.request, "yes": "1"}, answered=A.redirect)
    run = run_of([*story[:4], page, consent, *story[5:]])
    (authorization,) = run.authorizations
    assert authorization.code == "code-a"
    assert run.code_exchanges[0].authorization is authorization


def test_a_token_request_in_json_is_tied_like_any_other() -> None:
    one, two = A.story(), B.story()
    one[5] = A.redeem(as_json=True)
    first, second = runs_of([*one[:5], *two[:5], *one[5:], *two[5:]])
    assert (names(first), names(second)) == (["client-a"], ["client-b"])
    assert first.code_exchanges[0].authorization is first.authorizations[0]


def test_the_endpoint_with_a_slash_is_the_same_endpoint() -> None:
    moved = A.call("initialize", 307, answered={"location": f"{MCP}/"})
    slash = replace(A, server=f"{MCP}/")
    run = run_of([moved, slash.refused(), *A.story()[1:6], slash.call(token=A.token())])
    assert len(run.messages) == 8
    assert run.server_url == MCP


def test_the_endpoint_behind_a_redirect_is_the_same_endpoint() -> None:
    moved = A.call("initialize", 308, answered={"location": "https://new.example/mcp"})
    run = run_of([moved, replace(A, server="https://new.example/mcp").refused()])
    assert len(run.messages) == 2


def test_a_client_id_nobody_registered_is_followed_where_it_names_the_server() -> None:
    story = A.story()
    stray = replace(A, client_id="stale", resource=MCP)
    run = run_of([*story[:4], stray.authorize(), stray.redeem(), *story[6:]])
    assert len(run.authorizations) == 1
    assert run.code_exchanges[0].authorization is run.authorizations[0]


def test_a_resource_under_its_public_name() -> None:
    """Behind a proxy the server calls itself otherwise than the client does."""
    public = "https://public.example/mcp"
    named = exchange("GET", A.metadata_url, 200, answer={"resource": public, "authorization_servers": [AS]})
    stray = replace(A, client_id="stale", resource=public)
    run = run_of([A.refused(), named, *A.story()[2:4], stray.authorize()])
    assert len(run.authorizations) == 1


def test_an_authorization_request_is_enough_to_begin_with() -> None:
    client = Client(resource=MCP)
    run = run_of([client.recorded(), client.redeem(), *client.story()[6:]])
    assert run.server_url == MCP
    assert len(run.messages) == 4


def test_what_is_not_text_breaks_nothing() -> None:
    odd = {"access_token": "\ud800", "refresh_token": 5, "id_token": None}
    story = A.story()
    story[5] = exchange("POST", f"{AS}/oauth2/token", 200, form={"grant_type": "\x00"}, answer=odd)
    run = run_of([*story, exchange("POST", f"{AS}/oauth2/token", sent={"code_verifier": "\ud800", "grant_type": "x"})])
    assert run.steps
    assert run.uses
