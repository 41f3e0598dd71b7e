"""A hostile session file, profile or server cannot make a replay send anything where the user did not name."""

import asyncio
import json
from base64 import b64encode
from dataclasses import replace

import httpx
import pytest

from inspector.errors import ReplayFailure
from inspector.reference.browser import BrowserStopped, followed
from inspector.replay.case import Case, verify
from inspector.replay.edits import Request
from inspector.replay.from_run import completed, profile_of
from inspector.replay.leaving import KnownSecrets
from inspector.replay.mirror import mirror_of
from inspector.replay.profile import Profile, ProfileStep
from inspector.replay.reenact import reenact
from inspector.replay.values import Values
from inspector.replay.wire import as_response
from inspector.session.model import Body, Exchange
from inspector.timeline.message import Kind
from inspector.verdict.analysis import analyse
from tests.replay.conftest import Canary, listening
from tests.replay.recording import record_exchanges


def changed(exchange: Exchange, old: str, new: str) -> Exchange:
    """An exchange in which one string is another, everywhere."""

    def body(data: Body) -> Body:
        return Body.whole(data.data.replace(old.encode(), new.encode()))

    return replace(
        exchange,
        url=exchange.url.replace(old, new),
        request_headers=tuple((n, v.replace(old, new)) for n, v in exchange.request_headers),
        request_body=body(exchange.request_body),
        response_headers=tuple((n, v.replace(old, new)) for n, v in exchange.response_headers),
        response_body=body(exchange.response_body),
    )


@pytest.fixture(scope="module")
def recording() -> list[Exchange]:
    """A sign-in."""
    return asyncio.run(record_exchanges("compliant"))


async def test_a_session_about_other_hosts_is_performed_at_the_reference_servers(
    recording: list[Exchange], canary: Canary
) -> None:
    mcp = recording[0].url.removesuffix("/mcp")
    issuer = next(e.url for e in recording if "/oauth2/token" in e.url).removesuffix("/oauth2/token")
    hostile = [changed(changed(e, mcp, canary.url), issuer, "http://169.254.169.254") for e in recording]
    judged = analyse(hostile).runs[-1]
    again = await reenact(completed(profile_of(judged.run)), mirror_of(judged.run))
    assert again.exchanges
    assert all(exchange.url.startswith("http://localhost:") for exchange in again.exchanges)
    assert canary.received == []


async def test_addresses_in_parameters_and_bodies_reach_nobody(recording: list[Exchange], canary: Canary) -> None:
    hostile = []
    for exchange in recording:
        if "/oauth2/register" in exchange.url:
            metadata = json.loads(exchange.request_body.data) | {
                "logo_uri": f"{canary.url}/logo",
                "jwks_uri": f"{canary.url}/jwks",
                "sector_identifier_uri": f"{canary.url}/sector",
            }
            exchange = replace(exchange, request_body=Body.whole(json.dumps(metadata).encode()))
        if "/oauth2/authorize" in exchange.url:
            exchange = replace(exchange, url=f"{exchange.url}&request_uri={canary.url}/request")
        hostile.append(exchange)
    judged = analyse(hostile).runs[-1]
    await reenact(completed(profile_of(judged.run)), mirror_of(judged.run))
    assert canary.received == []


async def test_a_client_id_that_is_an_address_is_not_fetched(recording: list[Exchange], canary: Canary) -> None:
    client_id = next(json.loads(e.response_body.data)["client_id"] for e in recording if "register" in e.url)
    hostile = [changed(e, client_id, f"{canary.url}/client.json") for e in recording if "register" not in e.url]
    judged = analyse(hostile).runs[-1]
    profile = profile_of(judged.run)
    assert profile.document
    await reenact(completed(profile), mirror_of(judged.run))
    assert canary.received == []


@pytest.mark.parametrize("name", ["X-A\r\nX-B", "X-A"])
async def test_a_header_that_smuggles_is_refused_or_not_kept(recording: list[Exchange], name: str) -> None:
    hostile = [replace(e, request_headers=(*e.request_headers, (name, "1\r\nX-C: 2"))) for e in recording]
    judged = analyse(hostile).runs[-1]
    profile = completed(profile_of(judged.run))
    if name == "X-A":
        again = await reenact(profile, mirror_of(judged.run))
        sent = [value for e in again.exchanges for _, value in e.request_headers]
        assert not any("\r" in value or "\n" in value for value in sent)
    else:
        with pytest.raises(ReplayFailure, match="nothing was sent"):
            await reenact(profile, mirror_of(judged.run))


