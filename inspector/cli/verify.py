"""`verify`: a regression case performed at a server, for continuous integration."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inspector.display import visible

if TYPE_CHECKING:
    from inspector.replay.case import Verification
    from inspector.replay.perform import Progress

_DIFFERENT = 1


def verify(
    case: Annotated[Path, typer.Argument(help="A case that `replay SESSION --save-case` wrote.")],
    server: Annotated[str, typer.Option(metavar="URL", help="The MCP server to perform it at.")],
    authorization_server: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="An authorization server it may talk to; may be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Perform a regression case, and compare every step and the verdict with what the case expects.

    Requests go to the named servers and nowhere else. On this machine the sign-in page is answered by itself; elsewhere
    the authorization server must need no page, as one for tests does.

    Exit code 0: everything is as expected. 1: something is not. 2: it could not be performed.

    Example: mcp-auth-inspector verify case.toml --server http://localhost:3001/mcp --authorization-server
    http://localhost:3002
    """
    from inspector.replay.case import load_case
    from inspector.replay.case import verify as perform_case

    done = asyncio.run(perform_case(load_case(case), server, tuple(authorization_server or ()), on_progress=_tell))
    if as_json:
        typer.echo(json.dumps({"version": 1, "passed": not done.problems, "problems": list(done.problems)}, indent=2))
    else:
        for line in _lines(done):
            typer.echo(visible(line))
    if done.problems:
        raise typer.Exit(_DIFFERENT)


def _lines(done: "Verification") -> list[str]:
    count = len(done.attempt.performance.outcomes)
    if not done.problems:
        return [f"passed: {count} steps and the verdict are as expected"]
    return ["failed", *(f"  {problem}" for problem in done.problems)]


def _tell(progress: "Progress") -> None:
    outcome = progress.outcome or "no answer"
    typer.echo(visible(f"{progress.done}/{progress.total} {progress.what}, {outcome}"), err=True)
