"""Why nothing arrives: what the proxy counts, and the sentences that follow from it."""

import asyncio
import json
import socket
import ssl
from dataclasses import replace

import httpx
import pytest

from inspector.capture.proxy import RunningProxy
from inspector.capture.recipes import Mode
from inspector.capture.silence import CaptureFacts, Tally, capture_facts, diagnose, silence_explained, why_silent
from inspector.errors import CaptureError
from inspector.session.reader import Session
from tests.capture.conftest import Start
from tests.capture.upstream import Upstream, make_certificates, upstream

PROXY = "http://127.0.0.1:7000"
GATEWAY = "http://127.0.0.1:7710/mcp"
NONE = CaptureFacts()


def tally(*hosts: str, reason: str = "") -> Tally:
    return Tally(dict.fromkeys(hosts, 1), dict.fromkeys(hosts, reason) if reason else {})


@pytest.mark.parametrize(
    ("mode", "address", "says"),
    [
        (Mode.RUN, PROXY, "No connection has come in. The client may not have asked anything yet, or goes around"),
        (Mode.ENV, PROXY, "No connection has come in: restart the client with the variables set."),
        (Mode.LOCAL, PROXY, "No connection has come in: look whether the process is really called as you wrote it"),
        (Mode.GATEWAY, GATEWAY, f"No connection has come in: give the client {GATEWAY} as the server's URL"),
        (Mode.TAKEOVER, GATEWAY, f"No connection has come in at {GATEWAY}: make the client connect"),
    ],
)
def test_without_any_connection_the_way_there_is_the_reason(mode: Mode, address: str, says: str) -> None:
    (sentence,) = diagnose(NONE, mode, address)
    assert sentence.startswith(says)


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        (replace(NONE, connections=1), "1 connection came in and no request on it: "),
        (replace(NONE, connections=2), "2 connections came in and no request on it: "),
        (replace(NONE, connections=1, addressed_to_proxy=1), f"The client takes {PROXY} for the server, "),
        (
            replace(NONE, connections=1, connects=tally("h:443"), tls_refused=tally("h:443", reason="unknown ca")),
            "The client breaks off TLS to h:443: it does not trust the inspector's certificate. ",
        ),
        (replace(NONE, unreachable=tally("h:1", reason="refused")), "Nobody answers at h:1 (refused): "),
        (
            replace(NONE, tls_passed=Tally({"a:443": 1, "b:443": 3, "c:443": 2, "d:443": 1}, others=2)),
            "TLS to b:443, c:443, a:443 and 3 more passes by unopened, because nobody has named it.",
        ),
        (
            replace(NONE, unrecorded=tally("h:80", "i:80")),
            "2 requests went to servers outside the scope, which are not recorded: h:80, i:80.",
        ),
    ],
)
def test_what_did_come_is_the_reason_where_something_did(facts: CaptureFacts, says: str) -> None:
    (sentence,) = diagnose(facts, Mode.ENV, PROXY)
    assert sentence.startswith(says)


def test_each_reason_is_given_and_none_once_something_was_recorded() -> None:
    facts = replace(NONE, connections=3, addressed_to_proxy=1, unrecorded=tally("h:80"))
    assert len(diagnose(facts, Mode.RUN, PROXY)) == 2
    assert diagnose(replace(facts, recorded=1), Mode.RUN, PROXY) == ()


def test_a_client_with_the_variables_set_is_not_told_to_set_them() -> None:
    facts = replace(NONE, tls_refused=tally("h:443"))
    assert "mcp-auth-inspector gateway URL" in diagnose(facts, Mode.RUN, PROXY)[0]
    assert "mcp-auth-inspector env" in diagnose(facts, Mode.ENV, PROXY)[0]


