"""What the inspector itself sent is never linked with what a client sent, nor one replay with another."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from inspector.session.model import Exchange, Source
from inspector.timeline import Run, Timeline
from tests.timeline.build import AS, MCP, Client, exchange, ids, interleaved, kinds, runs_of, timed

A = Client()
REFERENCE = Client("b", "http://127.0.0.1:4001/mcp", "http://127.0.0.1:4002")


def sent(exchanges: Iterable[Exchange], label: str = "run 1", source: Source = Source.REPLAY) -> list[Exchange]:
    return [replace(each, source=source, listener=label) for each in exchanges]


def sources(runs: Iterable[Run]) -> list[Source]:
    assert all(len({message.exchange.source for message in run.messages}) == 1 for run in runs)
    return [run.source for run in runs]


@pytest.mark.parametrize("source", [Source.REPLAY, Source.PROBE])
def test_a_replay_at_the_same_servers_with_the_same_values_is_a_run_of_its_own(source: Source) -> None:
    """Every value that ties messages to each other is the captured one."""
    for story in (
        [*A.story(), *sent(A.story(), source=source)],
        interleaved(A.story(), sent(A.story(), source=source)),
    ):
        runs = runs_of(story)
        assert sources(runs) == [Source.CAPTURE, source]
        assert [kinds(run) for run in runs] == [kinds(runs[0])] * 2
        assert all(run.complete for run in runs)


def test_a_replay_leaves_the_captured_run_as_it_was() -> None:
    timeline = Timeline()
    timeline.add_all(timed(A.story()))
    (before,) = timeline.runs
    timeline.add_all(timed(sent([*A.story(), A.refresh(), A.call(token=A.token(2))]), first=20))
    assert timeline.runs[0] is before


def test_a_client_that_goes_on_while_it_is_replayed_stays_in_its_run() -> None:
    refreshed = [A.refresh(), A.call(token=A.token(2))]
    captured, replayed = runs_of([*A.story(), *sent(A.story()[:5]), *refreshed])
    assert ids(captured) == [*range(1, 9), 14, 15]
    assert ids(replayed) == [*range(9, 14)]


def test_the_capture_may_begin_after_the_replay() -> None:
    assert sources(runs_of([*sent(A.story()), *A.story()])) == [Source.REPLAY, Source.CAPTURE]


def test_each_replay_is_a_run_of_its_own() -> None:
    before, after = sent(REFERENCE.story(), "run 1"), sent(REFERENCE.story(), "run 1 with add-resource")
    runs = runs_of([*A.story(), *interleaved(before, after)])
    assert sources(runs) == [Source.CAPTURE, Source.REPLAY, Source.REPLAY]
    assert [len(run.messages) for run in runs] == [8, 8, 8]


@pytest.mark.parametrize("server", [MCP, REFERENCE.server])
def test_one_request_again_with_the_old_token_is_a_run_of_its_own(server: str) -> None:
    again = replace(A.call(token=A.token()), url=server)
    runs = runs_of([*A.story(), *sent([again], "step 8")])
    assert sources(runs) == [Source.CAPTURE, Source.REPLAY]
    assert ids(runs[1]) == [9]
    assert runs[1].server_url == server


def test_one_request_again_is_not_part_of_the_sign_in_performed_last() -> None:
    """Even where both are called alike: the token was not issued in it."""
    again = replace(A.call(token=A.token()), url=REFERENCE.server)
    goes_on = REFERENCE.call(token=REFERENCE.token())
    runs = runs_of([*A.story(), *sent([*REFERENCE.story(), again, goes_on])])
    assert [ids(run) for run in runs] == [[*range(1, 9)], [*range(9, 17), 18], [17]]


def test_imported_and_captured_traffic_is_linked() -> None:
    """The browser's leg may come from a file."""
    story = A.story()
    story[4] = replace(story[4], source=Source.IMPORT)
    (run,) = runs_of(story)
    assert run.source is Source.CAPTURE
    assert len(run.messages) == 8


def test_keys_of_a_replay_verify_no_captured_token_and_fetched_ones_do() -> None:
    def keys(url: str, name: str) -> Exchange:
        return exchange("GET", url, 200, answer={"keys": [{"kty": "RSA", "kid": name}]})

    fetched = sent([keys(f"{AS}/oauth2/jwks", "fetched")], "keys", Source.PROBE)
    replayed = sent([keys(f"{REFERENCE.issuer}/oauth2/jwks", "reference")])
    captured, replay = runs_of([*A.story(), *fetched, *sent(REFERENCE.story()), *replayed])
    assert [key["kid"] for key in captured.keys] == ["fetched"]
    assert [key["kid"] for key in replay.keys] == ["reference", "fetched"]
