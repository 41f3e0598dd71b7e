"""A live session and the finished recording of it give the same runs, whatever state an exchange is first seen in."""

import base64
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from inspector.session.flowfile import read_flow_file
from inspector.session.model import Exchange, State
from inspector.timeline import Run, Step, Timeline
from inspector.timeline.message import Kind
from tests.timeline.build import AS, MCP, START, Client, exchange, states, timed

A, B = Client("a"), Client("b", agent="claude-code/2.1")
FLOWS = sorted((Path(__file__).parents[1] / "session" / "data").glob("*.flow"))

type Picture = tuple[str, list[tuple[int, Kind]], tuple[Step, ...]]


def picture(exchanges: Iterable[Exchange]) -> list[Picture]:
    timeline = Timeline()
    timeline.add_all(exchanges)
    return [pictured(run) for run in timeline.runs]


def pictured(run: Run) -> Picture:
    return run.server_url, [(message.id, message.kind) for message in run.messages], run.steps


def live(exchanges: Iterable[Exchange]) -> list[Exchange]:
    return [state for each in exchanges for state in states(each)]


def retried(client: Client) -> list[Exchange]:
    again = client.again()
    return [*client.story(), client.refused(token=client.token()), *again.story()[4:]]


STORIES = {
    "one": A.story(),
    "two in turn": [*A.story(), *B.story()],
    "abandoned": [*A.story()[:5], *Client("a2").story()],
    "again without a refusal": [*A.story()[:5], *Client("a2").story()[1:]],
    "signed in again": retried(A),
    "stored": [A.refused(token="old"), *A.story()[1:3], A.refresh(), A.call(token=A.token(2))],
    "loop": [*A.story(), *(each for n in range(1, 20) for each in (A.refused(token=A.token(n)), A.refresh(n)))],
    "no body": [exchange("POST", MCP, 401, answered={"www-authenticate": "Bearer"}), *A.story()],
    "metadata at the root": [
        A.resource_metadata("http://localhost:3001/.well-known/oauth-protected-resource"),
        *A.story()[2:],
    ],
    "metadata only": [
        A.resource_metadata("http://localhost:3001/.well-known/oauth-protected-resource"),
        A.server_metadata(),
    ],
    "a server where pages were expected": [
        *A.story()[:5],
        exchange("GET", f"{AS}/mcp", 401, answered={"www-authenticate": 'Bearer resource_metadata="https://x/"'}),
    ],
    "keys": [*A.story(), exchange("GET", f"{AS}/certs", 200, answer={"keys": [{"kty": "RSA"}]})],
}


@pytest.mark.parametrize("name", STORIES)
def test_states_one_after_the_other(name: str) -> None:
    exchanges = timed(STORIES[name])
    assert picture(live(exchanges)) == picture(exchanges)


@pytest.mark.parametrize("name", STORIES)
def test_every_state_twice(name: str) -> None:
    """A reader that starts over, or a sign that comes twice, changes nothing."""
    exchanges = timed(STORIES[name])
    assert picture([state for state in live(exchanges) for _ in range(2)]) == picture(exchanges)


@pytest.mark.parametrize("seed", range(60))
def test_two_clients_live_at_once(seed: int) -> None:
    """Each client waits for its answers; what the two do falls together as it will."""
    events: list[Exchange] = []
    queues = [[(each, list(states(each))) for each in retried(client)] for client in (A, B)]
    numbers: dict[int, int] = {}
    while any(queues):
        queue = Random(seed + len(events)).choice([queue for queue in queues if queue])
        each, waiting = queue[0]
        number = numbers.setdefault(id(each), len(numbers) + 1)
        events.append(replace(waiting.pop(0), id=number, started_at=START + number))
        if not waiting:
            queue.pop(0)
    finished = [event for event in events if event.state is State.COMPLETE]
    assert len(finished) == len(numbers) == 26
    # Which of two runs is the first depends on what is heard of first.
    assert sorted(picture(events), key=first_id) == sorted(picture(finished), key=first_id)


def first_id(run: Picture) -> int:
    return run[1][0][0]


