import base64
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from inspector.errors import UnreadableInput
from inspector.session.har import read_har
from inspector.session.model import Exchange, Source, State


def entry(**changes: Any) -> dict[str, Any]:
    """An entry as a browser writes it; `part__key=None` removes a key."""
    made: dict[str, Any] = {
        "startedDateTime": "2026-11-20T13:38:34.500Z",
        "time": 100,
        "request": {
            "method": "POST",
            "url": "https://auth.example/token",
            "httpVersion": "h2",
            "headers": [
                {"name": ":authority", "value": "auth.example"},
                {"name": "content-type", "value": "application/x-www-form-urlencoded"},
                {"name": "cookie", "value": "a=1; b=2"},
            ],
            "cookies": [{"name": "a", "value": "1"}],
            "postData": {"mimeType": "application/x-www-form-urlencoded", "text": "grant_type=authorization_code"},
        },
        "response": {
            "status": 200,
            "statusText": "OK",
            "httpVersion": "h2",
            "headers": [
                {"name": "content-encoding", "value": "br"},
                {"name": "set-cookie", "value": "a=1\nb=2"},
                {"name": "content-length", "value": "9"},
            ],
            "content": {"size": 20, "mimeType": "application/json", "text": '{"access_token":"ü"}'},
        },
        "timings": {"blocked": 1, "dns": -1, "connect": 10, "ssl": 8, "send": 2, "wait": 50, "receive": 30},
        "serverIPAddress": "203.0.113.5",
    }
    for name, value in changes.items():
        target = made
        *parts, key = name.split("__")
        for part in parts:
            target = target[part]
        if value is None:
            del target[key]
        else:
            target[key] = value
    return made


def write(path: Path, *entries: Any) -> Path:
    path.write_text(json.dumps({"log": {"version": "1.2", "entries": entries}}))
    return path


def read(path: Path) -> tuple[list[Exchange], list[str]]:
    warnings: list[str] = []
    return list(read_har(path, warnings.append)), warnings


def read_one(path: Path, **changes: Any) -> tuple[Exchange, list[str]]:
    (exchange,), warnings = read(write(path / "a.har", entry(**changes)))
    return exchange, warnings


def test_a_browsers_entry_is_read_whole(tmp_path: Path) -> None:
    exchange, warnings = read_one(tmp_path)
    assert warnings == []
    assert (exchange.method, exchange.url) == ("POST", "https://auth.example/token")
    assert exchange.http_version == "h2"
    assert exchange.request_headers == (
        ("content-type", "application/x-www-form-urlencoded"),
        ("cookie", "a=1; b=2"),
    )
    assert exchange.request_body.data == b"grant_type=authorization_code"
    assert (exchange.status, exchange.reason) == (200, "OK")
    assert exchange.response_header_all("set-cookie") == ("a=1", "b=2")
    assert exchange.response_body.data.decode() == '{"access_token":"ü"}'
    assert not exchange.response_body.truncated
    assert (exchange.state, exchange.source, exchange.error) == (State.COMPLETE, Source.IMPORT, "")
    assert exchange.server_address == "203.0.113.5"


def test_times_follow_the_phases(tmp_path: Path) -> None:
    exchange, _ = read_one(tmp_path)
    assert exchange.started_at == 1795181914.5
    # blocked 1 + connect 10 (with ssl in it) + send 2, wait 50, receive 30 milliseconds
    assert exchange.request_end == pytest.approx(1795181914.513)
    assert exchange.response_start == pytest.approx(1795181914.563)
    assert exchange.response_end == pytest.approx(1795181914.593)


