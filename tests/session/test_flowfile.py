import io
import random
import re
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from mitmproxy.flow import Flow
from mitmproxy.http import Headers, HTTPFlow
from mitmproxy.io import FlowReader
from mitmproxy.io.tnetstring import dumps
from mitmproxy.test import tflow, tutils

from inspector.errors import UnreadableInput
from inspector.session import tnetstring
from inspector.session.flowfile import read_flow_file
from inspector.session.model import Exchange, Source, State

SAMPLES = sorted(Path(__file__).with_name("data").glob("*.flow"))


def read(path: Path) -> tuple[list[Exchange], list[str]]:
    warnings: list[str] = []
    return list(read_flow_file(path, warnings.append)), warnings


def write(path: Path, *flows: Flow | dict[str, Any]) -> Path:
    with path.open("wb") as file:
        for flow in flows:
            file.write(dumps(flow.get_state() if isinstance(flow, Flow) else flow))
    return path


def http(**request: Any) -> HTTPFlow:
    return tflow.tflow(req=tutils.treq(**request), resp=True)


def state(**changes: Any) -> dict[str, Any]:
    flow: dict[str, Any] = http().get_state()
    for name, value in changes.items():
        part, _, key = name.partition("__")
        if key:
            flow[part][key] = value
        else:
            flow[part] = value
    return flow


def ends_of_flows(data: bytes) -> Iterator[int]:
    file = io.BytesIO(data)
    while tnetstring.read_item(file, len(data) - file.tell()) is not None:
        yield file.tell()


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_samples_are_read_as_mitmproxy_reads_them(path: Path) -> None:
    exchanges, warnings = read(path)
    with path.open("rb") as file:
        flows = [flow for flow in FlowReader(file).stream() if isinstance(flow, HTTPFlow)]
    assert warnings == []
    assert len(exchanges) == len(flows) > 0
    for exchange, flow in zip(exchanges, flows, strict=True):
        request, response = flow.request, flow.response
        assert response is not None
        assert (exchange.id, exchange.changed, exchange.source) == (0, 0, Source.IMPORT)
        assert exchange.method == request.method
        assert exchange.url == request.pretty_url
        assert exchange.http_version == request.http_version
        assert exchange.request_body.data == request.raw_content
        assert (exchange.status, exchange.reason) == (response.status_code, response.reason)
        assert exchange.response_body.data == response.raw_content
        assert not exchange.response_body.truncated
        for fields, headers in (
            (exchange.request_headers, request.headers),
            (exchange.response_headers, response.headers),
        ):
            assert [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields] == list(headers.fields)
        assert (exchange.started_at, exchange.request_end) == (request.timestamp_start, request.timestamp_end)
        assert (exchange.response_start, exchange.response_end) == (response.timestamp_start, response.timestamp_end)
        assert (exchange.state, exchange.error, exchange.tls) == (State.COMPLETE, "", "")
        assert exchange.listener == "regular"
        assert re.fullmatch(r"127\.0\.0\.1:\d+", exchange.client_address)
        assert re.fullmatch(r"(127\.0\.0\.1|\[::1\]):\d+", exchange.server_address)


def test_the_samples_tell_the_story_on_their_label(data: Path) -> None:
    exchanges, _ = read(data / "metadata-default--ts-everything+no-resource--2025-11-25.flow")
    assert len(exchanges) == 13
    asked = [each for each in exchanges if "/authorize?" in each.url or each.url.endswith("/token")]
    assert [each.method for each in asked] == ["GET", "POST"]
    assert not any("resource=" in each.url or b"resource=" in each.request_body.data for each in asked)
    assert exchanges[0].status == 401


