"""Captures of the official conformance suite's clients, performed again at the reference servers."""

from pathlib import Path

import pytest

from inspector.replay.fixes import fix_named
from inspector.replay.from_run import completed, profile_of
from inspector.replay.mirror import mirror_of
from inspector.replay.reenact import reenact, what_if
from inspector.session.importing import import_file
from inspector.verdict.analysis import analyse
from inspector.verdict.model import Judged

CORPUS = Path(__file__).parents[1] / "rules" / "corpus"
SOME = (
    "basic-cimd--ts-no-cimd--2025-11-25",
    "metadata-default--ts2-everything+no-resource--2026-07-28",
    "metadata-var2--ts-everything+slash-resource--2025-11-25",
    "token-endpoint-auth-basic--ts-everything+secret-in-post--2025-11-25",
    "token-endpoint-auth-none--ts-everything+no-resource--2025-11-25",
    "token-endpoint-auth-none--ts-no-pkce--2025-11-25",
)
LEAST_FAITHFUL = 100
"""Of 124. The rest use grants and extensions that the emulator has not, or a server that takes handshakes unsigned."""


def judged(capture: str) -> Judged:
    return analyse(import_file(CORPUS / f"{capture}.flow").exchanges()).runs[-1]


async def differences(original: Judged) -> list[str]:
    profile = profile_of(original.run)
    again = await reenact(completed(profile), mirror_of(original.run))
    return [difference.sentence() for difference in again.differences(profile)]


@pytest.mark.parametrize("capture", SOME)
async def test_the_replay_sends_what_was_captured(capture: str) -> None:
    assert await differences(judged(capture)) == []


async def test_what_if_mends_a_captured_client() -> None:
    original = judged("token-endpoint-auth-none--ts-everything+no-resource--2025-11-25")
    done = await what_if(original, fixes=[fix_named("add-resource")])
    missing = {"resource-missing-authorize", "resource-missing-token"}
    assert missing <= {finding.rule for finding in original.checked.findings}
    assert missing <= set(done.before.ending.findings)
    assert not missing & set(done.after.ending.findings)
    assert done.after.ending.authorized


@pytest.mark.nightly
async def test_most_captures_are_performed_request_by_request() -> None:
    captures = [file.stem for file in sorted(CORPUS.glob("*.flow"))]
    faithful = [capture for capture in captures if not await differences(judged(capture))]
    assert len(faithful) >= LEAST_FAITHFUL
