"""A replay sends to the servers the user named and nowhere else, and what it sends is what was recorded."""

from collections.abc import Callable

import pytest

from inspector.errors import ReplayFailure
from inspector.replay.wire import MOST_RECEIVED, Destinations, NotNamed, OriginMapping, Wire
from inspector.session.model import Exchange, Source, State
from tests.replay.conftest import Canary, listening

type Record = Callable[[Exchange], Exchange]


@pytest.mark.parametrize(
    "url",
    [
        "{canary}/mcp",
        "http://localhost:{port}/mcp",
        "http://{server_host}@127.0.0.1:{port}/mcp",
        "//127.0.0.1:{port}/mcp",
        "file:///etc/passwd",
        "ftp://127.0.0.1:{port}/",
        "gopher://127.0.0.1:{port}/_POST",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]:{port}/",
        "{server}\\@127.0.0.1:{port}/",
        "{server}@127.0.0.1:{port}/",
        "{canary}#{server}",
        "http://127.0.0.1:{port}/\r\nHost: x",
        "javascript:alert(1)",
        "",
    ],
)
async def test_nothing_is_sent_to_a_server_that_was_not_named(
    server: Canary, canary: Canary, record: Record, recorded: list[Exchange], url: str
) -> None:
    host = f"127.0.0.1:{server.port}"
    address = url.format(canary=canary.url, port=canary.port, server=server.url, server_host=host)
    async with Wire(Destinations([server.url]), record=record) as wire:
        with pytest.raises(ReplayFailure):
            await wire.send("POST", address, (("Authorization", "Bearer secret"),), b"x")
        async with wire.browser("test") as browser:
            with pytest.raises(ReplayFailure):
                await wire.send("GET", address, ())
            assert browser.follow_redirects is False
    assert (server.received, canary.received, recorded) == ([], [], [])


async def test_the_refusal_names_the_host_and_what_was_named(server: Canary, canary: Canary, record: Record) -> None:
    async with Wire(Destinations([server.url + "/mcp"]), record=record) as wire:
        with pytest.raises(NotNamed) as refusal:
            await wire.send("GET", canary.url + "/token?code=secret", ())
    assert canary.url in str(refusal.value)
    assert server.url in str(refusal.value)
    assert "secret" not in str(refusal.value)


async def test_a_redirect_is_an_answer_and_is_not_followed(canary: Canary, record: Record) -> None:
    to_canary = f"HTTP/1.1 307 Moved\r\nLocation: {canary.url}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    async with listening(to_canary.encode()) as server, Wire(Destinations([server.url]), record=record) as wire:
        done = await wire.send("POST", server.url + "/mcp", (), b"{}")
        async with wire.browser("test") as browser:
            seen = await browser.get(server.url + "/authorize")
    assert (done.status, seen.status_code, canary.received) == (307, 307, [])


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"])
async def test_a_proxy_of_the_environment_is_not_used(
    server: Canary, canary: Canary, record: Record, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, canary.url)
    async with Wire(Destinations([server.url]), record=record) as wire:
        await wire.send("GET", server.url + "/", ())
        async with wire.browser("test") as browser:
            await browser.get(server.url + "/")
    assert (len(server.received), canary.received) == (2, [])


@pytest.mark.parametrize(
    "header",
    [
        ("X-Test", "a\r\nX-Smuggled: b"),
        ("X-Test", "a\nb"),
        ("X-Test", "a\x00b"),
        ("X-Test\r\nX-Smuggled", "b"),
        ("X Test", "b"),
        ("", "b"),
        ("X-Test", "\u2028"),
    ],
)
async def test_a_header_cannot_smuggle_anything(server: Canary, record: Record, header: tuple[str, str]) -> None:
    async with Wire(Destinations([server.url]), record=record) as wire:
        with pytest.raises(ReplayFailure):
            await wire.send("GET", server.url + "/", (header,))
        with pytest.raises(ReplayFailure):
            await wire.send("GET / HTTP/1.1\r\nX: y", server.url + "/", ())
    assert server.received == []