@pytest.mark.parametrize(
    ("request_", "url"),
    [
        ({"headers": Headers(host="localhost:3001"), "host": "127.0.0.1", "port": 9}, "http://localhost:3001/path"),
        ({"headers": Headers(host="api.example"), "port": 80}, "http://api.example/path"),
        ({"headers": Headers(), "host": "x.example", "port": 443, "scheme": b"https"}, "https://x.example/path"),
        (
            {"headers": Headers(), "authority": b"auth.example", "http_version": b"HTTP/2.0", "scheme": b"https"},
            "https://auth.example/path",
        ),
        ({"headers": Headers(host="a.example"), "method": b"OPTIONS", "path": b"*"}, "http://a.example"),
        ({"headers": Headers(host="a.example"), "path": "/ü?q=%20+".encode()}, "http://a.example/ü?q=%20+"),
    ],
)
def test_the_url_is_what_the_client_addressed(tmp_path: Path, request_: dict[str, Any], url: str) -> None:
    flow = http(**request_)
    ((exchange,), warnings) = read(write(tmp_path / "a.flow", flow))
    assert exchange.url == flow.request.pretty_url == url
    assert exchange.http_version == flow.request.http_version
    assert warnings == []


@pytest.mark.parametrize("request_", [{"headers": Headers(host="[::1]:22")}, {"headers": Headers(), "host": "::1"}])
def test_an_ipv6_host_stands_in_brackets(tmp_path: Path, request_: dict[str, Any]) -> None:
    # mitmproxy's own pretty_url leaves them out, which makes a URL that nothing can parse.
    ((exchange,), _) = read(write(tmp_path / "a.flow", http(**request_)))
    assert exchange.url == "http://[::1]:22/path"


@pytest.mark.parametrize("host", ["", "evil/../x", "user@host", "a b", "host?x", "[::1", "h:123456"])
def test_a_host_that_would_move_the_url_is_not_used(tmp_path: Path, host: str) -> None:
    flow = http(headers=Headers(host=host), host="10.0.0.1", port=3001)
    ((exchange,), _) = read(write(tmp_path / "a.flow", flow))
    assert exchange.url == "http://10.0.0.1:3001/path"


def test_bytes_that_are_no_utf_8_stay_visible_in_the_url(tmp_path: Path) -> None:
    ((exchange,), _) = read(write(tmp_path / "a.flow", http(headers=Headers(host="a"), path=b"/\xff")))
    assert exchange.url == "http://a/\\xff"


def test_how_far_an_exchange_got(tmp_path: Path) -> None:
    flows = [
        tflow.tflow(),
        tflow.tflow(err=True),
        tflow.tflow(resp=True, err=True),
        tflow.tflow(resp=tutils.tresp(timestamp_end=None)),
    ]
    exchanges, _ = read(write(tmp_path / "a.flow", *flows))
    assert [(each.state, each.status, each.error) for each in exchanges] == [
        (State.REQUEST, None, ""),
        (State.FAILED, None, "error"),
        (State.FAILED, 200, "error"),
        (State.RESPONDING, 200, ""),
    ]


def test_a_body_that_was_not_kept_is_not_an_empty_body(tmp_path: Path) -> None:
    flow = state(response__content=None, response__headers=[[b"Content-Length", b"300"]])
    ((exchange,), _) = read(write(tmp_path / "a.flow", flow))
    assert (exchange.response_body.data, exchange.response_body.size) == (b"", 300)
    assert exchange.response_body.truncated


def test_connections_and_tls_are_told(tmp_path: Path) -> None:
    flow = http()
    flow.client_conn.peername = ("::1", 5000)
    flow.server_conn.peername = None
    flow.server_conn.address = ("auth.example", 443)
    flow.server_conn.tls = True
    flow.server_conn.tls_version = "TLSv1.3"
    flow.server_conn.cipher = "TLS_AES_128_GCM_SHA256"
    flow.server_conn.alpn = b"h2"
    ((exchange,), _) = read(write(tmp_path / "a.flow", flow))
    assert exchange.client_address == "[::1]:5000"
    assert exchange.server_address == "auth.example:443"
    assert exchange.tls == "server TLSv1.3 TLS_AES_128_GCM_SHA256 h2"


def test_what_is_not_http_is_left_out_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.flow"
    write(path, tflow.twebsocketflow(), tflow.ttcpflow(), http(), tflow.tdnsflow(), tflow.tudpflow(), tflow.tdnsflow())
    exchanges, warnings = read(path)
    assert len(exchanges) == 1
    assert warnings == [
        f"{path}: 1 WebSocket flow was left out.",
        f"{path}: 1 TCP flow was left out.",
        f"{path}: 2 DNS flows were left out.",
        f"{path}: 1 UDP flow was left out.",
    ]


