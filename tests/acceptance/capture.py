"""Drives a real client through `mcp-auth-inspector run`, and reads what `check` says about it."""

import asyncio
import json
import os
import shlex
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from inspector.capture.watch import changes
from inspector.session.reader import Session
from inspector.verdict.analysis import Analysis
from inspector.verdict.model import Judged

PROGRAM = (sys.executable, "-c", "from inspector.cli.main import main; main()")
PATIENCE = 60.0
"""Seconds after which a client that does nothing has failed the test."""

_BROWSER = Path(__file__).with_name("browser.py")


class Client:
    """A client that speaks JSON-RPC over its standard input and output, as a desktop application sees it."""

    def __init__(self, process: asyncio.subprocess.Process, session: Path) -> None:
        self.process = process
        self.session = session

    async def ask(self, id: int, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        self.send({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
        assert self.process.stdout
        async with asyncio.timeout(PATIENCE):
            while line := await self.process.stdout.readline():
                answer: dict[str, Any] = json.loads(line)
                if answer.get("id") == id and "method" not in answer:
                    return answer
        raise AssertionError(f"the client ended without an answer to {method}")

    def send(self, message: dict[str, Any]) -> None:
        """Send any message."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps(message).encode() + b"\n")

    async def until(self, seen: Callable[[Sequence[Judged]], bool]) -> None:
        """Wait until the recording shows something."""
        analysis, after = Analysis(), 0
        async with asyncio.timeout(PATIENCE):
            async for _ in changes(self.session):
                with Session.open(self.session) as session:
                    new = list(session.exchanges(after=after))
                after = max((exchange.changed for exchange in new), default=after)
                analysis.add(new)
                if seen(analysis.runs):
                    return


@asynccontextmanager
async def started(
    command: Sequence[str],
    tmp_path: Path,
    session: Path,
    *,
    under_run: bool = True,
    options: Sequence[str] = (),
    variables: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Client]:
    """A client under `run` with these options, or alone, with a home, a browser and an inspector of its own."""
    home = tmp_path / "home"
    shims = tmp_path / "shims"
    for directory in (home, shims):
        directory.mkdir(parents=True, exist_ok=True)
    for name in ("xdg-open", "open"):
        shim = shims / name
        shim.write_text(f'#!/bin/sh\nexec {shlex.join((sys.executable, str(_BROWSER)))} "$@"\n')
        shim.chmod(0o755)
    environment = {
        **os.environ,
        "HOME": str(home),
        "MCP_REMOTE_CONFIG_DIR": str(home / "mcp-remote"),
        "MCP_AUTH_INSPECTOR_HOME": str(tmp_path / "inspector"),
        "PATH": f"{shims}{os.pathsep}{os.environ['PATH']}",
        "BROWSER": str(shims / "xdg-open"),
        **variables,
    }
    with (tmp_path / "narration.txt").open("wb") as narration:
        process = await asyncio.create_subprocess_exec(
            *((*PROGRAM, "run", "--session", str(session), *options, "--") if under_run else ()),
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=narration,
            env=environment,
            limit=1024 * 1024,
        )
    try:
        yield Client(process, session)
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(PATIENCE):
            await process.wait()


async def report(session: Path) -> tuple[int, dict[str, Any]]:
    """What `check --format json` says, with its exit code."""
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, "check", str(session), "--format", "json", stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    document: dict[str, Any] = json.loads(output)
    assert process.returncode is not None
    return process.returncode, document
