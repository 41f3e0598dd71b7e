"""JSON-RPC messages out of plain bodies, batches and event streams."""

import gzip
import json
from dataclasses import replace

import pytest

from inspector.protocol.jsonrpc import RpcMessage, rpc_messages
from inspector.session.model import Body, Headers

JSON: Headers = (("Content-Type", "application/json"),)
EVENTS: Headers = (("Content-Type", "text/event-stream; charset=utf-8"),)
CALL: dict[str, object] = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "add"}}
DONE: dict[str, object] = {"jsonrpc": "2.0", "id": 1, "result": {"content": []}}
FAILED: dict[str, object] = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32001, "message": "no"}}


def read(headers: Headers, data: str | bytes) -> list[object]:
    body = Body.whole(data.encode() if isinstance(data, str) else data)
    return [message.raw for message in rpc_messages(headers, body)]


def test_one_object() -> None:
    assert read(JSON, json.dumps(CALL)) == [CALL]


def test_the_media_type_does_not_matter_for_plain_json() -> None:
    assert read((), json.dumps(CALL)) == [CALL]


def test_a_batch() -> None:
    assert read(JSON, json.dumps([CALL, 5, DONE, {"id": 2}])) == [CALL, DONE]


@pytest.mark.parametrize(
    "data", ["", "{}", "[]", '{"jsonrpc": "1.0"}', '{"jsonrpc": 2.0}', "null", "grant_type=x", "[" * 99_999]
)
def test_everything_else_holds_none(data: str) -> None:
    assert read(JSON, data) == []


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_an_event_stream(end: str) -> None:
    stream = f": hello{end}{end}event: message{end}id: 1{end}data: {json.dumps(CALL)}{end}{end}"
    stream += f"data: not json{end}{end}data: {json.dumps(DONE)}{end}{end}"
    assert read(EVENTS, stream) == [CALL, DONE]


def test_data_over_several_lines() -> None:
    lines = json.dumps(DONE, indent=1).splitlines()
    assert read(EVENTS, "".join(f"data: {line}\r\n" for line in lines) + "\r\n") == [DONE]


def test_line_separators_of_unicode_are_part_of_the_text() -> None:
    message = {"jsonrpc": "2.0", "id": 1, "result": {"text": "a\u2028b\x85c"}}
    assert read(EVENTS, f"data: {json.dumps(message, ensure_ascii=False)}\n\n") == [message]


def test_a_stream_cut_short_gives_the_events_that_were_kept() -> None:
    stream = f"data: {json.dumps(CALL)}\n\ndata: {json.dumps(DONE)[:-3]}".encode()
    cut = replace(Body.whole(stream), size=len(stream) + 9000)
    assert [message.raw for message in rpc_messages(EVENTS, cut)] == [CALL]


def test_a_plain_body_cut_short_gives_nothing() -> None:
    whole = Body.whole(json.dumps(CALL).encode())
    assert rpc_messages(JSON, replace(whole, size=whole.size + 1)) == ()


def test_a_compressed_stream_even_when_cut_short() -> None:
    stream = f"data: {json.dumps(CALL)}\n\ndata: {json.dumps(DONE)}\n\n".encode()
    headers = (*EVENTS, ("Content-Encoding", "gzip"))
    assert read(headers, gzip.compress(stream)) == [CALL, DONE]
    assert read(headers, gzip.compress(stream)[:-8]) == [CALL, DONE]


def test_members_of_another_type_read_as_absent() -> None:
    odd = RpcMessage({"method": 5, "params": [1], "result": "x", "error": "y"})
    assert (odd.method, odd.params, odd.result, odd.error, odd.meta) == ("", {}, None, None, {})


def test_request_answer_and_error() -> None:
    call, done, failed = RpcMessage(CALL), RpcMessage(DONE), RpcMessage(FAILED)
    assert (call.method, call.params, call.result) == ("tools/call", {"name": "add"}, None)
    assert (done.method, done.result, done.error) == ("", {"content": []}, None)
    assert failed.error == {"code": -32001, "message": "no"}


def test_meta_of_the_stateless_revision() -> None:
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}
    assert RpcMessage({"params": {"_meta": meta}}).meta == meta
    assert RpcMessage({"params": {"_meta": []}}).meta == {}
