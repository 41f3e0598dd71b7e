"""Replays are part of the session: marked, with runs of their own, and the recorded run stays what it was."""

import asyncio
from pathlib import Path

import pytest

from inspector.replay.fixes import fix_named
from inspector.replay.from_run import completed, profile_of
from inspector.replay.mirror import mirror_of
from inspector.replay.perform import Progress
from inspector.replay.reenact import reenact, what_if
from inspector.session.model import Source
from inspector.session.reader import Session
from inspector.session.writer import SessionWriter
from inspector.verdict.analysis import analyse
from tests.replay.recording import record_exchanges


@pytest.mark.parametrize("client", ["warp", "stale-client-id", "pre-registered"])
async def test_each_replay_is_a_run_of_its_own(tmp_path: Path, client: str) -> None:
    path = tmp_path / "s.mcpauth"
    with SessionWriter.create(path, meta={}) as writer:
        for exchange in await record_exchanges(client):
            writer.record(exchange)
        with Session.open(path) as session:
            (judged,) = analyse(session.exchanges()).runs
        done = await what_if(judged, fixes=[fix_named("register-again")], record=writer.record)
    with Session.open(path) as session:
        exchanges = list(session.exchanges())
    runs = analyse(exchanges).runs
    assert [run.run.server_url for run in runs] == [
        judged.run.server_url,
        done.before.ending.server,
        done.after.ending.server,
    ]
    assert [m.id for m in runs[0].run.messages] == [m.id for m in judged.run.messages]
    assert runs[0].verdict == judged.verdict
    for run, label in zip(runs[1:], ("replay of run 1", "replay of run 1 with register-again"), strict=True):
        assert {m.exchange.source for m in run.run.messages} == {Source.REPLAY}
        assert {m.exchange.listener for m in run.run.messages} == {label}


async def test_it_tells_how_far_it_is_and_can_be_cancelled() -> None:
    exchanges = await record_exchanges("compliant")
    (judged,) = analyse(exchanges).runs
    told: list[Progress] = []
    reached = asyncio.Event()

    def tell(progress: Progress) -> None:
        told.append(progress)
        if progress.done == 3:
            reached.set()
            task.cancel()

    task = asyncio.create_task(
        reenact(completed(profile_of(judged.run)), mirror_of(judged.run), label="x", on_progress=tell)
    )
    with pytest.raises(asyncio.CancelledError):
        await task
    assert reached.is_set()
    assert [(p.done, p.what, p.outcome) for p in told[:3]] == [
        (1, "initialize", "401"),
        (2, "protected resource metadata", "200"),
        (3, "authorization server metadata", "200"),
    ]
    assert told[0].total == len(exchanges)
