import json
import sqlite3
from pathlib import Path

import pytest

from inspector.session.reader import Session
from tests.cli.conftest import Run


def test_json_is_the_contract(run: Run, session: Path) -> None:
    done = run("check", str(session), "--format", "json")
    document = json.loads(done.stdout)
    assert done.returncode == 1
    assert set(document) == {"version", "source", "exchanges", "runs"}
    assert (document["version"], document["source"]) == (1, str(session))
    without, with_fault = document["runs"]
    assert set(with_fault) == {
        "id", "client", "server", "authorization_server", "protocol_version", "auth_profile", "revision", "complete",
        "steps", "verdict", "findings", "tokens", "not_observed",
    }  # fmt: skip
    assert set(with_fault["client"]) == {"name", "version", "user_agent"}
    assert set(with_fault["verdict"]) == {
        "party", "confidence", "cause", "summary", "observations", "cleared", "remedies",
    }  # fmt: skip
    finding = with_fault["findings"][0]
    assert set(finding) == {
        "rule", "severity", "confidence", "party", "level", "title", "message", "expected", "found", "places", "cause",
        "comparison",
    }  # fmt: skip
    assert set(finding["places"][0]) == {"step", "exchange", "part", "name"}
    assert set(with_fault["steps"][0]) == {"id", "phase", "title", "exchanges", "status", "at"}
    assert {phase["phase"] for phase in without["steps"]} == {1, 2, 3, 4, 5}
    assert with_fault["verdict"]["party"] == "client"
    assert without["verdict"]["party"] == "none"
    assert without["findings"] == []
    assert {silence["reason"] for silence in without["not_observed"]} <= {f"N{n}" for n in range(1, 13)}


def test_places_name_steps_and_exchanges_that_exist(run: Run, session: Path) -> None:
    document = json.loads(run("check", str(session), "-f", "json").stdout)
    for judged in document["runs"]:
        steps = {step["id"]: step["exchanges"] for step in judged["steps"]}
        for finding in judged["findings"]:
            for place in finding["places"]:
                assert place["exchange"] in steps[place["step"]]
        for observation in judged["verdict"]["observations"]:
            assert observation["step"] in steps


@pytest.mark.parametrize("format", ["text", "json"])
def test_no_secret_is_printed(run: Run, session: Path, format: str) -> None:
    with Session.open(session) as recorded:
        headers = [exchange.request_header("authorization") for exchange in recorded.exchanges()]
    tokens = [header.removeprefix("Bearer ") for header in headers if header]
    secrets = {*tokens, *(token.rpartition(".")[2] for token in tokens)}
    output = run("check", str(session), "--format", format)
    assert secrets
    assert not [secret for secret in secrets if secret in output.stdout + output.stderr]


def test_a_pinned_revision_changes_what_is_required(run: Run, session: Path) -> None:
    document = json.loads(run("check", str(session), "-f", "json", "--revision", "2025-03-26").stdout)
    run_without_resource = document["runs"][1]
    found = {each["rule"]: (each["severity"], each["party"]) for each in run_without_resource["findings"]}
    assert found["resource-missing-authorize"] == ("info", "configuration")
    assert run_without_resource["verdict"]["party"] == "configuration"


def test_an_unknown_revision_is_a_usage_error(run: Run, session: Path) -> None:
    done = run("check", str(session), "--revision", "2025-13-01")
    assert done.returncode == 2
    assert "2025-11-25" in done.stderr


def test_a_missing_file(run: Run) -> None:
    done = run("check", "nowhere.har")
    assert done.returncode == 2
    assert done.stderr.startswith("mcp-auth-inspector: nowhere.har does not exist")
    assert done.stderr.count("\n") == 1


def test_a_foreign_database(run: Run, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "foreign.db") as foreign:
        foreign.execute("CREATE TABLE t (x)")
    foreign.close()
    done = run("check", str(tmp_path / "foreign.db"))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_a_recording_without_mcp_is_clean(run: Run, tmp_path: Path) -> None:
    har = tmp_path / "other.har"
    har.write_text(json.dumps({"log": {"version": "1.2", "creator": {"name": "x", "version": "1"}, "entries": []}}))
    done = run("check", str(har))
    assert done.returncode == 0
    assert "No request to an MCP server" in done.stdout


def test_hostile_text_cannot_act_on_the_terminal(run: Run, tmp_path: Path) -> None:
    hostile = "\x1b]2;PWNED\x1b\\\u202e\x9b31m"
    request = {
        "method": "POST",
        "url": f"http://localhost:1/mcp{hostile}",
        "httpVersion": "HTTP/1.1",
        "headers": [{"name": "Content-Type", "value": "application/json"}, {"name": "User-Agent", "value": hostile}],
        "postData": {
            "mimeType": "application/json",
            "text": json.dumps(
                {
                    "jsonrpc": "2.0",
                    "id": 1,
                    "method": f"initialize{hostile}",
                    "params": {"clientInfo": {"name": hostile, "version": hostile}, "protocolVersion": hostile},
                }
            ),
        },
    }
    response = {
        "status": 401,
        "statusText": "Unauthorized",
        "httpVersion": "HTTP/1.1",
        "headers": [{"name": "WWW-Authenticate", "value": f'Bearer resource_metadata="{hostile}"'}],
        "content": {"size": 0, "mimeType": "text/plain"},
    }
    entry = {"startedDateTime": "2026-01-01T00:00:00Z", "time": 1, "request": request, "response": response}
    har = tmp_path / "hostile.har"
    har.write_text(
        json.dumps({"log": {"version": "1.2", "creator": {"name": "x", "version": "1"}, "entries": [entry]}})
    )
    done = run("check", str(har))
    assert "Run 1" in done.stdout
    assert all(character.isprintable() or character == "\n" for character in done.stdout + done.stderr)


def test_a_folder_is_checked_recording_by_recording(run: Run, session: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no recording")
    for name in ("a.mcpauth", "b.mcpauth"):
        (tmp_path / name).write_bytes(session.read_bytes())
    documents = json.loads(run("check", str(tmp_path), "-f", "json").stdout)
    assert [Path(document["source"]).name for document in documents] == ["a.mcpauth", "b.mcpauth"]
    (tmp_path / "empty").mkdir()
    assert "holds no recording" in run("check", str(tmp_path / "empty")).stderr


def test_what_is_known_or_ignored_fails_nothing(run: Run, session: Path, tmp_path: Path) -> None:
    known = tmp_path / "known.txt"
    assert run("check", str(session), "--write-baseline", str(known)).returncode == 0
    assert run("check", str(session), "--baseline", str(known)).returncode == 0
    assert run("check", str(session), "--fail-on", "never").returncode == 0
    assert run("check", str(session), "--select", "resource-missing-*").returncode == 1
    unknown = run("check", str(session), "--ignore", "resource-mising-token")
    assert unknown.returncode == 2
    assert "resource-missing-token" in unknown.stderr


def test_settings_are_found_above_the_working_directory(
    run: Run, session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.mcp-auth-inspector]\nfail-on = "never"\n')
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert run("check", str(session)).returncode == 0


def test_a_workflow_gets_annotations(run: Run, session: Path) -> None:
    lines = run("check", str(session), "-f", "github").stdout.splitlines()
    assert lines
    assert all(line.startswith(("::error ", "::warning ", "::notice ")) for line in lines)


def test_the_name_of_a_file_in_a_folder_is_data(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a\x1b]0;title\x07.har").write_text('{"log": {"entries": []}}')
    done = run("check", str(tmp_path))
    assert "holds no HTTP exchange" in done.stderr
    assert "\x1b" not in done.stderr + done.stdout
