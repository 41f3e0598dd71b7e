import os
from pathlib import Path

import pytest

from inspector.cli.node import goes_around


def _node(folder: Path, version: str) -> None:
    program = folder / "node"
    program.write_text(f"#!/bin/sh\necho {version}\n")
    program.chmod(0o755)


@pytest.mark.skipif(os.name == "nt", reason="the node of this test is a shell script")
@pytest.mark.parametrize(
    ("command", "version", "told"),
    [
        (("npx", "mcp-remote"), "v20.20.2", "Node 20.20.2 ignores proxy variables"),
        (("/usr/bin/node", "client.js"), "v22.1.0", "Node 22.1.0 ignores proxy variables"),
        (("npx", "mcp-remote"), "v24.0.0", ""),
        (("npx", "mcp-remote", "--enable-proxy"), "v20.20.2", ""),
        (("python", "client.py"), "v20.20.2", ""),
        (("npx", "mcp-remote"), "broken", ""),
        ((), "v20.20.2", ""),
    ],
)
def test_a_node_that_ignores_the_proxy_is_told_before_it_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], version: str, told: str
) -> None:
    _node(tmp_path, version)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert goes_around(command).startswith(told)
    assert bool(goes_around(command)) == bool(told)


def test_without_node_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert goes_around(("npx", "mcp-remote")) == ""
