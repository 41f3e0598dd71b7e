"""One recorded request sent again: what `replay SESSION --step N` does."""

import asyncio
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from inspector.errors import ReplayFailure
from inspector.protocol import urls

if TYPE_CHECKING:
    from inspector.timeline.message import Message
    from inspector.verdict.model import Judged

_DIFFERENT = 1


def agreed(lines: Iterable[str], *, yes: bool) -> None:
    """Say what is about to happen, and go on only when the user agrees; `yes` is agreement given beforehand.

    Raises ReplayFailure when nobody can be asked, typer.Exit when the answer is no.
    """
    for line in lines:
        typer.echo(line, err=True)
    if yes:
        return
    if not sys.stdin.isatty():
        raise ReplayFailure("Nothing was sent, as nobody can be asked here; give --yes if this is what you want.")
    if not typer.confirm("Go on?", err=True):
        typer.echo("mcp-auth-inspector: nothing was sent", err=True)
        raise typer.Exit(_DIFFERENT)


def resend(
    file: Path,
    run: int | None,
    step: int,
    *,
    to: str,
    set_parts: tuple[str, ...],
    drop_parts: tuple[str, ...],
    yes: bool,
    as_json: bool,
) -> None:
    """Send the request of a step again, print its answer beside the recorded one, and end with the exit code."""
    from inspector.cli.replay import chosen
    from inspector.replay.edits import edited, parsed, request_of
    from inspector.replay.keeping import place_for
    from inspector.replay.single import ORIGINAL, REFERENCE, departure, send_again, send_to_reference
    from inspector.session.importing import import_file
    from inspector.session.writer import SessionWriter
    from inspector.verdict.analysis import analyse

    edits = parsed(set_parts, drop_parts)
    recording = import_file(file)
    try:
        judged = chosen(analyse(recording.exchanges()).runs, run)
        message = message_of(judged, step)
        request = edited(request_of(message.exchange), edits)
        label = f"replay of step {step} of run {judged.run.id}"
        leaving = None
        if to != REFERENCE:
            leaving = departure(judged.run, request, urls.origin(request.url) if to == ORIGINAL else to)
            if to == ORIGINAL or leaving.secrets:
                agreed(leaving.lines(), yes=yes)
        place = place_for(recording)
    finally:
        recording.close()
    with SessionWriter.append_to(place.path) as writer:
        if leaving is None:
            sending = send_to_reference(judged.run, message, request, record=writer.record, label=label)
        else:
            sending = send_again(message.exchange, leaving, record=writer.record, label=label)
        sent = asyncio.run(sending)
    typer.echo(json.dumps(sent.table(), indent=2) if as_json else "\n".join(sent.lines()))
    typer.echo(f"mcp-auth-inspector: recorded in {place.path}", err=True)
    if sent.differences:
        raise typer.Exit(_DIFFERENT)


def message_of(judged: "Judged", number: int) -> "Message":
    """The request that stands for a step: the one that was answered well, else the last.

    Raises ReplayFailure when there is none.
    """
    step = next((each for each in judged.run.steps if each.id == number), None)
    if step is None:
        raise ReplayFailure(f"Run {judged.run.id} has no step {number}; it has 1 to {len(judged.run.steps)}.")
    found = [message for message in judged.run.messages if message.id in step.exchanges]
    if not found:
        raise ReplayFailure(f"Step {number} of run {judged.run.id} was not captured, so it cannot be sent again.")
    return next((each for each in found if each.status is not None and each.status < 400), found[-1])
