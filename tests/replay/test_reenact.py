"""Every scripted client, recorded live and performed again: the same requests, findings and verdict."""

from dataclasses import replace

import pytest

from inspector.reference.profile import bundled_profiles
from inspector.reference.settings import DEMO, MCP_URL, Settings
from inspector.replay.from_run import completed, profile_of
from inspector.replay.mirror import mirror_of
from inspector.replay.reenact import reenact
from tests.replay.recording import record_client

SETTINGS: dict[str, Settings] = {
    "compliant-2025-03-26": replace(DEMO, default_resource_indicator=MCP_URL),
    "cimd": DEMO,
}


@pytest.mark.parametrize("name", bundled_profiles())
async def test_the_replay_sends_what_was_recorded(name: str) -> None:
    judged = await record_client(name, SETTINGS.get(name, DEMO))
    profile = profile_of(judged.run)
    assert len(profile.steps) >= 4
    again = await reenact(completed(profile), mirror_of(judged.run))
    assert again.judged
    assert [difference.sentence() for difference in again.differences(profile)] == []
    assert [outcome for _, outcome in again.performance.outcomes] == [step.outcome for step in profile.steps]
    assert {f.rule for f in again.judged.checked.findings} == {f.rule for f in judged.checked.findings}
    assert again.judged.verdict.cause == judged.verdict.cause
    assert again.judged.verdict.party == judged.verdict.party
