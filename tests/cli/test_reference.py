import subprocess
import sys

import httpx

from tests.cli.conftest import PROGRAM


def test_both_servers_are_announced_and_answer() -> None:
    command = [*PROGRAM, "reference", "--port", "0", "--authkit-port", "0", "--auto-approve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as servers:
        assert servers.stdout
        mcp_url = servers.stdout.readline().split()[-1]
        issuer = servers.stdout.readline().split()[-1]
        with httpx.Client(trust_env=False) as http:
            assert http.post(mcp_url, json={}).status_code == 401
            assert http.get(f"{issuer}/.well-known/oauth-authorization-server").json()["issuer"] == issuer
        servers.terminate()


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
