"""The stories of the verdict, played for real: scripted clients, the proxy, the reference servers, real HTTP."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from inspector.capture.proxy import ProxySettings, RunningProxy, start_proxy
from inspector.reference.client import perform
from inspector.reference.pair import Reference
from inspector.reference.profile import load_profile
from inspector.reference.settings import DEMO, MCP_URL, Settings
from inspector.rules.model import Confidence, Party
from inspector.session.reader import Session
from inspector.verdict.analysis import analyse
from inspector.verdict.model import Judged

OTHER_RESOURCE = "https://elsewhere.example/mcp"
NO_DOCUMENTS = replace(DEMO, cimd=False)
"""Where clients that can only register are told nothing about it."""


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProxy]:
    """One proxy for all stories: each has servers of its own, so each is a run of its own."""
    home = tmp_path_factory.mktemp("inspector")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MCP_AUTH_INSPECTOR_HOME", str(home))
        running = start_proxy(ProxySettings(session=home / "stories.mcpauth"))
        yield running
        running.stop()


async def play(proxy: RunningProxy, profile: str, settings: Settings) -> Judged:
    async with Reference(settings) as pair:
        proxy.add_target(pair.mcp_url)
        await perform(load_profile(profile), pair.mcp_url, proxy=proxy.url)
    with Session.open(proxy.session) as session:
        runs = analyse(session.exchanges()).runs
    return next(judged for judged in runs if judged.run.server_url == pair.mcp_url)


def cleared(judged: Judged) -> set[Party]:
    return {each.party for each in judged.verdict.cleared}


async def test_the_client_that_omits_resource(proxy: RunningProxy) -> None:
    judged = await play(proxy, "warp", DEMO)
    assert judged.verdict.party is Party.CLIENT
    assert judged.verdict.confidence is Confidence.CERTAIN
    assert judged.verdict.cause == "resource-missing-authorize"
    assert cleared(judged) == {Party.MCP_SERVER, Party.AUTHORIZATION_SERVER}
    seen = {observation.text.partition(":")[0] for observation in judged.verdict.observations}
    assert len(seen) == len(judged.verdict.observations) >= 4
    assert all(observation.step for observation in judged.verdict.observations)
    assert any(judged.run.server_url in remedy.text for remedy in judged.verdict.remedies)


@pytest.mark.parametrize("profile", ["compliant-2025-06-18", "compliant", "compliant-2026-07-28", "cimd"])
async def test_the_careful_client(proxy: RunningProxy, profile: str) -> None:
    judged = await play(proxy, profile, DEMO if profile == "cimd" else NO_DOCUMENTS)
    assert judged.verdict.party is Party.NONE
    told = {"dcr-deprecated"} if profile == "compliant-2026-07-28" else set()
    assert {finding.rule for finding in judged.checked.findings} == told


async def test_the_careful_client_of_the_revision_without_resource(proxy: RunningProxy) -> None:
    judged = await play(proxy, "compliant-2025-03-26", replace(DEMO, default_resource_indicator=MCP_URL))
    assert judged.run.revision.client == "2025-03-26"
    assert judged.verdict.party is Party.NONE
    assert {finding.rule for finding in judged.checked.findings} == {"legacy-as-metadata-proxy"}


async def test_a_client_id_the_authorization_server_has_forgotten(proxy: RunningProxy) -> None:
    judged = await play(proxy, "stale-client-id", DEMO)
    assert (judged.verdict.party, judged.verdict.cause) == (Party.CLIENT, "authorize-client-unknown")


async def test_a_client_that_takes_no_notice_of_the_challenge(proxy: RunningProxy) -> None:
    judged = await play(proxy, "root-metadata", DEMO)
    assert (judged.verdict.party, judged.verdict.cause) == (Party.CLIENT, "client-ignores-resource-metadata-url")
    assert judged.verdict.summary.startswith("Sign-in works, but")


async def test_resource_on_the_token_request_only(proxy: RunningProxy) -> None:
    judged = await play(proxy, "token-leg-only", DEMO)
    assert (judged.verdict.party, judged.verdict.cause) == (Party.CLIENT, "resource-missing-authorize")


async def test_resource_on_the_authorization_request_only(proxy: RunningProxy) -> None:
    judged = await play(proxy, "authorize-leg-only", DEMO)
    assert (judged.verdict.party, judged.verdict.cause) == (Party.CLIENT, "resource-missing-token")
    assert not judged.checked.of("aud-is-client-id", "aud-mismatch")


async def test_authkit_without_resource_indicators(proxy: RunningProxy) -> None:
    judged = await play(proxy, "compliant", replace(NO_DOCUMENTS, resource_indicators=()))
    assert judged.verdict.party is Party.CONFIGURATION
    assert Party.CLIENT in cleared(judged)
    assert not [finding for finding in judged.checked.findings if finding.party is Party.CLIENT]


async def test_a_resource_that_is_not_in_the_list(proxy: RunningProxy) -> None:
    judged = await play(proxy, "compliant", replace(DEMO, resource_indicators=(OTHER_RESOURCE,)))
    assert (judged.verdict.party, judged.verdict.cause) == (Party.CONFIGURATION, "invalid-target")
    assert Party.CLIENT in cleared(judged)
    assert any(judged.run.server_url in remedy.text for remedy in judged.verdict.remedies)


async def test_a_server_that_accepts_the_wrong_audience(proxy: RunningProxy) -> None:
    judged = await play(proxy, "warp", replace(DEMO, accept_any_audience=True))
    assert (judged.verdict.party, judged.verdict.cause) == (Party.MCP_SERVER, "wrong-audience-token-accepted")


async def test_the_allow_list_workaround_is_the_same_fault(proxy: RunningProxy) -> None:
    allowed = replace(DEMO, allowed_token_audiences=(DEMO.environment_client_id,))
    judged = await play(proxy, "warp", allowed)
    assert (judged.verdict.party, judged.verdict.cause) == (Party.MCP_SERVER, "wrong-audience-token-accepted")


async def test_a_default_resource_indicator_helps_the_client(proxy: RunningProxy) -> None:
    judged = await play(proxy, "warp", replace(DEMO, default_resource_indicator=MCP_URL))
    assert (judged.verdict.party, judged.verdict.cause) == (Party.CLIENT, "resource-missing-authorize")
    assert judged.verdict.summary.startswith("Sign-in works, but")
    assert not judged.checked.of("aud-is-client-id", "fresh-token-rejected")


@pytest.mark.parametrize(("profile", "cause"), [("no-pkce", "pkce-missing"), ("plain-pkce", "pkce-method-not-s256")])
async def test_a_client_without_proof(proxy: RunningProxy, profile: str, cause: str) -> None:
    judged = await play(proxy, profile, DEMO)
    assert (judged.verdict.party, judged.verdict.cause) == (Party.CLIENT, cause)
    assert Party.AUTHORIZATION_SERVER in cleared(judged)


async def test_a_trailing_slash_is_the_clients(proxy: RunningProxy) -> None:
    judged = await play(proxy, "trailing-slash", DEMO)
    assert (judged.verdict.party, judged.verdict.cause) == (Party.CLIENT, "resource-trailing-slash")
