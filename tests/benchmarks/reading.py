"""Opening recordings: ours against the bare parser of the same bytes."""

import base64
import json
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import orjson

from inspector.session.importing import import_file
from inspector.session.model import Body, Exchange
from inspector.session.reader import Session
from inspector.session.writer import SessionWriter
from inspector.verdict.analysis import Analysis, analyse
from tests.benchmarks.ratio import Ratio, compare

EXCHANGES = 5_000
_TOKEN = ".".join(base64.urlsafe_b64encode(part * 20).decode() for part in (b"header", b"claims", b"signature"))


def exchanges(count: int) -> Iterator[Exchange]:
    """A client that calls tools with a token, again and again."""
    request = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"q":"x"}}}'
    answer = json.dumps(
        {"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": "y" * 900}]}}
    ).encode()
    for number in range(count):
        yield Exchange(
            id=0,
            method="POST",
            url="http://localhost:3001/mcp",
            request_headers=(("Authorization", f"Bearer {_TOKEN}"), ("Content-Type", "application/json")),
            request_body=Body.whole(request),
            status=200,
            response_headers=(("content-type", "application/json"),),
            response_body=Body.whole(answer),
            started_at=1.8e9 + number,
            response_end=1.8e9 + number + 0.01,
        )


def har_text() -> bytes:
    """The same as a HAR."""
    entries = [
        {
            "startedDateTime": "2026-01-01T00:00:00Z",
            "time": 10,
            "request": {
                "method": each.method,
                "url": each.url,
                "httpVersion": "HTTP/1.1",
                "headers": [{"name": name, "value": value} for name, value in each.request_headers],
                "postData": {"mimeType": "application/json", "text": each.request_body.data.decode()},
            },
            "response": {
                "status": 200,
                "statusText": "OK",
                "httpVersion": "HTTP/1.1",
                "headers": [{"name": name, "value": value} for name, value in each.response_headers],
                "content": {"mimeType": "application/json", "text": each.response_body.data.decode()},
            },
        }
        for each in exchanges(EXCHANGES)
    ]
    return json.dumps(
        {"log": {"version": "1.2", "creator": {"name": "b", "version": "1"}, "entries": entries}}
    ).encode()


def ratios() -> Iterator[Ratio]:
    """Measure."""
    with tempfile.TemporaryDirectory() as folder:
        session, har = Path(folder) / "b.mcpauth", Path(folder) / "b.har"
        har.write_bytes(har_text())
        with SessionWriter.create(session, meta={}) as writer, writer.batch():
            for exchange in exchanges(EXCHANGES):
                writer.record(exchange)

        def read_session() -> int:
            with Session.open(session) as opened:
                return sum(1 for _ in opened.exchanges())

        def read_rows() -> int:
            with sqlite3.connect(session) as connection:
                count = sum(1 for _ in connection.execute("SELECT * FROM exchange"))
            connection.close()
            return count

        yield compare(f"read a session of {EXCHANGES}", read_session, "its rows from SQLite", read_rows)
        yield compare(
            f"read a HAR of {EXCHANGES}",
            lambda: import_file(har),
            "orjson.loads of it",
            lambda: orjson.loads(har.read_bytes()),
        )
        with Session.open(session) as opened:
            loaded = list(opened.exchanges())
        yield compare(
            f"analyse {EXCHANGES} exchanges",
            lambda: analyse(loaded).runs,
            "json.loads of their bodies",
            lambda: [(json.loads(e.request_body.data), json.loads(e.response_body.data)) for e in loaded],
        )
        tenth = loaded[: EXCHANGES // 10]
        yield compare(
            f"add {EXCHANGES} exchanges one by one",
            lambda: _add_each(loaded),
            f"{EXCHANGES // 10} of them (10.00 is linear)",
            lambda: _add_each(tenth),
        )


def _add_each(loaded: list[Exchange]) -> None:
    analysis = Analysis()
    for exchange in loaded:
        analysis.add((exchange,))
