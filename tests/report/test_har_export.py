import gzip
import json
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from inspector.report.formats import format_named
from inspector.report.material import Material, in_order
from inspector.report.redaction import find_secrets
from inspector.session.importing import import_file
from inspector.session.model import Body, Exchange, State, Translation
from inspector.session.reader import Session
from inspector.session.writer import SessionWriter
from inspector.verdict.analysis import analyse
from tests.report.material import KEY, exported
from tests.tui.story import AUTHKIT, START, story


def entries(exchanges: list[Exchange], *, redact: bool = True) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(exported("har", exchanges, redact=redact))["log"]["entries"]
    return found


def odd_exchanges() -> list[Exchange]:
    """What a session can hold besides whole exchanges."""
    body = json.dumps({"keys": [{"kty": "RSA"}]}).encode()
    base = Exchange(20, "GET", f"{AUTHKIT}/oauth2/jwks", status=200, started_at=START + 30)
    return [
        replace(
            base,
            response_headers=(("content-type", "application/json"), ("content-encoding", "gzip")),
            response_body=Body.whole(gzip.compress(body)),
            http_version="HTTP/2.0",
        ),
        replace(base, id=21, status=None, state=State.FAILED, error="connection reset", started_at=START + 31),
        replace(base, id=22, status=None, state=State.REQUEST, started_at=START + 32),
        replace(base, id=23, status=None, state=State.RECORDED, started_at=START + 33),
        replace(base, id=24, response_body=Body(b'{"keys": [', 4_000_000), started_at=START + 34),
        replace(base, id=25, response_body=Body.whole(b"\x89PNG\x00\xff"), started_at=START + 35),
        replace(
            base, id=26, translations=(Translation("url", "origin", "http://a", "http://b"),), started_at=START + 36
        ),
    ]


def assert_as_devtools_wants_it(entry: dict[str, Any]) -> None:
    """What Chrome's importer refuses a file for: a missing or mistyped required field of HAR 1.2."""
    assert datetime.fromisoformat(entry["startedDateTime"]).tzinfo
    request, response, timings = entry["request"], entry["response"], entry["timings"]
    assert isinstance(entry["cache"], dict)
    for message, names in (
        (request, ("method", "url", "httpVersion")),
        (response, ("statusText", "httpVersion", "redirectURL")),
    ):
        assert all(isinstance(message[name], str) for name in names)
        assert all(isinstance(message[name], int) for name in ("headersSize", "bodySize"))
        assert all({*field} == {"name", "value"} for field in (*message["headers"], *message["cookies"]))
    assert all({*field} == {"name", "value"} for field in request["queryString"])
    if post := request.get("postData"):
        assert isinstance(post["mimeType"], str)
        assert isinstance(post["text"], str)
        assert isinstance(post["params"], list)
    assert isinstance(response["status"], int)
    assert isinstance(response["content"]["size"], int)
    assert isinstance(response["content"]["mimeType"], str)
    assert all(isinstance(timings[name], int | float) and timings[name] >= 0 for name in ("send", "wait", "receive"))
    assert entry["time"] == pytest.approx(timings["send"] + timings["wait"] + timings["receive"], abs=0.01)


@pytest.mark.parametrize("redact", [True, False])
def test_devtools_takes_every_entry(redact: bool) -> None:
    log = json.loads(exported("har", [*story(), *odd_exchanges()], redact=redact))["log"]
    assert log["version"] == "1.2"
    assert {"name", "version"} <= log["creator"].keys()
    assert len(log["entries"]) == 15
    for entry in log["entries"]:
        assert_as_devtools_wants_it(entry)


def test_sizes_and_times_are_those_of_the_wire() -> None:
    zipped = odd_exchanges()[0]
    entry = entries(
        [
            replace(
                zipped,
                request_end=zipped.started_at + 0.25,
                response_start=zipped.started_at + 1,
                response_end=zipped.started_at + 1.5,
            )
        ]
    )[0]
    assert entry["response"]["bodySize"] == len(zipped.response_body.data)
    assert entry["response"]["content"]["size"] == len(gzip.decompress(zipped.response_body.data))
    assert json.loads(entry["response"]["content"]["text"]) == {"keys": [{"kty": "RSA"}]}
    assert {"name": "content-encoding", "value": "gzip"} in entry["response"]["headers"]
    assert [entry["timings"][name] for name in ("send", "wait", "receive")] == [250, 750, 500]
    assert entry["time"] == 1500
    assert datetime.fromisoformat(entry["startedDateTime"]).timestamp() == zipped.started_at


def test_header_sizes_count_what_was_sent() -> None:
    sent = b"GET /oauth2/x HTTP/1.1\r\nhost: a\r\n\r\n"
    request = Exchange(1, "GET", "/oauth2/x", request_headers=(("host", "a"),), status=204, reason="No Content")
    entry = entries([request])[0]
    assert entry["request"]["headersSize"] == len(sent)
    assert entry["response"]["headersSize"] == len(b"HTTP/1.1 204 No Content\r\n\r\n")


