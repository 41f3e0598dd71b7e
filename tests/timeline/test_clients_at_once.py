"""Two clients, or one at two servers, at the same time: what is theirs stays theirs."""

from dataclasses import replace
from itertools import chain
from random import Random

import pytest

from inspector.session.model import Exchange
from inspector.timeline import Timeline
from inspector.timeline.message import Kind
from tests.timeline.build import AS, MCP, Client, exchange, ids, interleaved, names, runs_of, timed

A, B = Client("a"), Client("b", agent="claude-code/2.1")
OTHER_SERVER = "http://localhost:3001/other"


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


def test_a_server_at_the_root_of_its_origin_is_not_every_server_there() -> None:
    root = Client("a", "http://localhost:3001/")
    first, second = runs_of([root.refused(), Client("b", OTHER_SERVER).refused()])
    assert (first.server_url, second.server_url) == ("http://localhost:3001/", OTHER_SERVER)


def test_metadata_goes_to_the_server_in_its_address() -> None:
    plain = {"www-authenticate": "Bearer"}
    other = Client("b", OTHER_SERVER)
    first, second = runs_of([A.refused(answered=plain), other.refused(answered=plain), A.resource_metadata()])
    assert (ids(first), ids(second)) == ([1, 3], [2])
