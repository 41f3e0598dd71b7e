import asyncio
import gzip
import hashlib
import json
import socket
import sqlite3
import struct
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from mitmproxy.test import tflow

from addons.journal import Journal
from addons.recorder import Recorder
from addons.scope import Scope
from addons.witness import Witness
from inspector.capture.proxy import RunningProxy
from inspector.session.model import Exchange, State
from inspector.session.writer import SessionWriter
from tests.capture.rows import incidents, recorded, row, rows
from tests.capture.upstream import Upstream, upstream

MEGABYTE = 1024 * 1024


async def test_an_exchange_is_recorded_as_it_was_on_the_wire(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient
) -> None:
    target.answer("/mcp", b"\x00\xffanswer", status="401 Unauthorized", WWW_Authenticate="Bearer", X_Two="1", x_two="2")
    began = time.time()
    await client.post(target.at("/mcp?q=a%20b+c"), content=b"\x00\xffquestion", headers=[("X-A", "1"), ("x-a", "2")])
    exchange = await row(proxy, target.at("/mcp"))
    assert exchange.url == target.at("/mcp?q=a%20b+c")
    assert (exchange.method, exchange.status, exchange.reason) == ("POST", 401, "Unauthorized")
    assert exchange.http_version == "HTTP/1.1"
    assert exchange.request_body.data == b"\x00\xffquestion"
    assert exchange.response_body.data == b"\x00\xffanswer"
    assert exchange.response_body.sha256 == hashlib.sha256(b"\x00\xffanswer").hexdigest()
    assert [pair for pair in exchange.request_headers if pair[0].lower() == "x-a"] == [("X-A", "1"), ("x-a", "2")]
    assert exchange.response_headers[1:4] == (("WWW-Authenticate", "Bearer"), ("X-Two", "1"), ("x-two", "2"))
    assert began <= exchange.started_at <= exchange.request_end <= exchange.response_start <= exchange.response_end
    assert exchange.listener == "regular"
    assert exchange.client_address.startswith("127.0.0.1:")
    assert f"http://{exchange.server_address}" == target.origin
    assert exchange.tls == ""
    assert exchange.error == ""