def test_without_phases_the_whole_time_counts(tmp_path: Path) -> None:
    exchange, _ = read_one(tmp_path, timings=None)
    assert (exchange.request_end, exchange.response_start) == (0.0, 0.0)
    assert exchange.response_end == pytest.approx(1795181914.6)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T13:38:34.5Z",
        "2026-11-20T14:38:34.500+01:00",
        "2026-11-20T13:38:34.5000000+0000",
        "20261120T133834.5",
    ],
)
def test_times_are_read_in_every_spelling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")  # a time without a zone is UTC, wherever it is read
    time.tzset()
    try:
        assert read_one(tmp_path, startedDateTime=text)[0].started_at == 1795181914.5
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_decoded_body_has_no_content_encoding(tmp_path: Path) -> None:
    decoded, _ = read_one(tmp_path)
    assert decoded.response_header("content-encoding") is None
    assert decoded.response_header("content-length") == "9"
    missing, _ = read_one(tmp_path, response__content__text=None)
    assert missing.response_header("content-encoding") == "br"
    assert missing.response_body.truncated
    assert missing.response_body.size == 20


def test_base64_is_decoded(tmp_path: Path) -> None:
    text = base64.encodebytes(bytes(range(256))).decode()
    content = {"text": text, "encoding": "base64"}
    exchange, warnings = read_one(tmp_path, response__content=content)
    assert exchange.response_body.data == bytes(range(256))
    assert warnings == []
    exchange, (warning,) = read_one(tmp_path, response__content=content | {"text": "<html>"})
    assert exchange.response_body.data == b"<html>"
    assert "1 entry was repaired: a body said to be base64 is not" in warning


def test_parameters_stand_for_a_missing_body(tmp_path: Path) -> None:
    params = [{"name": "resource", "value": "http://localhost:3001/mcp"}, {"name": "code", "value": "a+b c"}, {}]
    exchange, (warning,) = read_one(tmp_path, request__postData={"mimeType": "x", "params": params[:2]})
    assert parse_qsl(exchange.request_body.data.decode()) == [
        ("resource", "http://localhost:3001/mcp"),
        ("code", "a+b c"),
    ]
    assert warning.endswith("1 entry was repaired: the request body was put together from its parameters.")


@pytest.mark.parametrize("status", [0, -1, None])
def test_a_request_without_an_answer_failed(tmp_path: Path, status: int | None) -> None:
    exchange, _ = read_one(tmp_path, response__status=status, response___error="net::ERR_CONNECTION_REFUSED")
    assert (exchange.state, exchange.status, exchange.error) == (State.FAILED, None, "net::ERR_CONNECTION_REFUSED")
    exchange, _ = read_one(tmp_path, response=None)
    assert (exchange.state, exchange.status) == (State.FAILED, None)
    assert exchange.error == "The recording holds no answer to this request."


@pytest.mark.parametrize(
    "missing",
    [
        "time",
        "timings",
        "serverIPAddress",
        "request__httpVersion",
        "request__headers",
        "request__cookies",
        "request__postData",
        "response__statusText",
        "response__httpVersion",
        "response__headers",
        "response__content",
        "response__content__size",
        "response__content__mimeType",
    ],
)
def test_a_missing_field_costs_nothing_but_itself(tmp_path: Path, missing: str) -> None:
    exchange, warnings = read_one(tmp_path, **{missing: None})
    assert (exchange.url, exchange.status, warnings) == ("https://auth.example/token", 200, [])


ODD: list[Any] = [
    None,
    5,
    "entry",
    [],
    {},
    {"request": None},
    {"request": {"url": "https://auth.example/"}},
    {"request": {"method": "GET"}},
    {"request": {"method": ["GET"], "url": "https://auth.example/"}},
    {"request": {"method": "GET", "url": 5}},
    entry(response__status="teapot"),
    entry(response__status=float("nan")),
]


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_an_odd_entry_is_left_out_alone(tmp_path: Path, odd: Any) -> None:
    exchanges, (warning,) = read(write(tmp_path / "a.har", entry(), odd, entry()))
    assert len(exchanges) == 2
    assert warning == f"{tmp_path / 'a.har'}: 1 entry was malformed and left out."


