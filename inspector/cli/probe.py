"""`probe`: the questions of a sign-in asked without a client, as one command."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.check import EXIT_FINDINGS, Format


def probe(
    url: Annotated[str, typer.Argument(help="The MCP server's URL, such as http://localhost:3001/mcp.")],
    register: Annotated[
        bool, typer.Option("--register", help="Really register a client, and remove it where the server says how.")
    ] = False,
    page: Annotated[
        str, typer.Option("--page", metavar="ORIGIN", help="The origin of the web page that browsers would ask from.")
    ] = "http://localhost:6274",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="The session file to write.")
    ] = None,
    format: Annotated[Format, typer.Option("--format", "-f", help="What to print.")] = Format.TEXT,
) -> None:
    """Check an MCP server and its authorization server from outside, before there is a client.

    Asks what every client asks: the 401, protected resource metadata and authorization server metadata at all their
    places, the keys, and the preflights of a browser. It reads only, and it signs in nowhere. The answers are a session
    like any other: `open` shows it.

    Exit code 0: nothing of severity error. 1: something. 2: the server does not answer.

    Example: mcp-auth-inspector probe http://localhost:3001/mcp
    """
    from datetime import datetime

    from inspector.probe.checklist import checklist, checklist_lines, findings_of
    from inspector.probe.probe import probe as ask
    from inspector.rules.model import Severity
    from inspector.session.location import new_session_path
    from inspector.session.reader import Session
    from inspector.session.writer import SessionWriter
    from inspector.verdict.analysis import analyse

    path = output or new_session_path(datetime.now())
    with SessionWriter.create(path, meta={"targets": json.dumps([url])}) as session:
        left_out = asyncio.run(ask(url, session.record, register=register, page=page))
    with Session.open(path) as recorded:
        analysis = analyse(recorded.exchanges())
    if format is Format.JSON:
        from inspector.report.contract import report_of

        typer.echo(report_of(str(path), analysis).model_dump_json(indent=2))
    elif format is Format.GITHUB:
        from inspector.report.gate import github_annotations

        typer.echo("\n".join(github_annotations(url, analysis.runs)))
    else:
        from inspector.report.text import verdict_lines

        for judged in analysis.runs:
            typer.echo("\n".join(("", *checklist_lines(checklist(judged)), "", *verdict_lines(judged.verdict))))
        for sentence in left_out:
            typer.echo(f"note: {sentence}")
    typer.echo(f"mcp-auth-inspector: the session is {path}", err=True)
    if any(finding.severity is Severity.ERROR for judged in analysis.runs for finding in findings_of(judged)):
        raise typer.Exit(EXIT_FINDINGS)
