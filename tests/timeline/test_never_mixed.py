"""Clients of one program that sign in at one server at once: nothing of one may ever be in the run of another."""

from dataclasses import replace
from random import Random

import pytest

from inspector.session.model import Exchange
from inspector.timeline import Run, Timeline
from inspector.timeline.message import Message
from tests.timeline.build import START, Client, states

NAMES = "ab", "abc"
CIMD = "https://client.example/metadata.json"


def whole_story(client: Client) -> list[Exchange]:
    """A sign-in, its refresh and another sign-in after a refusal."""
    again = client.again()
    refreshed = [client.refresh(), client.call(token=client.token(2)), client.refused(token=client.token(2))]
    return [*client.story(), *refreshed, *again.story()[4:]]


def without_registration(client: Client) -> list[Exchange]:
    return [each for each in whole_story(client) if "/register" not in each.url]


def owner(message: Message) -> str:
    """The client whose own values a message shows; empty where it shows none."""
    own = [message.bearer, *(message.params.get(name) for name in ("code", "state", "refresh_token"))]
    shown = {value.split("-")[1][0] for value in own if value}
    assert len(shown) < 2
    return "".join(shown)


def owners(run: Run) -> set[str]:
    return {owner(message) for message in run.messages} - {""}


def events(clients: list[Client], seed: int, *, registered: bool) -> list[Exchange]:
    """What the recorder writes while all of them go on, each as soon as its own request is answered."""
    random = Random(seed)
    queues = [list(whole_story(client) if registered else without_registration(client)) for client in clients]
    waiting: list[tuple[int, list[Exchange]]] = []
    written: list[Exchange] = []
    busy: set[int] = set()
    while any(queues) or waiting:
        idle = [number for number, queue in enumerate(queues) if queue and number not in busy]
        if idle and (not waiting or random.random() < 0.5):
            number = random.choice(idle)
            at = START + len(written)
            each = replace(queues[number].pop(0), id=len(written) + 1, started_at=at)
            first, *rest = states(each)
            written.append(first)
            waiting.append((number, rest))
            busy.add(number)
            continue
        number, rest = random.choice(waiting)
        written.append(rest.pop(0))
        if not rest:
            waiting.remove((number, rest))
            busy.discard(number)
    return written


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("identity", ["registered", "one client id", "client ID metadata document"])
@pytest.mark.parametrize("seed", range(12))
def test_clients_of_one_program_are_never_mixed(names: str, identity: str, seed: int) -> None:
    client_id = {"registered": "", "one client id": "preregistered", "client ID metadata document": CIMD}[identity]
    clients = [Client(name, client_id=client_id) for name in names]
    timeline = Timeline()
    for event in events(clients, seed, registered=not client_id):
        timeline.add(event)
        for run in timeline.runs:
            assert len(owners(run)) < 2, f"exchange {event.id} mixed {sorted(owners(run))}"
    signed_in = [run for run in timeline.runs if run.token_exchanges]
    assert {name for run in signed_in for name in owners(run)} == set(names)
    assert all(t.authorization for run in signed_in for t in run.code_exchanges)
    assert all(run.resource_metadata and run.server_metadata for run in signed_in)
