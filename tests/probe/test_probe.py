import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from inspector.errors import ReplayFailure
from inspector.probe.checklist import checklist, checklist_lines, findings_of
from inspector.probe.probe import NoAnswer, _Probe, probe
from inspector.probe.requests import resource_metadata_locations, server_metadata_locations
from inspector.reference.listener import bound_socket
from inspector.reference.pair import Reference
from inspector.rules.model import Severity
from inspector.session.model import Exchange, Source
from inspector.verdict.analysis import analyse
from inspector.verdict.model import Judged

SEEN_WITHOUT_A_SIGN_IN = (
    "redirect-to-slash",
    "challenge-absent",
    "challenge-without-metadata-url",
    "challenge-relative-url",
    "challenge-other-origin",
    "challenge-unterminated",
    "legacy-server",
    "prm-not-found",
    "prm-html",
    "prm-unauthorized",
    "prm-redirected",
    "prm-resource-missing",
    "prm-resource-trailing-slash",
    "prm-names-itself",
    "blocked-at-edge",
    "as-metadata-absent",
    "as-metadata-html",
    "as-metadata-incomplete",
    "as-endpoint-insecure",
    "as-metadata-openid-only",
    "issuer-trailing-slash",
    "issuer-other",
    "pkce-not-advertised",
    "pkce-plain-only",
    "registration-off",
)
SEEN_BY_REGISTERING = ("registration-not-found", "registration-redirect-uri-refused")
MCP = "https://mcp.example/mcp"


class Recorder:
    """Keeps exchanges with ids, as a session does."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []

    def __call__(self, exchange: Exchange) -> Exchange:
        kept = replace(exchange, id=len(self.exchanges) + 1)
        self.exchanges.append(kept)
        return kept

    def asked(self) -> list[str]:
        return [f"{each.method} {each.url}" for each in self.exchanges]


@asynccontextmanager
async def probed(*faults: str, register: bool = False) -> AsyncIterator[tuple[Judged, Recorder, tuple[str, ...]]]:
    recorder = Recorder()
    async with Reference(faults=faults) as reference:
        left_out = await probe(reference.mcp_url, recorder, register=register)
        yield analyse(recorder.exchanges).runs[0], recorder, left_out


async def test_a_good_server_is_clean() -> None:
    async with probed() as (judged, recorder, left_out):
        assert findings_of(judged) == ()
        assert left_out == ()
        assert {each.source for each in recorder.exchanges} == {Source.PROBE}
        signs = {topic.title: topic.sign for topic in checklist(judged)}
        assert set(signs.values()) <= {"ok", "-"}
        assert signs["Protected resource metadata"] == "ok"
        assert signs["Access from a browser (CORS)"] == "ok"


async def test_it_is_one_run_and_only_reads() -> None:
    async with probed() as (_, recorder, _left):
        assert len(analyse(recorder.exchanges).runs) == 1
        posts = [each for each in recorder.exchanges if each.method not in ("GET", "OPTIONS")]
        assert {json.loads(each.request_body.data)["method"] for each in posts} == {"initialize"}


@pytest.mark.parametrize("fault", SEEN_WITHOUT_A_SIGN_IN)
async def test_a_fault_that_shows_from_outside_is_named(fault: str) -> None:
    from inspector.reference.faults import fault_named

    async with probed(fault) as (judged, _, _left):
        assert {finding.rule for finding in findings_of(judged)} & set(fault_named(fault).provokes)


@pytest.mark.parametrize("fault", SEEN_BY_REGISTERING)
async def test_registering_shows_what_is_wrong_with_it(fault: str) -> None:
    async with probed(fault, register=True) as (judged, _, _left):
        assert [finding.rule for finding in findings_of(judged) if finding.severity is Severity.ERROR] == [
            "registration-rejected"
        ]


async def test_registering_says_what_stays_behind() -> None:
    async with probed(register=True) as (judged, recorder, left_out):
        assert any(each.startswith("POST") and each.endswith("/oauth2/register") for each in recorder.asked())
        assert findings_of(judged) == ()
        assert "mcp-auth-inspector probe" in left_out[0]


async def test_every_place_of_metadata_is_asked() -> None:
    async with probed() as (_, recorder, _left):
        asked = " ".join(recorder.asked())
        assert "/.well-known/oauth-protected-resource/mcp " in asked
        assert "/.well-known/oauth-protected-resource " in asked
        assert "/.well-known/oauth-authorization-server" in asked
        assert "/.well-known/openid-configuration" in asked


def test_the_places_follow_the_specification() -> None:
    assert resource_metadata_locations("https://a.example/mcp", "https://a.example/prm") == (
        "https://a.example/prm",
        "https://a.example/.well-known/oauth-protected-resource/mcp",
        "https://a.example/.well-known/oauth-protected-resource",
    )
    assert server_metadata_locations("https://as.example/tenant") == (
        "https://as.example/.well-known/oauth-authorization-server/tenant",
        "https://as.example/.well-known/openid-configuration/tenant",
        "https://as.example/tenant/.well-known/openid-configuration",
    )


async def test_a_server_that_is_not_there_is_said_in_one_sentence() -> None:
    with bound_socket(0, "nobody") as free:
        address = f"http://localhost:{free.getsockname()[1]}/mcp"
    with pytest.raises(NoAnswer, match="does not answer"):
        await probe(address, Recorder())


async def test_what_is_no_url_is_refused() -> None:
    with pytest.raises(ReplayFailure, match="no http or https URL"):
        await probe("localhost:3001/mcp", Recorder())


@pytest.mark.parametrize(
    "inside",
    ["http://127.0.0.1:22/", "http://localhost/", "http://10.0.0.1/", "http://169.254.169.254/latest", "http://[::1]/"],
)
def test_a_public_server_cannot_send_the_probe_into_a_private_network(inside: str) -> None:
    from contextlib import AsyncExitStack

    asking = _Probe(MCP, Recorder(), "", 1.0, lambda exchange: None, AsyncExitStack())
    assert not asking._may_ask(inside)
    assert "private network" in asking.left_out[0]
    assert asking._may_ask("https://as.example/")
    assert not asking._may_ask("file:///etc/passwd")


async def test_what_openid_configuration_leaves_out_is_told() -> None:
    """AuthKit's OpenID document says nothing of PKCE: a client that reads that one alone has to stop."""
    async with probed() as (judged, _, _left):
        facts = next(topic.facts for topic in checklist(judged) if topic.title == "Authorization server metadata")
        assert "openid-configuration leaves out" in facts
        assert "code_challenge_methods_supported" in facts


async def test_the_checklist_names_rule_party_and_both_values() -> None:
    async with probed("issuer-other") as (judged, _, _left):
        text = "\n".join(checklist_lines(checklist(judged)))
        assert "x as-metadata-issuer-mismatch (authorization-server)" in text
        assert "found     https://other-issuer.example" in text
        assert text.count("found     https://other-issuer.example") == 1