async def test_a_request_is_in_the_session_before_it_is_answered(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient
) -> None:
    may_answer = asyncio.Event()

    async def answer_late(writer: asyncio.StreamWriter) -> None:
        await may_answer.wait()
        writer.write(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")

    target.answers["/mcp"] = answer_late
    asking = asyncio.create_task(client.post(target.at("/mcp"), content=b"{}"))
    waiting = await row(proxy, target.at("/mcp"), State.REQUEST)
    assert waiting.request_body.data == b"{}"
    assert waiting.status is None
    may_answer.set()
    await asking
    done = await row(proxy, target.at("/mcp"))
    assert (done.id, done.status) == (waiting.id, 204)
    assert done.changed > waiting.changed


async def test_response_headers_are_in_the_session_before_the_body_is(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient
) -> None:
    may_go_on = asyncio.Event()

    async def answer_in_two_parts(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\na")
        await writer.drain()
        await may_go_on.wait()
        writer.write(b"b")

    target.answers["/mcp"] = answer_in_two_parts
    asking = asyncio.create_task(client.get(target.at("/mcp")))
    responding = await row(proxy, target.at("/mcp"), State.RESPONDING)
    assert (responding.status, responding.response_body.size) == (200, 0)
    may_go_on.set()
    await asking
    assert (await row(proxy, target.at("/mcp"))).response_body.data == b"ab"


async def test_a_server_that_is_not_there_is_a_failed_exchange(
    proxy: RunningProxy, server: Upstream, client: httpx.AsyncClient
) -> None:
    nobody = "http://127.0.0.1:1/mcp"
    proxy.add_target(nobody)
    assert (await client.post(nobody, content=b"{}")).status_code == 502
    exchange = await row(proxy, nobody, State.FAILED)
    assert exchange.request_body.data == b"{}"
    assert exchange.error == "The server cannot be reached: nobody listens there."


async def test_half_a_response_is_a_failed_exchange(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient
) -> None:
    async def answer_half(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")

    target.answers["/mcp"] = answer_half
    response = await client.get(target.at("/mcp"))
    assert response.status_code == 502
    exchange = await row(proxy, target.at("/mcp"), State.FAILED)
    assert exchange.status == 200
    assert exchange.error == (
        "The server closed the connection in the middle of its answer (received 4 bytes, expected 100)."
    )


async def test_a_connection_that_is_reset_is_a_failed_exchange(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient
) -> None:
    async def reset(writer: asyncio.StreamWriter) -> None:
        linger_for_no_time = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_for_no_time)

    target.answers["/mcp"] = reset
    assert (await client.get(target.at("/mcp"))).status_code == 502
    exchange = await row(proxy, target.at("/mcp"), State.FAILED)
    assert exchange.status is None
    assert exchange.error == "The server closed the connection without an answer."


async def test_a_client_that_leaves_an_open_stream_fails_the_exchange_and_keeps_what_came(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient
) -> None:
    target.answers["/mcp"] = endless_events
    async with client.stream("GET", target.at("/mcp")) as response:
        await anext(response.aiter_raw())
    exchange = await row(proxy, target.at("/mcp"), State.FAILED)
    assert exchange.response_body.data == b"data: 1\n\n"
    assert exchange.response_body.sha256 == ""
    assert exchange.error == "The client closed the connection before it had the whole answer."


async def test_a_page_of_an_edge_in_the_servers_place_is_an_incident(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient
) -> None:
    page = gzip.compress(b"<html><title>Attention Required! | Cloudflare</title>")
    target.answer("/mcp", page, status="403 Forbidden", Content_Type="text/html", Content_Encoding="gzip", CF_RAY="8f")
    began = time.time()
    assert (await client.get(target.at("/mcp"))).status_code == 403
    (incident,) = await incidents(proxy, began)
    assert (incident.kind, incident.host) == ("edge", "127.0.0.1")
    assert incident.text.startswith("Cloudflare answered 403 in place of 127.0.0.1.")


async def endless_events(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n")
    await writer.drain()
    await asyncio.sleep(60)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_event_is_delivered_before_the_next_one_is_sent(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient, method: str
) -> None:
    first_has_arrived = asyncio.Event()

    async def two_events(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\ndata: 1\n\n")
        await writer.drain()
        await first_has_arrived.wait()  # a proxy that holds the stream never gets past this
        writer.write(b"data: 2\n\n")

    target.answers["/mcp"] = two_events
    async with client.stream(method, target.at("/mcp")) as response:
        events = response.aiter_raw()
        assert await anext(events) == b"data: 1\n\n"
        running = await rows(proxy, target.at("/mcp"), lambda found: any(each.response_body.size for each in found))
        assert [(each.state, each.response_body.data) for each in running] == [(State.RESPONDING, b"data: 1\n\n")]
        first_has_arrived.set()
        assert await anext(events) == b"data: 2\n\n"
    whole = b"data: 1\n\ndata: 2\n\n"
    done = await row(proxy, target.at("/mcp"))
    assert done.response_body.data == whole
    assert done.response_body.sha256 == hashlib.sha256(whole).hexdigest()


async def test_the_first_event_takes_a_small_part_of_the_time_of_the_whole_stream(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient
) -> None:
    async def slow_events(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        for number in range(6):
            writer.write(b"data: %d\n\n" % number)
            await writer.drain()
            await asyncio.sleep(0.2)

    target.answers["/mcp"] = slow_events
    began = time.monotonic()
    async with client.stream("GET", target.at("/mcp")) as response:
        arrived = [time.monotonic() - began async for _ in response.aiter_raw()]
    whole = time.monotonic() - began
    assert arrived[0] < whole / 2  # held, it would take all of it
    assert len(arrived) == 6


async def test_events_are_kept_up_to_a_limit_and_counted_beyond(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient
) -> None:
    body = b"data: " + b"x" * MEGABYTE + b"\n\n"
    target.answer("/mcp", body, Content_Type="text/event-stream")
    assert (await client.get(target.at("/mcp"))).content == body
    kept = (await row(proxy, target.at("/mcp"))).response_body
    assert kept.data == body[: 256 * 1024]
    assert (kept.size, kept.sha256) == (len(body), hashlib.sha256(body).hexdigest())


@pytest.mark.parametrize("size", [MEGABYTE + 1, 5 * MEGABYTE], ids=["held", "passed on as it comes"])
async def test_large_bodies_are_kept_up_to_a_limit_in_both_directions(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient, size: int
) -> None:
    body = bytes(range(256)) * (size // 256) + b"e" * (size % 256)
    target.answer("/mcp", body)
    assert (await client.post(target.at("/mcp"), content=body)).content == body
    assert target.asked[-1].body == body
    exchange = await row(proxy, target.at("/mcp"))
    for kept in (exchange.request_body, exchange.response_body):
        assert (kept.size, kept.sha256) == (size, hashlib.sha256(body).hexdigest())
        assert kept.data == body[:MEGABYTE]


async def test_bodies_of_unknown_length_are_recorded_whole(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient
) -> None:
    async def chunked(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")

    async def pieces() -> AsyncIterator[bytes]:
        yield b"12"
        yield b"345"

    target.answers["/mcp"] = chunked
    assert (await client.post(target.at("/mcp"), content=pieces())).content == b"abcde"
    exchange = await row(proxy, target.at("/mcp"))
    assert (exchange.request_body.data, exchange.response_body.data) == (b"12345", b"abcde")


async def test_content_codings_stay_on(proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient) -> None:
    zipped = gzip.compress(b"{}")
    target.answer("/mcp", zipped, Content_Encoding="gzip")
    assert (await client.get(target.at("/mcp"))).content == b"{}"
    assert (await row(proxy, target.at("/mcp"))).response_body.data == zipped


async def test_what_is_out_of_scope_passes_untouched_and_leaves_no_trace(
    proxy: RunningProxy, server: Upstream, client: httpx.AsyncClient
) -> None:
    body = json.dumps({"authorization_endpoint": "https://as.example/authorize"}).encode()
    server.answer("/.well-known/openid-configuration", body)
    server.answers["/events"] = endless_events
    assert (await client.post(server.at("/api"), json={"a": 1})).status_code == 404
    assert (await client.get(server.at("/.well-known/openid-configuration"))).content == body
    async with client.stream("GET", server.at("/events")) as response:
        assert await anext(response.aiter_raw()) == b"data: 1\n\n"
    assert recorded(proxy, server.origin) == []


async def test_a_first_request_in_mcp_brings_its_server_into_scope(
    proxy: RunningProxy, server: Upstream, client: httpx.AsyncClient
) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize"}
    await client.post(server.at("/mcp"), json=message, headers={"accept": "application/json, text/event-stream"})
    await client.get(server.at("/.well-known/oauth-protected-resource"))
    assert [each.url for each in recorded(proxy, server.origin)] == [
        server.at("/mcp"),
        server.at("/.well-known/oauth-protected-resource"),
    ]


async def test_the_authorization_server_is_in_scope_before_the_client_can_ask_it(
    proxy: RunningProxy, target: Upstream, client: httpx.AsyncClient
) -> None:
    async with upstream() as authorization_server, upstream() as keys:
        metadata = {"authorization_servers": [authorization_server.origin]}
        target.answer("/.well-known/oauth-protected-resource", json.dumps(metadata).encode())
        authorization_server.answer(
            "/.well-known/oauth-authorization-server", json.dumps({"jwks_uri": keys.at("/jwks")}).encode()
        )
        await client.get(target.at("/.well-known/oauth-protected-resource"))
        await client.get(authorization_server.at("/.well-known/oauth-authorization-server"))
        await client.get(keys.at("/jwks"))
        assert len(recorded(proxy, authorization_server.origin)) == 1
        assert len(recorded(proxy, keys.origin)) == 1


async def test_a_challenge_found_by_a_probe_is_recorded_with_its_request(
    proxy: RunningProxy, server: Upstream, client: httpx.AsyncClient
) -> None:
    server.answer("/mcp", status="401 Unauthorized", WWW_Authenticate="Bearer")
    await client.get(server.at("/mcp"), headers={"accept": "text/event-stream"})
    (exchange,) = recorded(proxy, server.origin)
    assert (exchange.status, exchange.state) == (401, State.COMPLETE)
    assert exchange.request_header("accept") == "text/event-stream"


class BrokenWriter(SessionWriter):
    def __init__(self) -> None:
        pass

    def record(self, exchange: Exchange, *, key: str | None = None) -> Exchange:
        raise sqlite3.OperationalError(f"disk I/O error at {exchange.request_body.data!r}")


def test_an_event_stream_is_passed_on_even_when_the_recorder_fails() -> None:
    recorder = Recorder(Journal(BrokenWriter(), lambda _: None), Scope(record_all=True))
    flow = tflow.tflow(resp=True)
    assert flow.response is not None
    flow.response.headers["content-type"] = "text/event-stream"
    assert recorder.responseheaders(flow) is False  # it was never told of the request
    assert flow.response.stream is True


async def test_a_session_that_fails_disturbs_no_hook_and_leaks_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    recorder = Recorder(Journal(BrokenWriter(), lambda _: None), Scope(record_all=True))
    flow = tflow.tflow(resp=True)
    flow.request.raw_content = b"code=secret"
    for hook in (recorder.requestheaders, recorder.request, recorder.responseheaders, recorder.response):
        hook(flow)
    assert "OperationalError" in caplog.text
    assert "secret" not in caplog.text


async def test_a_request_without_an_answer_is_told_once_and_not_before_its_time(tmp_path: Path) -> None:
    with SessionWriter.create(tmp_path / "s.mcpauth", meta={}) as writer:
        recorder = Recorder(Journal(writer, lambda _: None), Scope(record_all=True))
        waiting, held, answered, listening = tflow.tflow(), tflow.tflow(), tflow.tflow(resp=True), tflow.tflow()
        listening.request.headers["accept"] = "text/event-stream"
        for flow in (waiting, held, answered, listening):
            flow.request.timestamp_end = 1000.0
            recorder.requestheaders(flow)
            recorder.request(flow)
        recorder.write_now(held)
        assert recorder.late(since=1000.0) == []
        assert recorder.late(since=1000.1) == [waiting]
        assert recorder.late(since=2000.0) == []
        recorder.close()


def test_a_server_that_is_late_is_an_incident_without_the_query() -> None:
    written: list[tuple[str, str, str]] = []
    witness = Witness(Scope(), lambda kind, host, text, _at: written.append((kind, host, text)))
    flow = tflow.tflow()
    flow.request.path = "/token?code=secret"
    witness.late(flow, 20.0)
    says = "The server at address:22 has not begun to answer GET /token after 20 seconds; the client still waits. "
    assert [(kind, host, text.startswith(says)) for kind, host, text in written] == [("slow", "address:22", True)]
    assert "secret" not in str(written)
