"""`probe-indicator`: whether AuthKit knows a resource indicator, without access to its dashboard."""

import asyncio
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inspector.cli.resend import agreed

if TYPE_CHECKING:
    from inspector.replay.indicator_probe import Question
    from inspector.replay.wire import Record

_NOT_CONFIGURED = 1
_CANNOT_TELL = 3


def probe_indicator(
    target: Annotated[str, typer.Argument(metavar="URL_OR_SESSION", help="An MCP server's URL, or a recording.")],
    client_id: Annotated[
        str | None, typer.Option(metavar="ID", help="A client that the authorization server knows.")
    ] = None,
    register: Annotated[
        bool, typer.Option("--register", help="Register a client for this, and remove it where that is offered.")
    ] = False,
    resource: Annotated[
        str | None, typer.Option(metavar="URI", help="The resource to ask about, if not the server's own.")
    ] = None,
    run: Annotated[int | None, typer.Option(metavar="N", help="With a recording: which sign-in.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Send the requests without asking.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Find out whether a resource indicator is configured in AuthKit, without its dashboard.

    Sends three token requests with a made-up code, which give no token: without a resource, with yours, and with a
    made-up one. How they are refused tells. Says before what it will send, and asks.

    Exit code 0: configured. 1: not configured. 2: it could not be asked. 3: the answers do not tell.

    Example: mcp-auth-inspector probe-indicator http://localhost:3001/mcp --register
    """
    from inspector.replay.indicator_probe import Says, ask
    from inspector.session.location import new_session_path
    from inspector.session.writer import SessionWriter

    path = new_session_path(datetime.now().astimezone())
    with SessionWriter.create(path, meta={}) as session:
        question = _question(target, session.record, client_id, register, resource, run, yes=yes)
        agreed(("This will be sent:", *question.lines()), yes=yes)
        answer = asyncio.run(ask(question, record=session.record))
    typer.echo(json.dumps(answer.table(), indent=2) if as_json else "\n".join(answer.lines()))
    typer.echo(f"mcp-auth-inspector: recorded in {path}", err=True)
    if answer.says is not Says.CONFIGURED:
        raise typer.Exit(_NOT_CONFIGURED if answer.says is Says.NOT_CONFIGURED else _CANNOT_TELL)


def _question(
    target: str,
    record: "Record",
    client_id: str | None,
    register: bool,
    resource: str | None,
    run: int | None,
    *,
    yes: bool,
) -> "Question":
    """What to ask; a client is registered only where the user said so.

    Raises ReplayFailure where that cannot be told, or there is no client to ask with.
    """
    from dataclasses import replace

    from inspector.errors import ReplayFailure
    from inspector.replay.indicator_probe import discovered, question_of

    if target.startswith(("http://", "https://")):

        def may_ask(origin: str) -> bool:
            agreed((f"The server's metadata names {origin}, whose metadata is read next.",), yes=yes)
            return True

        asked = asyncio.run(discovered(target, record=record, may_ask=may_ask, client_id=client_id, resource=resource))
    else:
        from inspector.cli.replay import chosen
        from inspector.session.importing import import_file
        from inspector.verdict.analysis import analyse

        recording = import_file(Path(target))
        try:
            judged = chosen(analyse(recording.exchanges()).runs, run)
        finally:
            recording.close()
        asked = question_of(judged.run, client_id=client_id, resource=resource)
    if register:
        return replace(asked, client_id=None)
    if asked.client_id is None:
        raise ReplayFailure("A client is needed to ask with: give --client-id, or --register to have one registered.")
    return asked
