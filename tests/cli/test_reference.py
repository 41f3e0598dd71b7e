import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from inspector.reference.faults import FAULTS
from tests.cli.conftest import PROGRAM, Run


@contextmanager
def servers(*arguments: str) -> Iterator[tuple[str, str, str]]:
    """The URLs the command announces, and what it says on a third line if that is about faults."""
    command = [*PROGRAM, "reference", "--port", "0", "--authkit-port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        assert running.stdout
        lines = [running.stdout.readline() for _ in range(3 if "--fault" in arguments else 2)]
        yield lines[0].split()[-1], lines[1].split()[-1], "".join(lines[2:])
        running.terminate()


def test_both_servers_are_announced_and_answer() -> None:
    with servers("--auto-approve") as (mcp_url, issuer, _), httpx.Client(trust_env=False) as http:
        assert http.post(mcp_url, json={}).status_code == 401
        assert http.get(f"{issuer}/.well-known/oauth-authorization-server").json()["issuer"] == issuer
        assert http.get(mcp_url.removesuffix("/mcp") + "/_control/faults").status_code == 404


def test_faults_are_set_at_the_start_and_exchanged_at_run_time() -> None:
    faults = ("--fault", "challenge-absent", "--fault", "issuer-other", "--control")
    with servers(*faults) as (mcp_url, issuer, said), httpx.Client(trust_env=False) as http:
        control = mcp_url.removesuffix("/mcp") + "/_control/faults"
        assert said.split(maxsplit=1)[1].strip() == "challenge-absent, issuer-other"
        assert "www-authenticate" not in http.post(mcp_url, json={}).headers
        assert http.get(f"{issuer}/.well-known/oauth-authorization-server").json()["issuer"] != issuer
        assert http.get(control).json() == {"faults": ["challenge-absent", "issuer-other"]}
        assert http.put(control, json={"faults": []}).status_code == 200
        assert "www-authenticate" in http.post(mcp_url, json={}).headers


def test_every_fault_is_listed_with_what_it_provokes(run: Run) -> None:
    done = run("reference", "--list-faults")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines() if not line.startswith(" ")] == [
        fault.name for fault in FAULTS
    ]
    assert done.stdout.count("provokes ") == sum(1 for fault in FAULTS if fault.provokes)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--fault", "aud-mising"), "There is no fault 'aud-mising'; did you mean aud-missing?"),
        (("--fault", "aud-missing", "--fault", "aud-other"), "aud-missing and aud-other contradict each other"),
        (("--host", "0.0.0.0"), "listen on 127.0.0.1 only"),
        (("--host", "192.168.1.7"), "listen on 127.0.0.1 only"),
        (("--host", "::"), "listen on 127.0.0.1 only"),
        (("--port", "70000"), "65535"),
    ],
)
def test_what_cannot_be_served_is_one_sentence(run: Run, arguments: tuple[str, ...], sentence: str) -> None:
    done = run("reference", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"mcp-auth-inspector: [^\n]+\n", done.stderr)
    assert sentence in done.stderr


def test_a_taken_port_is_one_sentence() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [*PROGRAM, "reference", "--port", str(taken.getsockname()[1])]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert str(sys.executable) not in done.stderr
