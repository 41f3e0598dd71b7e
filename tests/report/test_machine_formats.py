"""JSON, SARIF, JUnit and OTLP: what programs read."""

import json
import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from xml.etree import ElementTree

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from inspector.errors import InspectorError
from inspector.report.json_report import SCHEMA_FILE, schema
from inspector.report.otlp import send
from inspector.rules.registry import all_rules
from tests.report.hostile import HOSTILE, hostile_story
from tests.report.material import exported, material
from tests.tui.story import AUTHKIT, START, exchange, story

SARIF_SCHEMA = json.loads(
    (Path(__file__).parents[1] / "data" / "sarif-2.1.0-subset.schema.json").read_text(encoding="utf-8")
)
EVERY_KIND = pytest.mark.parametrize(
    "exchanges",
    [story(), story(resource=True), [], *map(hostile_story, HOSTILE.values())],
    ids=["bad", "good", "none", *HOSTILE],
)


def test_the_published_schema_is_up_to_date() -> None:
    made = json.dumps(schema(), indent=2) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        SCHEMA_FILE.write_text(made, encoding="utf-8")
    assert made == SCHEMA_FILE.read_text(encoding="utf-8"), (
        "the contract has changed; UPDATE_GOLDEN=1 writes its schema"
    )


@EVERY_KIND
def test_json_keeps_to_the_published_schema(exchanges: list[Any]) -> None:
    published = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(published)
    Draft202012Validator(published).validate(json.loads(exported("json", exchanges)))


def test_json_says_what_check_says() -> None:
    document = json.loads(exported("json"))
    assert document["runs"][0]["verdict"]["cause"] == "resource-missing-authorize"
    assert document["source"] == "story.mcpauth"


def test_the_words_of_the_contract_stay_whatever_a_secret_is() -> None:
    odd = exchange(9, "POST", f"{AUTHKIT}/oauth2/token", 30, 0, 400, form={"client_secret": "authorization-server"})
    document = json.loads(exported("json", [*story(), odd]))
    Draft202012Validator(schema()).validate(document)
    assert document["runs"][0]["verdict"]["cleared"][1]["party"] == "authorization-server"


def test_a_path_tells_nobody_whose_machine_it_was() -> None:
    assert material(source="/home/ada/secret-project/x.har").source == "x.har"


@EVERY_KIND
def test_sarif_keeps_to_its_schema(exchanges: list[Any]) -> None:
    Draft7Validator.check_schema(SARIF_SCHEMA)
    Draft7Validator(SARIF_SCHEMA).validate(json.loads(exported("sarif", exchanges)))


def test_sarif_names_rule_place_and_party() -> None:
    run = json.loads(exported("sarif"))["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    result = run["results"][0]
    assert result["ruleId"] == "resource-missing-authorize" == rules[result["ruleIndex"]]
    assert result["level"] == "error"
    assert result["properties"]["party"] == "client"
    assert result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "run 1, exchange 6, query resource"
    prints = [each["partialFingerprints"]["finding/v1"] for each in run["results"]]
    assert len({*prints}) == len(prints)
    assert prints == [
        each["partialFingerprints"]["finding/v1"] for each in json.loads(exported("sarif"))["runs"][0]["results"]
    ]


@EVERY_KIND
def test_junit_is_what_servers_read(exchanges: list[Any]) -> None:
    """The elements and attributes of the JUnit schema that Jenkins publishes, with numbers that add up."""
    root = ElementTree.fromstring(exported("junit", exchanges))
    assert root.tag == "testsuites"
    for suite in root:
        assert suite.tag == "testsuite"
        assert suite.keys() == ["name", "tests", "failures", "errors", "skipped"]
        cases = suite.findall("testcase")
        assert {child.tag for child in suite} <= {"testcase", "system-out"}
        assert len(cases) == int(suite.get("tests", ""))
        assert len(suite.findall("testcase/failure")) == int(suite.get("failures", ""))
        assert len(suite.findall("testcase/skipped")) == int(suite.get("skipped", ""))
        assert all(case.keys() == ["classname", "name", "time"] for case in cases)
        assert len({case.get("name") for case in cases}) == len(cases)
    assert int(root.get("tests", "")) == sum(int(suite.get("tests", "")) for suite in root)


def test_junit_has_every_rule() -> None:
    root = ElementTree.fromstring(exported("junit"))
    assert {case.get("name") for case in root.iter("testcase")} == {rule.id for rule in all_rules()}
    failed = {case.get("name") for case in root.iter("testcase") if case.find("failure") is not None}
    assert failed == {
        "resource-missing-authorize",
        "resource-missing-token",
        "aud-is-client-id",
        "fresh-token-rejected",
    }


def spans_of(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text)["resourceSpans"][0]["scopeSpans"][0]["spans"]
    return found


@EVERY_KIND
def test_spans_are_well_formed(exchanges: list[Any]) -> None:
    for span in spans_of(exported("otlp-json", exchanges)):
        assert len(bytes.fromhex(span["traceId"])) == 16
        assert len(bytes.fromhex(span["spanId"])) == 8
        assert int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"])
        for attribute in span["attributes"]:
            assert {*attribute} == {"key", "value"}
            assert {*attribute["value"]} <= {"stringValue", "intValue"}


def test_there_is_a_trace_for_the_run_and_a_span_for_each_exchange() -> None:
    root, *children = spans_of(exported("otlp-json"))
    assert "parentSpanId" not in root
    assert [child["parentSpanId"] for child in children] == [root["spanId"]] * 8
    assert {span["traceId"] for span in (root, *children)} == {root["traceId"]}
    assert root["startTimeUnixNano"] == f"{int(START)}000000000"
    assert root["status"]["code"] == 2
    assert [event["name"] for event in root["events"]] == ["finding"] * 4
    last = {each["key"]: each["value"] for each in children[-1]["attributes"]}
    assert last["http.response.status_code"] == {"intValue": "401"}
    assert last["mcp.auth.phase"] == {"stringValue": "Use"}


class Collector(BaseHTTPRequestHandler):
    """Takes spans as an OTLP/HTTP receiver does, at one path only."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.received.append((self.path, self.headers["content-type"], body))  # type: ignore[attr-defined]  # set by the fixture
        self.send_response(200 if self.path == "/v1/traces" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), Collector)
    server.received = []  # type: ignore[attr-defined]  # the handler reaches nothing else
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("ending", ["", "/", "/v1/traces"])
def test_spans_are_posted_to_the_endpoint_the_user_names(collector: HTTPServer, ending: str) -> None:
    assert send(material(), f"http://127.0.0.1:{collector.server_port}{ending}") == 9
    [(path, media, body)] = collector.received  # type: ignore[attr-defined]  # set by the fixture
    assert (path, media) == ("/v1/traces", "application/json")
    assert spans_of(body.decode()) == spans_of(exported("otlp-json"))


def test_an_endpoint_that_refuses_is_named(collector: HTTPServer) -> None:
    with pytest.raises(InspectorError, match="answered 404"):
        send(material(), f"http://127.0.0.1:{collector.server_port}/elsewhere")


def test_an_endpoint_that_is_not_there_is_named(collector: HTTPServer) -> None:
    with pytest.raises(InspectorError, match="cannot be reached"):
        send(material(), "http://127.0.0.1:1")
    with pytest.raises(InspectorError, match="no http or https URL"):
        send(material(), "localhost:4318")
    with pytest.raises(InspectorError, match="no http or https URL"):
        send(material(), "http://[::1")