@pytest.mark.parametrize(
    "changes",
    [
        {"timings": {"send": None, "wait": "5", "receive": float("inf")}},
        {"timings": []},
        {"request__headers": {"Host": "auth.example"}},
        {"request__headers": [None, {"value": "x"}, {"name": "a"}, {"name": "b", "value": 7}]},
        {"request__postData": "text"},
        {"request__postData": {"text": 5, "params": "x"}},
        {"request__postData": {"params": [5, {"name": "a", "value": None}]}},
        {"response__content": {"text": 5, "size": "many"}},
        {"response__content": "text"},
        {"response__headers": "x"},
        {"response__status": "200"},
        {"startedDateTime": "yesterday"},
        {"startedDateTime": 1795181914},
        {"response__statusText": 5, "serverIPAddress": ["x"]},
        {"request__url": "https://auth.example/\ud800", "response__content": {"text": "\udfff"}},
    ],
)
def test_an_odd_field_is_repaired(tmp_path: Path, changes: dict[str, Any]) -> None:
    exchange, _ = read_one(tmp_path, **changes)
    assert exchange.url.startswith("https://auth.example/")
    assert exchange.status == 200


@pytest.mark.parametrize("url", ["blob:https://a/1", "data:text/html,x", "wss://a/", "chrome-extension://a/", "about:"])
def test_what_is_not_http_is_left_out_and_counted(tmp_path: Path, url: str) -> None:
    exchanges, (warning,) = read(write(tmp_path / "a.har", entry(request__url=url), entry()))
    assert len(exchanges) == 1
    assert "1 entry was not HTTP" in warning


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_every_unicode_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.har"
    path.write_bytes(json.dumps({"log": {"entries": [entry()]}}, ensure_ascii=False).encode(encoding))
    (exchange,), warnings = read(path)
    assert "ü".encode() in exchange.response_body.data
    assert warnings == []


def test_control_characters_inside_strings_are_tolerated(tmp_path: Path) -> None:
    path = write(tmp_path / "a.har", entry(response__content={"text": "one\ntwo"}))
    path.write_text(path.read_text().replace(r"one\ntwo", "one\ntwo"))
    assert read(path)[0][0].response_body.data == b"one\ntwo"


def test_cut_off_anywhere_every_whole_entry_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.har", entry(), entry(), entry())
    whole = path.read_text()
    ends = [
        end + len('"serverIPAddress": "203.0.113.5"}')
        for end in range(len(whole))
        if whole.startswith('"serverIP', end)
    ]
    for length in range(1, len(whole), 7):
        path.write_text(whole[:length])
        complete = sum(end <= length for end in ends)
        if not complete:
            with pytest.raises(UnreadableInput, match=r"is not valid JSON, so it is no HAR file; export it again\.$"):
                read(path)
            continue
        exchanges, (warning,) = read(path)
        assert len(exchanges) == complete
        assert warning == f"{path} is cut off or damaged after entry {complete}; what follows was not read."


@pytest.mark.parametrize("text", ["[]", "5", "{}", '{"log": []}', '{"log": {"entries": {}}}'])
def test_json_that_is_no_har_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.har"
    path.write_text(text)
    with pytest.raises(UnreadableInput, match=r"is JSON without log\.entries, so it is no HAR file"):
        read(path)


@pytest.mark.parametrize("text", ["{", "{" * 100_000, '{"a":' * 100_000, '{"log": {"entries": [' + "[" * 100_000])
def test_what_is_no_json_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.har"
    path.write_text(text)
    with pytest.raises(UnreadableInput, match="is not valid JSON"):
        read(path)


def test_progress_ends_at_one(tmp_path: Path) -> None:
    seen: list[float] = []
    list(read_har(write(tmp_path / "a.har", entry(), 5, entry()), lambda warning: None, seen.append))
    assert seen == pytest.approx([1 / 3, 2 / 3, 1.0])
