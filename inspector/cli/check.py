"""`check`: the verdict on a recording, for people, pipes and continuous integration."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from inspector.protocol.revisions import REVISIONS

EXIT_FINDINGS = 1

Revision = Annotated[
    str,
    typer.Option(
        "--revision",
        metavar="REVISION",
        help=f"Take the requirements of this MCP revision instead of the inferred one: {', '.join(REVISIONS)}.",
    ),
]


class Format(StrEnum):
    """What `check` prints."""

    TEXT = "text"
    JSON = "json"


def check(
    file: Annotated[Path, typer.Argument(help="A session, a HAR file, or a mitmproxy flow file.")],
    format: Annotated[Format, typer.Option("--format", "-f", help="What to print.")] = Format.TEXT,
    revision: Revision = "",
) -> None:
    """Say who is at fault in a recording.

    Exit code 0: no finding of severity error. 1: at least one. 2: the file cannot be read.

    Example: mcp-auth-inspector check capture.har --format json
    """
    from inspector.session.importing import import_file
    from inspector.verdict.analysis import analyse

    recording = import_file(file)
    try:
        for warning in recording.warnings:
            typer.echo(f"warning: {warning}", err=True)
        analysis = analyse(recording.exchanges(), known_revision(revision))
    finally:
        recording.close()
    if format is Format.JSON:
        from inspector.report.contract import report_of

        typer.echo(report_of(recording.source, analysis).model_dump_json(indent=2))
    else:
        from inspector.report.text import text_report

        typer.echo(text_report(recording.source, analysis), nl=False)
    if any(judged.checked.errors for judged in analysis.runs):
        raise typer.Exit(EXIT_FINDINGS)


def known_revision(revision: str) -> str:
    """The revision when it is one we know, or empty; anything else is a usage error."""
    if revision and revision not in REVISIONS:
        raise typer.BadParameter(f"{revision!r} is not one of {', '.join(REVISIONS)}", param_hint="--revision")
    return revision
