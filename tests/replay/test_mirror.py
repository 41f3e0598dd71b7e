"""The reference servers are set up as the recorded ones behaved: the same faults, answers and findings."""

import asyncio
from dataclasses import replace

import pytest

from inspector.errors import ReferenceFailure
from inspector.reference.faults import FAULTS
from inspector.reference.settings import DEMO, MCP_URL
from inspector.replay.from_run import completed, profile_of
from inspector.replay.mirror import Mirror, mirror_of
from inspector.replay.reenact import reenact
from tests.replay.recording import record_client

NOT_SEEN = {
    "forbidden-when-expired",
    "challenge-without-error",
    "cors-headers-hidden",
    "cors-preflight-refused",
    "any-audience-accepted",
    "expired-accepted",
    "keys-never-refetched",
    "token-checked-once",
    "no-api-key",
    "keys-rotated",
    "pkce-unchecked",
    "refresh-token-missing",
    "refresh-token-kept",
    "refresh-drops-resource",
}
"""Faults that the careful client does not notice, so that nothing of them is in its recording."""

OTHERWISE = {"legacy-server", "prm-names-itself", "registration-off", "cimd-off", "cimd-refused", "keys-unpublished"}
"""Faults that are mirrored by others, or by settings, with the same effect."""

NOT_RECORDED = {"challenge-relative-url", "prm-issuer-without-scheme"}
"""Faults at which the scripted client has no request to make."""

VISIBLE = [fault.name for fault in FAULTS if fault.name not in NOT_SEEN | NOT_RECORDED]
OFTEN = (
    "challenge-absent",
    "prm-root-only",
    "prm-resource-origin",
    "as-metadata-openid-only",
    "registration-redirect-uri-refused",
    "iss-other",
    "no-resource-indicators",
    "resource-not-registered",
    "aud-trailing-slash",
    "other-audience-expected",
    "step-up",
)


async def check_mirrored(name: str) -> None:
    judged = await record_client("compliant", replace(DEMO, cimd=name == "cimd-refused"), (name,))
    mirror = mirror_of(judged.run)
    assert name in mirror.faults or name in OTHERWISE, mirror
    profile = profile_of(judged.run)
    again = await reenact(completed(profile), mirror)
    assert [difference.sentence() for difference in again.differences(profile)] == []
    assert [outcome for _, outcome in again.performance.outcomes] == [step.outcome for step in profile.steps]
    assert set(again.ending.findings) == {finding.rule for finding in judged.checked.findings}


@pytest.mark.parametrize("name", OFTEN)
async def test_a_fault_that_shows_is_mirrored(name: str) -> None:
    await check_mirrored(name)


@pytest.mark.nightly
@pytest.mark.parametrize("name", [name for name in VISIBLE if name not in OFTEN])
async def test_every_fault_that_shows_is_mirrored(name: str) -> None:
    await check_mirrored(name)


async def test_what_the_recording_does_not_decide_is_said_to_be_assumed() -> None:
    mirror = mirror_of((await record_client("warp")).run)
    assert mirror.faults == ()
    assert any(sentence.startswith("The resource indicators have the MCP server") for sentence in mirror.assumed)
    seen = mirror_of((await record_client("compliant")).run)
    assert seen.assumed == ()


async def test_a_default_resource_indicator_shows_in_a_token_nobody_asked_for() -> None:
    settings = replace(DEMO, default_resource_indicator=MCP_URL)
    mirror = mirror_of((await record_client("warp", settings)).run)
    assert mirror.settings.default_resource_indicator == MCP_URL


async def test_good_servers_are_mirrored_without_a_fault() -> None:
    mirrors = await asyncio.gather(*(_mirror(client) for client in ("compliant", "compliant-2026-07-28", "cimd")))
    assert [mirror.faults for mirror in mirrors] == [(), (), ()]


async def _mirror(client: str) -> Mirror:
    return mirror_of((await record_client(client)).run)


async def test_a_fault_that_contradicts_the_recording_is_refused() -> None:
    mirror = mirror_of((await record_client("compliant", faults=("aud-missing",))).run)
    with pytest.raises(ReferenceFailure, match="contradict"):
        mirror.with_faults(("aud-trailing-slash",))
