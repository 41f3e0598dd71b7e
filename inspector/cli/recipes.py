"""`recipes`: how each client is put behind the inspector, ready to paste."""

import os
import re
import shutil
import textwrap
from typing import TYPE_CHECKING, Annotated

import typer

from inspector.capture.recipes import Kind, Line, Mode, Recipe
from inspector.errors import CaptureError

if TYPE_CHECKING:
    from inspector.capture.proxy import RunningProxy


def recipes(
    name: Annotated[str, typer.Argument(metavar="CLIENT", help="The client; without it, all are listed.")] = "",
    url: Annotated[
        str, typer.Option("--url", metavar="URL", help="The MCP server, to have it in what is pasted.")
    ] = "",
    mode: Annotated[Mode | None, typer.Option(help="One way only: run, env, gateway, takeover or local.")] = None,
) -> None:
    """Say how a client is put behind the inspector, with the commands and the configuration to paste.

    Addresses are those of the capture that runs; where none does, the command that starts it is told first.

    Example: mcp-auth-inspector recipes claude-desktop --url http://localhost:3001/mcp
    """
    from inspector.capture.proxy import find_running
    from inspector.capture.recipes import recipe

    if not name:
        _list()
        return
    if url and not re.match(r"https?://[^\s/]", url):
        raise CaptureError(f"{url!r} is not a URL; give one such as http://localhost:3001/mcp.")
    found, running = recipe(name), find_running()
    told = {each: _lines(found, each, url, running) for each in ((mode,) if mode else found.modes)}
    typer.echo(found.title)
    if found.note:
        typer.echo(_indented(Line(Kind.SAY, found.note)))
    for each, lines in told.items():
        typer.echo(f"\n{each} ({found.evidence(each)})")
        for line in lines:
            typer.echo(_indented(line))


def _list() -> None:
    from inspector.capture.recipes import recipes as all_recipes

    known = all_recipes()
    wide = max(len(each.name) for each in known)
    for each in known:
        ways = (f"{mode}{' (tried)' if mode in each.tried else ''}" for mode in each.modes)
        typer.echo(_filled(f"{each.title}: {', '.join(ways)}", f"{each.name:<{wide}}  ", wide + 2))
    typer.echo("\nOne of them:       mcp-auth-inspector recipes NAME --url URL")
    typer.echo("Any other client:  mcp-auth-inspector gateway URL")


def _lines(found: Recipe, mode: Mode, url: str, running: "list[RunningProxy]") -> tuple[Line, ...]:
    from inspector.capture.ca_bundle import write_ca_bundle

    proxy = next((each for each in reversed(running) if not each.gateway and not each.attached), None)
    gateway = next((each.gateway for each in reversed(running) if each.gateway), "")
    return found.lines(
        mode,
        proxy_url=proxy.url if proxy else "",
        ca_path=write_ca_bundle(proxy.ca_certificate, os.environ) if proxy else None,
        mcp_url=url,
        gateway_url=gateway,
    )


def _indented(line: Line) -> str:
    match line.kind:
        case Kind.PASTE:
            return "\n" + textwrap.indent(line.text, "    ")
        case Kind.COMMAND:
            return f"    {line.text}"
        case Kind.FILE:
            return f"  in {line.text}"
    return _filled(line.text, "  ", 2)


def _filled(text: str, label: str, indent: int) -> str:
    wide = min(100, shutil.get_terminal_size().columns)
    return textwrap.fill(text, wide, initial_indent=label, subsequent_indent=" " * indent, break_on_hyphens=False)