@pytest.mark.parametrize(
    "flow",
    [
        {},
        {"type": 5},
        {"type": "http"},
        state(request=None),
        state(request__headers=[[b"a"]]),
        state(request__headers=b"a: b"),
        state(request__content="text"),
        state(request__port="80", request__headers=[]),
        state(response__status_code=10**30),
        state(response__status_code=b"200"),
        state(client_conn={"peername": ["host"]}),
        state(error=[]),
    ],
    ids=range(12),
)
def test_a_flow_that_makes_no_sense_is_left_out_alone(tmp_path: Path, flow: dict[str, Any]) -> None:
    path = write(tmp_path / "a.flow", http(), flow, http())
    exchanges, (warning,) = read(path)
    assert len(exchanges) == 2
    assert re.fullmatch(r".*: 1 (damaged|unknown) flow was left out\.", warning)


def test_times_that_are_no_times_are_not_seen(tmp_path: Path) -> None:
    flow = state(request__timestamp_start=float("nan"), request__timestamp_end=float("inf"))
    flow["response"]["timestamp_start"] = None
    ((exchange,), _) = read(write(tmp_path / "a.flow", flow))
    assert (exchange.started_at, exchange.request_end, exchange.response_start) == (0.0, 0.0, 0.0)


def test_another_format_version_is_read_with_a_warning(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flow", state(version=20), http())
    exchanges, (warning,) = read(path)
    assert len(exchanges) == 2
    assert warning == f"{path} has flows of format 20; format 21 (mitmproxy 12) is read reliably."


def test_progress_ends_at_one(data: Path) -> None:
    seen: list[float] = []
    path = data / "metadata-default--ts-no-pkce--2025-11-25.flow"
    exchanges = list(read_flow_file(path, pytest.fail, seen.append))
    assert len(seen) == len(exchanges)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_cut_off_anywhere_every_whole_flow_is_read(tmp_path: Path, data: Path) -> None:
    whole = (data / "metadata-default--ts-no-pkce--2025-11-25.flow").read_bytes()
    ends = list(ends_of_flows(whole))
    path = tmp_path / "cut.flow"
    chance = random.Random(3)
    lengths = {chance.randrange(1, len(whole)) for _ in range(300)} | {
        end + near for end in ends for near in (-1, 0, 1)
    }
    for length in sorted(lengths - {len(whole) + 1}):
        path.write_bytes(whole[:length])
        complete = sum(end <= length for end in ends)
        if not complete:
            with pytest.raises(UnreadableInput, match=r"holds no readable flow \(.+\); record it again\.$"):
                read(path)
            continue
        exchanges, warnings = read(path)
        assert len(exchanges) == complete
        damaged = length not in ends
        assert len(warnings) == damaged
        if damaged:
            assert f"damaged from byte {ends[complete - 1]} on" in warnings[0]


def test_damaged_anywhere_every_flow_before_is_read(tmp_path: Path, data: Path) -> None:
    whole = (data / "metadata-default--ts-no-pkce--2025-11-25.flow").read_bytes()
    ends = list(ends_of_flows(whole))
    intact, _ = read(data / "metadata-default--ts-no-pkce--2025-11-25.flow")
    path = tmp_path / "damaged.flow"
    chance = random.Random(4)
    for _ in range(400):
        position, length = chance.randrange(len(whole)), chance.choice((1, 1, 1, 40, 4000))
        path.write_bytes(whole[:position] + chance.randbytes(length) + whole[position + length :])
        before = sum(end <= position for end in ends)
        try:
            exchanges, _ = read(path)
        except UnreadableInput:
            assert before == 0
            continue
        assert exchanges[:before] == intact[:before]


def test_damaged_before_a_good_flow(tmp_path: Path, data: Path) -> None:
    small = (data / "authorization-server-migration--ts-plain--2026-07-28.flow").read_bytes()
    path = tmp_path / "damaged.flow"
    replacements = cycle((b"\x00", b"9", b":", b"}", b"~"))
    for position, byte in zip(range(0, len(small), 2), replacements, strict=False):
        path.write_bytes(small[:position] + byte + small[position + 1 :] + small)
        try:
            exchanges, _ = read(path)
        except UnreadableInput:
            continue
        assert len(exchanges) <= 2
