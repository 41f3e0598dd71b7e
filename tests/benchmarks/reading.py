"""Opening and analysing recordings: ours against the bare parser of the same bytes."""

import base64
import gc
import json
import sqlite3
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import orjson

from inspector.protocol import pkce
from inspector.rules.model import Party
from inspector.session.importing import import_file
from inspector.session.model import Body, Exchange
from inspector.session.reader import Session
from inspector.session.writer import SessionWriter
from inspector.verdict.analysis import Analysis, analyse
from tests.benchmarks.ratio import Ratio, compare
from tests.rules import good

EXCHANGES = 5_000
RUNS = 2_000
EXCHANGES_OF_A_RUN = 50
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


def sign_ins(count: int) -> Iterator[Exchange]:
    """Clients that sign in one after the other, each with a registration and tokens of its own, and call tools."""
    number = 0
    for run in range(count):
        for exchange in good.exchanges(_sign_in(run)).values():
            number += 1
            yield replace(exchange, id=number, changed=number)


def _sign_in(run: int) -> good.Steps:
    steps = good.good_steps()
    steps["challenge"]["wait"] = 10_000 * run
    own = {"client_id": f"client_{run}", "code": f"code-{run}", "state": f"state-{run}", "refresh_token": f"r-{run}"}
    own |= {"code_verifier": f"{run:043}", "code_challenge": pkce.s256(f"{run:043}")}
    for step in steps.values():
        step.setdefault("request_header", {})["user-agent"] = "good-client/1.0"
        for part in ("query", "form", "json", "location", "claim"):
            given = step.get(part, {})
            given.update({name: value for name, value in own.items() if name in given})
    steps["refresh"]["json"]["refresh_token"] = f"again-{run}"
    steps["token"]["claim"]["sub"] = f"user_{run}"
    for call in range(EXCHANGES_OF_A_RUN - len(steps)):
        steps[f"call {call}"] = steps["again"]
    return steps


def har_text(recorded: Iterable[Exchange]) -> bytes:
    """Exchanges as a HAR."""
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
                "status": each.status,
                "statusText": "OK",
                "httpVersion": "HTTP/1.1",
                "headers": [{"name": name, "value": value} for name, value in each.response_headers],
                "content": {"mimeType": "application/json", "text": each.response_body.data.decode()},
            },
        }
        for each in recorded
    ]
    return json.dumps(
        {"log": {"version": "1.2", "creator": {"name": "b", "version": "1"}, "entries": entries}}
    ).encode()


def ratios() -> Iterator[Ratio]:
    """Measure."""
    with tempfile.TemporaryDirectory() as folder:
        session, har = Path(folder) / "b.mcpauth", Path(folder) / "b.har"
        har.write_bytes(har_text(exchanges(EXCHANGES)))
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


def throughput() -> Iterator[str]:
    """Measure what the analysis of a large session costs, as a whole and for the exchange that comes next."""
    loaded = list(sign_ins(RUNS))
    har = har_text(loaded)
    rates = []
    for runs in (RUNS // 10, RUNS):
        part = loaded[: runs * EXCHANGES_OF_A_RUN]
        seconds, analysis = _timed_analysis(part)
        assert [judged.verdict.party for judged in analysis.runs] == [Party.NONE] * runs
        rates.append(len(part) / seconds)
        yield f"analyse {len(part)} exchanges in {runs} runs: {rates[-1]:.0f} exchanges/s"
    before = time.process_time()
    orjson.loads(har)
    parsed = len(loaded) / (time.process_time() - before)
    yield f"orjson.loads of the same as HAR: {parsed:.0f} exchanges/s, {parsed / rates[-1]:.1f} x the analysis"
    for name, known in (("small", loaded[:EXCHANGES_OF_A_RUN]), ("large", loaded)):
        yield f"append one exchange to a {name} session and judge: {_append_cost(known) * 1e3:.2f} ms"
    tracemalloc.start()
    kept = analyse(loaded[: len(loaded) // 10])
    _ = kept.runs
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    yield f"memory that the analysis keeps beside the exchanges: {taken / kept.exchange_count / 1024:.1f} KiB for each"


def _timed_analysis(recorded: list[Exchange]) -> tuple[float, Analysis]:
    gc.collect()
    before = time.process_time()
    analysis = analyse(recorded)
    _ = analysis.runs
    return time.process_time() - before, analysis


def _append_cost(known: list[Exchange]) -> float:
    """The median over twenty more tool calls in the last run, each followed by a look at all runs."""
    analysis = analyse(known)
    _ = analysis.runs
    costs = []
    for number in range(20):
        at = known[-1].started_at + number + 1
        following = replace(known[-1], id=known[-1].id + number + 1, started_at=at)
        before = time.perf_counter()
        analysis.add((following,))
        _ = analysis.runs
        costs.append(time.perf_counter() - before)
    return statistics.median(costs)
