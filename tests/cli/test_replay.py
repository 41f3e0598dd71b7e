"""`replay` and `verify` as a user runs them."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inspector.cli.main import app
from inspector.errors import InspectorError
from inspector.session.model import Source
from inspector.session.reader import Session
from tests.cli.conftest import PROGRAM, Run


@pytest.fixture
def copy(session: Path, tmp_path: Path) -> Path:
    """The demo's session, to be written to."""
    return Path(shutil.copy(session, tmp_path / "copy.mcpauth"))


def test_the_fix_proves_the_verdict(run: Run, copy: Path) -> None:
    done = run("replay", str(copy), "--fix", "add-resource")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Replay of run 2: dev.warp.Warp-Stable")
    assert "Sent as recorded: 8 of 8 requests" in done.stdout
    assert "Proof (confirmed): Same client, resource added on 2 requests: aud client_" in done.stdout
    assert "401 -> 200." in done.stdout
    assert "At fault   the client (certain)" in done.stdout
    assert "replay of run 2 with add-resource: 10/10 tools/list, 200" in done.stderr
    with Session.open(copy) as session:
        replays = [exchange for exchange in session.exchanges() if exchange.source is Source.REPLAY]
    assert {exchange.listener for exchange in replays} == {"replay of run 2", "replay of run 2 with add-resource"}


def test_json_says_the_same(run: Run, copy: Path) -> None:
    done = run("replay", str(copy), "--fix", "add-resource", "--json")
    document = json.loads(done.stdout)
    assert (document["version"], document["run"], document["differences"]) == (1, 2, [])
    assert [attempt["authorized"] for attempt in document["attempts"]] == [False, True]
    assert document["proof"]["says"] == "confirmed"
    assert document["verdict"]["confidence"] == "certain"
    assert all(attempt["exchanges"] for attempt in document["attempts"])


def test_without_a_fix_it_performs_the_client_and_offers_the_one_that_fits(run: Run, copy: Path) -> None:
    done = run("replay", str(copy))
    assert done.returncode == 0, done.stderr
    assert "--fix add-resource" in done.stdout
    assert "Proof" not in done.stdout


def test_a_fault_of_the_server_on_a_good_run(run: Run, copy: Path) -> None:
    done = run("replay", str(copy), "--run", "1", "--server-fault", "aud-trailing-slash")
    assert done.returncode == 0, done.stderr
    assert "First difference: initialize: 200 -> 401 invalid_token" in done.stdout


def test_a_fix_that_is_for_something_else_is_no_proof(run: Run, copy: Path) -> None:
    done = run("replay", str(copy), "--fix", "send-state")
    assert done.returncode == 1
    assert "Proof (undecided)" in done.stdout


def test_a_profile_is_saved_edited_and_performed(run: Run, copy: Path, tmp_path: Path) -> None:
    file = tmp_path / "warp.toml"
    assert run("replay", str(copy), "--save-profile", str(file)).returncode == 0
    with Session.open(copy) as session:
        secrets = {e.request_header("authorization") for e in session.exchanges()} - {None}
    assert secrets
    assert not [secret for secret in secrets if secret and secret.partition(" ")[2] in file.read_text()]
    file.write_text(
        file.read_text().replace('["code", "${code}"],', '["code", "${code}"],\n    ["resource", "${mcp_url}"],')
    )
    done = run("replay", str(copy), "--profile", str(file))
    assert "token request" in done.stdout
    assert "400 invalid_target" in done.stdout


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The reference servers as a user starts them."""
    environment = {**os.environ, "MCP_AUTH_INSPECTOR_HOME": str(tmp_path)}
    command = [*PROGRAM, "reference", "--port", "0", "--authkit-port", "0"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        lines = [process.stdout.readline().split()[-1] for _ in range(2)]
        yield lines[0], lines[1]
        process.terminate()


def test_a_case_is_saved_and_verified(run: Run, copy: Path, tmp_path: Path, servers: tuple[str, str]) -> None:
    case = tmp_path / "case.toml"
    mcp_url, issuer = servers
    assert run("replay", str(copy), "--fix", "add-resource", "--save-case", str(case)).returncode == 0
    passed = run("verify", str(case), "--server", mcp_url, "--authorization-server", issuer)
    assert (passed.returncode, passed.stdout) == (0, "passed: 10 steps and the verdict are as expected\n")
    failed = run("verify", str(case), "--server", mcp_url, "--json")
    assert failed.returncode == 1
    assert "is not among the servers you named" in json.loads(failed.stdout)["problems"][0]
    edited = case.read_text().replace('outcome = "202"', 'outcome = "204"')
    case.write_text(edited)
    other = run("verify", str(case), "--server", mcp_url, "--authorization-server", issuer)
    assert other.returncode == 1
    assert "step 9 (notifications/initialized): 202 instead of 204" in other.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--run", "7"), "There is no run 7"),
        (("--fix", "add-resorce"), "did you mean add-resource"),
        (("--server-fault", "odd"), "There is no fault 'odd'"),
        (("--against", "ftp://x"), "no http or https URL"),
        (("--profile", "missing.toml"), "missing.toml cannot be read"),
        (("--against", "http://localhost:1/mcp", "--server-fault", "aud-missing"), "reference servers only"),
    ],
)
def test_wrong_usage_is_one_sentence(copy: Path, arguments: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(app, ["replay", str(copy), *arguments])
    assert isinstance(done.exception, InspectorError)
    assert said in str(done.exception)
    assert "\n" not in str(done.exception)


def test_fixes_are_listed(run: Run) -> None:
    done = run("replay", "--list-fixes")
    assert done.returncode == 0
    assert "pkce-s256\n    send an S256 code challenge" in done.stdout


def test_a_recording_is_needed() -> None:
    assert CliRunner().invoke(app, ["replay"]).exit_code == 2


def test_a_file_that_is_no_case(run: Run, tmp_path: Path) -> None:
    (tmp_path / "odd.toml").write_text("x = 1")
    done = run("verify", str(tmp_path / "odd.toml"), "--server", "http://localhost:1/mcp")
    assert done.returncode == 2
    assert "is no regression case" in done.stderr
    assert "Traceback" not in done.stderr
