"""A real client, captured, performed again at the reference servers, and let in by one parameter."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from inspector.reference.pair import Reference
from inspector.reference.settings import DEMO
from inspector.replay.fixes import fix_for
from inspector.replay.from_run import profile_of
from inspector.replay.mirror import mirror_of
from inspector.replay.reenact import reenact, what_if
from inspector.rules.model import Confidence, Party
from inspector.session.reader import Session
from inspector.verdict.analysis import analyse
from inspector.verdict.model import Judged
from inspector.verdict.proof import Says, with_proof
from tests.acceptance.capture import PATIENCE, started
from tests.acceptance.test_clients import INITIALIZE, NEGOTIATED, blames_the_client, mcp_remote, sign_in_and_call

pytestmark = pytest.mark.acceptance


def rules(judged: Judged | None) -> set[str]:
    assert judged
    return {finding.rule for finding in judged.checked.findings}


async def test_the_old_mcp_remote_fails_again_and_gets_in_with_resource(tmp_path: Path) -> None:
    path = tmp_path / "old.mcpauth"
    async with Reference() as pair, started(mcp_remote("0.1.16", pair.mcp_url), tmp_path, path) as client:
        client.send({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE})
        await client.until(blames_the_client)
    with Session.open(path) as session:
        judged = analyse(session.exchanges()).runs[0]
    fix = fix_for(judged.verdict)
    assert fix is not None
    assert fix.name == "add-resource"
    done = await what_if(judged, fixes=[fix])
    assert [difference.sentence() for difference in done.before.differences(profile_of(judged.run))] == []
    assert rules(done.before.judged) == rules(judged)
    assert done.before.judged
    assert (done.before.judged.verdict.party, done.before.judged.verdict.cause) == (Party.CLIENT, judged.verdict.cause)
    assert done.after.ending.authorized
    assert done.after.ending.audience == (done.after.ending.server,)
    assert not {rule for rule in rules(done.after.judged) if rule.startswith("resource-missing")}
    assert done.proof.says is Says.CONFIRMED
    assert with_proof(judged.verdict, done.proof).confidence is Confidence.CERTAIN


async def test_the_newest_mcp_remote_is_performed_request_by_request(tmp_path: Path) -> None:
    path = tmp_path / "new.mcpauth"
    async with (
        Reference(replace(DEMO, cimd=False)) as pair,
        started(mcp_remote("latest", pair.mcp_url), tmp_path, path) as client,
    ):
        await sign_in_and_call(client)
    with Session.open(path) as session:
        judged = analyse(session.exchanges()).runs[-1]
    profile = profile_of(judged.run)
    again = await reenact(profile, mirror_of(judged.run))
    assert [difference.sentence() for difference in again.differences(profile)] == []
    assert rules(again.judged) == rules(judged)
    assert again.judged
    assert again.judged.verdict.party is judged.verdict.party is Party.NONE


@pytest.mark.parametrize(("command", "version"), NEGOTIATED)
async def test_a_client_that_gets_in_is_performed_request_by_request(
    tmp_path: Path, command: Callable[[], Sequence[str]], version: str
) -> None:
    path = tmp_path / "session.mcpauth"
    async with Reference(replace(DEMO, cimd=False)) as pair:
        started_with = (*command(), pair.mcp_url)
        async with started(started_with, tmp_path, path) as running, asyncio.timeout(PATIENCE):
            await running.process.wait()
    with Session.open(path) as session:
        (judged,) = analyse(session.exchanges()).runs
    profile = profile_of(judged.run)
    again = await reenact(profile, mirror_of(judged.run))
    assert [difference.sentence() for difference in again.differences(profile)] == []
    assert rules(again.judged) == rules(judged)
    assert again.judged
    assert again.judged.run.revision.protocol_version == version
    assert again.judged.verdict.party is judged.verdict.party