def test_entries_are_in_order_of_time() -> None:
    shuffled = [story()[number] for number in (6, 0, 3, 7, 1)]
    times = [entry["startedDateTime"] for entry in entries(shuffled)]
    assert times == sorted(times)


@pytest.mark.parametrize("resource", [False, True])
@pytest.mark.parametrize("redact", [True, False])
def test_an_export_reads_back_with_the_same_findings(tmp_path: Path, redact: bool, resource: bool) -> None:
    exchanges = [*story(resource=resource), *odd_exchanges()]
    (tmp_path / "x.har").write_text(exported("har", exchanges, redact=redact), encoding="utf-8")
    back = import_file(tmp_path / "x.har")
    assert back.warnings == ()
    before, after = analyse(exchanges).runs, analyse(back.exchanges()).runs
    assert [[(f.rule, f.message, f.expected, f.found, f.step) for f in each.checked.findings] for each in after] == [
        [(f.rule, f.message, f.expected, f.found, f.step) for f in each.checked.findings] for each in before
    ]
    assert [(each.verdict.party, each.verdict.cause) for each in after] == [
        (each.verdict.party, each.verdict.cause) for each in before
    ]
    if not redact:
        assert [each.verdict for each in after] == [each.verdict for each in before]
    # A picture cannot be searched for secrets, so only its size is left of it when they are masked.
    wanted = [
        (each.state, each.translations, each.response_body.truncated or (redact and each.id == 25))
        for each in exchanges
    ]
    assert [(each.state, each.translations, each.response_body.truncated) for each in back.exchanges()] == wanted


def test_mitmproxy_reads_it(tmp_path: Path) -> None:
    exchanges = [*story(), *odd_exchanges()[:1]]
    (tmp_path / "x.har").write_text(exported("har", exchanges, redact=False), encoding="utf-8")
    program = (
        "import sys\nfrom mitmproxy.io import FlowReader\n"
        "for flow in FlowReader(open(sys.argv[1], 'rb')).stream():\n"
        "    print(flow.request.method, flow.request.url, flow.response.status_code, len(flow.request.content or b''),"
        " len(flow.response.content or b''))\n"
    )
    read = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "x.har")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert read.returncode == 0, read.stderr[-500:]
    sizes = [len(gzip.decompress(e.response_body.data)) if e.id == 20 else e.response_body.size for e in exchanges]
    assert read.stdout.splitlines() == [
        f"{e.method} {e.url} {e.status} {e.request_body.size} {size}" for e, size in zip(exchanges, sizes, strict=True)
    ]


class Discarded:
    """A file that keeps nothing but its size."""

    def __init__(self) -> None:
        self.size = self.longest = 0

    def write(self, text: str) -> int:
        self.size += len(text)
        self.longest = max(self.longest, len(text))
        return len(text)


def recorded(path: Path, count: int, words: int) -> Session:
    """A session of one client that calls tools with the token it got."""
    *signed_in, call = story(resource=True)
    with SessionWriter.create(path, meta={}) as writer, writer.batch():
        for exchange in signed_in:
            writer.record(exchange)
        for number in range(len(signed_in) + 1, count + 1):
            writer.record(
                replace(
                    call, id=number, started_at=START + 20 + number, response_body=Body.whole(_result(number, words))
                )
            )
    return Session.open(path)


def _result(number: int, words: int) -> bytes:
    return json.dumps(
        {"jsonrpc": "2.0", "id": number, "result": {"content": [{"text": f"{number} " * words}]}}
    ).encode()


def peak_of_export(session: Session) -> tuple[int, int]:
    out = Discarded()
    tracemalloc.start()
    try:
        material = Material(session, find_secrets(in_order(session), KEY))
        format_named("har").write(material, out)  # type: ignore[arg-type]  # of a text file only write is used
        return tracemalloc.get_traced_memory()[1], out.size
    finally:
        tracemalloc.stop()


def test_what_is_written_at_once_is_one_entry(tmp_path: Path) -> None:
    out = Discarded()
    with recorded(tmp_path / "x.mcpauth", 100, 40) as session:
        format_named("har").write(Material(session, find_secrets(in_order(session), KEY)), out)  # type: ignore[arg-type]  # of a text file only write is used
    assert out.size > 150_000
    assert out.longest < 10_000


@pytest.mark.nightly
def test_memory_stays_flat_over_ten_thousand_exchanges(tmp_path: Path) -> None:
    with recorded(tmp_path / "few", 1_200, 400) as small, recorded(tmp_path / "many", 10_000, 400) as large:
        (peak_few, size_few), (peak_many, size_many) = peak_of_export(small), peak_of_export(large)
    assert size_many > 7 * size_few
    assert size_many > 20_000_000
    assert peak_many - peak_few < size_many / 10