@pytest.mark.parametrize("flow", FLOWS, ids=lambda path: path.stem)
def test_captures_of_real_clients(flow: Path) -> None:
    exchanges = list(read_flow_file(flow, pytest.fail))
    numbered = [replace(each, id=number) for number, each in enumerate(exchanges, 1)]
    assert numbered
    assert picture(live(numbered)) == picture(numbered)
    assert len(picture(numbered)) == 1


def test_an_exchange_stays_where_it_was_put() -> None:
    """Its answer comes when another run is the one that it would be put into."""
    other = Client("b", "http://localhost:3001/other")
    exchanges = timed([*A.story()[:4], other.refused(), other.resource_metadata(), other.server_metadata()])
    asked, *_, answered = states(exchanges[3])
    timeline = Timeline()
    timeline.add_all([*exchanges[:3], asked, *exchanges[4:], answered])
    first, second = timeline.runs
    assert first.registration is not None
    assert second.registration is None


def test_a_newer_state_replaces_the_older() -> None:
    timeline = Timeline()
    for state in live(timed(A.story())):
        timeline.add(state)
        (run,) = timeline.runs
        assert len({message.id for message in run.messages}) == len(run.messages)
    assert run.complete


def test_a_run_is_derived_anew_only_after_a_change() -> None:
    timeline = Timeline()
    timeline.add_all(timed([*A.story(), *B.story()]))
    before = timeline.runs
    assert all(run is same for run, same in zip(before, timeline.runs, strict=True))
    timeline.add_all(timed([B.call(token=B.token())], first=17))
    assert timeline.runs[0] is before[0]
    assert timeline.runs[1] is not before[1]


def test_new_keys_are_for_every_run_and_known_ones_change_nothing() -> None:
    keys = exchange("GET", f"{AS}/oauth2/jwks", 200, answer={"keys": [{"kty": "RSA", "kid": "1"}, "garbage"]})
    timeline = Timeline()
    timeline.add_all(timed([*A.story(), keys]))
    (run,) = timeline.runs
    assert run.keys == ({"kty": "RSA", "kid": "1"},)
    timeline.add_all(timed([replace(keys, url="https://elsewhere.example/jwks")], first=20))
    assert timeline.runs[0] is run
    pages = [exchange("GET", f"{AS}/oauth2/jwks", 404, answer={"page": n}) for n in range(60)]
    timeline.add_all(timed(pages, first=30))
    assert timeline.runs[0].keys == run.keys


def jwt_of(key_id: str | None) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    header = {"alg": "RS256"} if key_id is None else {"alg": "RS256", "kid": key_id}
    return f"{part(header)}.{part({'sub': key_id})}.AAAA"


def key_set(*key_ids: str) -> Exchange:
    """Fetched by nobody that is known, so that it becomes part of no run."""
    answer = {"keys": [{"kty": "RSA", "kid": key_id} for key_id in key_ids]}
    return exchange("GET", f"https://elsewhere.example/{'-'.join(key_ids)}/jwks", 200, answer=answer)


def test_new_keys_change_the_runs_whose_tokens_they_may_verify() -> None:
    names = ("one", "two", None, "opaque")
    clients = [Client(str(name), f"http://localhost:3001/{name}") for name in names]
    tokens = [jwt_of("one"), jwt_of("two"), jwt_of(None), "opaque"]
    timeline = Timeline()
    timeline.add_all(
        timed(
            each
            for client, token in zip(clients, tokens, strict=True)
            for each in (client.refused(), client.call(token=token))
        )
    )

    def changed_by(keys: Exchange, number: int) -> list[int]:
        timeline.add_all(timed([keys], first=number))
        return [run.id for run in timeline.take_changed()]

    timeline.take_changed()
    # Without a key nothing was checked, and now it is known that the key is not among those captured.
    assert changed_by(key_set("other"), 20) == [1, 2, 3]
    assert changed_by(key_set("two", "third"), 21) == [2, 3]
    assert changed_by(key_set("nobody"), 22) == [3]
    assert changed_by(replace(key_set("nobody"), url="https://elsewhere.example/again/jwks"), 23) == []