async def test_a_body_that_was_not_kept_whole_is_not_sent(recording: list[Exchange]) -> None:
    cut = [
        replace(e, request_body=replace(e.request_body, size=10**9)) if "register" in e.url else e for e in recording
    ]
    profile = profile_of(analyse(cut).runs[-1].run)
    assert not any(step.leg is Kind.REGISTER for step in profile.steps)
    assert any("not kept whole" in note for note in profile.notes)


async def test_a_server_cannot_send_the_replay_elsewhere(canary: Canary) -> None:
    metadata = json.dumps({"resource": "x", "authorization_servers": [canary.url]}).encode()
    answer = (
        f'HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer resource_metadata="{canary.url}/prm"\r\n'
        f"Content-Type: application/json\r\nContent-Length: {len(metadata)}\r\nConnection: close\r\n\r\n"
    ).encode() + metadata
    steps = (
        ProfileStep(Kind.MCP, "POST", "${mcp_url}", body="{}", outcome="401"),
        ProfileStep(Kind.RESOURCE_METADATA, "GET", "${challenge.resource_metadata}", outcome="200"),
    )
    async with listening(answer) as server:
        done = await verify(Case(Profile("x", "", steps), "none", "", False), server.url + "/mcp")
    assert len(server.received) == 1
    assert canary.received == []
    assert any(canary.url in problem for problem in done.problems)


@pytest.mark.parametrize(
    "url", ["{canary}/x", "file:///etc/passwd", "http://[::1", "${{mcp_origin}}@127.0.0.1:{port}/", "//x"]
)
async def test_a_profile_cannot_name_another_server(server: Canary, canary: Canary, url: str) -> None:
    address = url.format(canary=canary.url, port=canary.port)
    step = ProfileStep(Kind.MCP, "POST", address, body="{}", outcome="200")
    case = Case(Profile("x", "", (step,)), "none", "", False)
    try:
        done = await verify(case, server.url + "/mcp")
        assert done.problems
    except ReplayFailure:
        pass
    assert (server.received, canary.received) == ([], [])


@pytest.mark.parametrize("issuer", ["http://[x", "http://\u2100/", "\ud800"])
def test_an_issuer_that_is_no_url_is_known_by_its_name_alone(issuer: str) -> None:
    values = Values("http://[m", issuer)
    assert (values.get("issuer"), values.get("issuer_origin")) in ((issuer, "://"), (issuer, ""))


def test_half_a_surrogate_pair_is_no_reason_to_stop() -> None:
    values = Values("http://h/mcp")
    values.set("client_id", "\ud800")
    values.set("client_secret", "\udcff")
    assert values.fill("${basic}") == b64encode(b"%3F:%3F").decode()
    answer = Exchange(1, "POST", "http://h/t", (("Authorization", "Bearer \udcffabcdefgh"),), status=200)
    known = KnownSecrets.of([answer])
    assert known.new_to(Request("GET", "http://o/", answer.request_headers, b""), "http://o/")
    assert not known.new_to(Request("GET", "http://o/", (), b""), "http://o/")


async def test_a_browser_is_not_sent_to_what_is_no_url() -> None:
    for location in ("http://[x", "http://\xe9\u2603.\u200d/", f"/{'a' * 70_000}"):
        sent = httpx.Response(
            302, headers=[(b"location", location.encode())], request=httpx.Request("GET", "http://127.0.0.1:1/")
        )
        async with httpx.AsyncClient(transport=httpx.MockTransport(lambda request: httpx.Response(400))) as browser:
            with pytest.raises(BrowserStopped):
                await followed(browser, sent, "http://127.0.0.1:2/callback")


def test_an_answer_with_bytes_of_latin_1_in_a_header_is_a_response() -> None:
    location = "http://h/\xe9"
    done = Exchange(1, "GET", "http://h/", status=302, response_headers=(("Location", location),))
    assert as_response(done).headers["location"] == location