async def test_every_byte_is_as_asked_but_host_and_length(server: Canary, record: Record) -> None:
    headers = (
        ("accept", "*/*"),
        ("Host", "mcp.example.com"),
        (":authority", "mcp.example.com"),
        ("CONTENT-length", "999"),
        ("x-odd", "\xe9 two  spaces"),
        ("Transfer-Encoding", "chunked"),
        ("Proxy-Authorization", "Basic c2VjcmV0"),
        ("Connection", "keep-alive"),
        ("x-odd", "again"),
    )
    async with Wire(Destinations([server.url]), record=record) as wire:
        await wire.send("POST", server.url + "/a%2fb/../c?q=%7e+x|y'z&&r", headers, b"a=%20b")
    assert server.received == [
        b"POST /a%2fb/../c?q=%7e+x|y'z&&r HTTP/1.1\r\n"
        + f"Host: 127.0.0.1:{server.port}\r\n".encode()
        + b"accept: */*\r\nCONTENT-length: 6\r\nx-odd: \xe9 two  spaces\r\n"
        + b"Connection: keep-alive\r\nx-odd: again\r\n\r\na=%20b"
    ]


async def test_what_was_sent_and_answered_is_recorded_as_a_replay(server: Canary, record: Record) -> None:
    async with Wire(Destinations([server.url]), record=record, label="replay of run 2") as wire:
        done = await wire.send("GET", server.url + "/x", (("Accept", "*/*"),))
    assert (done.id, done.source, done.listener) == (1, Source.REPLAY, "replay of run 2")
    assert (done.status, done.reason, done.state, done.response_body.data) == (200, "OK", State.COMPLETE, b"{}")
    assert done.request_headers == (("Host", f"127.0.0.1:{server.port}"), ("Accept", "*/*"))
    assert 0 < done.started_at <= done.response_start <= done.response_end


async def test_a_server_that_is_gone_is_a_failed_exchange(record: Record, recorded: list[Exchange]) -> None:
    async with listening() as gone:
        address = gone.url
    async with Wire(Destinations([address]), record=record) as wire:
        done = await wire.send("GET", address + "/", ())
    assert (done.state, done.status) == (State.FAILED, None)
    assert done.error
    assert recorded == [done]


async def test_an_endless_answer_is_cut(record: Record) -> None:
    endless = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * (MOST_RECEIVED * 3)
    async with listening(endless) as server, Wire(Destinations([server.url]), record=record) as wire:
        done = await wire.send("GET", server.url + "/", ())
    assert len(done.response_body.data) == MOST_RECEIVED
    assert done.response_body.truncated


async def test_an_event_stream_is_not_waited_for(record: Record) -> None:
    open_stream = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    async with listening(open_stream) as server, Wire(Destinations([server.url]), record=record) as wire:
        done = await wire.send("GET", server.url + "/mcp", (("Accept", "text/event-stream"),))
    assert (done.status, done.state) == (200, State.COMPLETE)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://mcp.example.com/v1/mcp", "http://localhost:3001/mcp"),
        ("https://MCP.example.com:443/v1/mcp?x=%7E#y", "http://localhost:3001/mcp?x=%7E#y"),
        ("https://mcp.example.com/v1/mcp/sub", "http://localhost:3001/mcp/sub"),
        ("https://mcp.example.com/v1/mcpx", "http://localhost:3001/v1/mcpx"),
        ("https://mcp.example.com", "http://localhost:3001"),
        ("https://mcp.example.com?x", "http://localhost:3001?x"),
        ("https://other.example.com/v1/mcp", "https://other.example.com/v1/mcp"),
        ("https://mcp.example.com.evil.example/v1/mcp", "https://mcp.example.com.evil.example/v1/mcp"),
        ("not a url", "not a url"),
    ],
)
def test_origins_are_mapped_and_the_rest_stays(url: str, expected: str) -> None:
    mapping = OriginMapping(
        (
            ("https://mcp.example.com", "http://localhost:3001"),
            ("https://mcp.example.com/v1/mcp", "http://localhost:3001/mcp"),
        )
    )
    assert mapping.url(url) == expected


@pytest.mark.parametrize("base", ["localhost:3001", "file:///tmp", "http://user@localhost/", "http://", "mcp"])
def test_only_web_addresses_can_be_named(base: str) -> None:
    with pytest.raises(ReplayFailure):
        Destinations([base])