async def test_the_proxy_counts_what_reaches_it_and_leaves_that_in_the_session(start: Start, server: Upstream) -> None:
    proxy = start(targets=("http://127.0.0.1:1/mcp",))
    server.answer("/api", b"")
    async with httpx.AsyncClient(proxy=proxy.url, trust_env=False) as client:
        for _ in range(2):
            assert (await client.get(server.at("/api"))).status_code == 200
    async with httpx.AsyncClient(trust_env=False) as confused:
        answer = await confused.post(f"{proxy.url}/mcp", json={"jsonrpc": "2.0", "method": "initialize"})
    assert answer.status_code == 421
    assert answer.text.startswith("mcp-auth-inspector: this is the address of a proxy, not of an MCP server.")
    facts = capture_facts(proxy)
    host = server.origin.removeprefix("http://")
    assert (facts.connections, facts.requests, facts.recorded, facts.addressed_to_proxy) == (3, 3, 0, 1)
    assert facts.unrecorded == Tally({host: 2})
    assert facts.last_activity >= facts.started > 0
    assert [sentence.partition(" ")[0] for sentence in diagnose(facts, Mode.RUN, proxy.url)] == ["The", "2"]
    proxy.stop()
    with Session.open(proxy.session) as session:
        assert CaptureFacts.of(json.loads(session.meta["capture-facts"])) == facts
    assert why_silent(proxy.session, Mode.RUN, proxy.url) == " ".join(diagnose(facts, Mode.RUN, proxy.url))


async def test_tls_is_counted_by_who_refused_it_and_by_what_passed_unopened(
    start: Start, tmp_path_factory: pytest.TempPathFactory
) -> None:
    certificates = make_certificates(tmp_path_factory.mktemp("certificates"))
    context = ssl.create_default_context(cafile=str(certificates.ca))
    async with upstream(certificates.server) as named, upstream(certificates.server) as other:
        proxy = start(targets=(named.at("/mcp"),), upstream_ca=certificates.ca)
        async with httpx.AsyncClient(proxy=proxy.url, trust_env=False, verify=context) as client:
            with pytest.raises(httpx.ConnectError):
                await client.get(named.at("/mcp"))
            assert (await client.get(other.at("/"))).status_code == 404
        facts = capture_facts(proxy)
        hosts = [each.origin.removeprefix("https://") for each in (named, other)]
    assert facts.connects.counts == dict.fromkeys(hosts, 1)
    assert facts.tls_refused.counts == {hosts[0]: 1}
    assert facts.tls_passed.counts == {hosts[1]: 1}
    assert facts.recorded == 0


async def test_a_server_that_is_not_there_is_an_incident_and_is_forgotten_once_it_is(
    start: Start, server: Upstream
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    where = f"127.0.0.1:{port}"
    proxy = start(targets=(f"http://{where}/mcp",))
    async with httpx.AsyncClient(proxy=proxy.url, trust_env=False) as client:
        for _ in range(3):
            assert (await client.get(f"http://{where}/mcp")).status_code == 502
        assert capture_facts(proxy).unreachable.counts == {where: 3}
        async with await asyncio.start_server(server.talk, "127.0.0.1", port):
            assert (await client.get(f"http://{where}/mcp")).status_code == 404
        assert capture_facts(proxy).unreachable.counts == {}
    with Session.open(proxy.session) as session:
        (incident,) = session.incidents()
    assert (incident.kind, incident.host) == ("upstream", where)
    assert incident.text == (
        f"The server at {where} cannot be reached (nobody listens there): start it, or correct the URL."
    )


async def test_silence_is_explained_once_and_only_when_it_lasts(start: Start, server: Upstream) -> None:
    proxy = start(targets=(server.at("/mcp"),))
    said: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def say(text: str) -> None:
        loop.call_soon_threadsafe(said.put_nowait, text)

    with silence_explained(proxy, Mode.RUN, say, after=0.05):
        async with asyncio.timeout(10):
            assert (await said.get()).startswith("No connection has come in.")
    with silence_explained(proxy, Mode.RUN, say, after=60):
        pass
    assert said.empty()


def test_a_patch_that_does_not_exist_keeps_the_proxy_from_starting(start: Start) -> None:
    with pytest.raises(CaptureError, match=r"The proxy did not start\. There is no wire patch 'add-resorce'"):
        start(patches=("add-resorce",))


async def test_patches_are_on_from_the_start(start: Start, server: Upstream) -> None:
    server.answer("/token", b"{}")
    proxy: RunningProxy = start(targets=(server.at("/mcp"),), patches=("add-resource=http://h", "drop-header=accept"))
    async with httpx.AsyncClient(proxy=proxy.url, trust_env=False) as client:
        await client.post(server.at("/token"), data={"grant_type": "x"})
    assert server.asked[0].body == b"grant_type=x&resource=http%3A%2F%2Fh"
    assert "accept" not in server.asked[0].headers
