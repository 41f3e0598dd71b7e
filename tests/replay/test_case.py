"""A regression case holds what is expected, and says what was not so."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from inspector.errors import ReplayFailure
from inspector.reference.pair import Reference
from inspector.reference.settings import DEMO
from inspector.replay.case import case_of, load_case, save_case, verify
from inspector.replay.fixes import fix_named
from inspector.replay.reenact import WhatIf, what_if
from tests.replay.recording import record_client


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the case of a broken client, and of the same client mended."""
    folder = tmp_path_factory.mktemp("cases")

    async def performed() -> WhatIf:
        return await what_if(await record_client("warp"), fixes=[fix_named("add-resource")])

    done = asyncio.run(performed())
    save_case(case_of(done.before), folder / "broken.toml")
    save_case(case_of(done.after), folder / "mended.toml")
    return folder


@pytest.mark.parametrize(
    ("name", "authorized", "cause"), [("broken", False, "resource-missing-authorize"), ("mended", True, "")]
)
async def test_a_server_that_does_as_expected_passes(folder: Path, name: str, authorized: bool, cause: str) -> None:
    case = load_case(folder / f"{name}.toml")
    assert (case.authorized, case.cause) == (authorized, cause)
    assert not any(step.assumed for step in case.profile.steps)
    async with Reference(replace(DEMO, auto_approve=False)) as pair:
        done = await verify(case, pair.mcp_url, (pair.issuer,))
    assert done.problems == ()


async def test_a_server_that_does_otherwise_fails_with_the_step_and_the_verdict(folder: Path) -> None:
    async with Reference(faults=("aud-trailing-slash",)) as pair:
        done = await verify(load_case(folder / "mended.toml"), pair.mcp_url, (pair.issuer,))
    assert done.problems[0] == "step 8 (initialize): 401 invalid_token instead of 200"
    assert any("steps were not performed" in problem for problem in done.problems)
    assert "aud-canonicalization" in done.problems[-1]


async def test_an_authorization_server_that_was_not_named_is_not_asked(folder: Path) -> None:
    async with Reference() as pair:
        done = await verify(load_case(folder / "mended.toml"), pair.mcp_url)
        assert not pair.authkit.store.clients
    assert any(f"{pair.issuer} is not among the servers you named" in problem for problem in done.problems)


@pytest.mark.parametrize("text", ["format = 1", "case = 1\n[expected]\nauthorized = 3", "case = 7"])
def test_a_file_that_is_no_case(tmp_path: Path, text: str) -> None:
    (tmp_path / "odd.toml").write_text(text)
    with pytest.raises(ReplayFailure, match=r"odd\.toml"):
        load_case(tmp_path / "odd.toml")
