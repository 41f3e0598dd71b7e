"""Codex as somebody uses it: add the server, which signs in, then start what its applications talk to and list tools.

Arguments: how Codex is started, in as many words as it takes, and the MCP server's URL. HOME is where it keeps things.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

CONFIGURATION = 'mcp_oauth_credentials_store = "file"\ncheck_for_update_on_startup = false\n'
"""Credentials in its own folder: there is no keyring in a test, nor may one be touched."""


def main(codex: Sequence[str], url: str) -> None:
    home = Path(os.environ["HOME"]) / ".codex"
    home.mkdir()
    (home / "config.toml").write_text(CONFIGURATION)
    environment = {**os.environ, "CODEX_HOME": str(home)}
    subprocess.run(
        [*codex, "mcp", "add", "lab", "--url", url], env=environment, stdin=subprocess.DEVNULL, check=True, timeout=50
    )
    server = subprocess.Popen(
        [*codex, "app-server"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdin
    assert server.stdout
    with server:
        ask(server.stdin, server.stdout, 1, "initialize", {"clientInfo": {"name": "desktop", "version": "1.0"}})
        server.stdin.write(json.dumps({"method": "initialized"}) + "\n")
        status = ask(server.stdin, server.stdout, 2, "mcpServerStatus/list", {})
        server.terminate()
    (lab,) = (each for each in status["data"] if each["name"] == "lab")
    assert "get-user-info" in lab["tools"], lab


def ask(to: IO[str], answers: IO[str], id: int, method: str, params: Mapping[str, object]) -> dict[str, Any]:
    to.write(json.dumps({"id": id, "method": method, "params": params}) + "\n")
    to.flush()
    for line in answers:
        answer: dict[str, Any] = json.loads(line)
        if answer.get("id") == id:
            result: dict[str, Any] = answer["result"]
            return result
    raise AssertionError(f"Codex ended without an answer to {method}")


if __name__ == "__main__":
    main(sys.argv[1:-1], sys.argv[-1])
