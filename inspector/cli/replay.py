"""`replay`: a recorded client performed again, as it was and with one thing changed."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inspector.cli.check import spare_recordings
from inspector.display import visible
from inspector.errors import ReplayFailure

if TYPE_CHECKING:
    from inspector.cli.replay_output import Done
    from inspector.replay.fixes import Fix
    from inspector.replay.perform import Progress
    from inspector.replay.profile import Profile
    from inspector.replay.reenact import Attempt
    from inspector.replay.wire import Record
    from inspector.verdict.model import Judged

_DIFFERENT = 1
_STOPPED = 130


def replay(
    session: Annotated[Path | None, typer.Argument(help="A session, a HAR file, or a mitmproxy flow file.")] = None,
    run: Annotated[
        int | None, typer.Option(metavar="N", help="Which sign-in; the last faulty one if left out.")
    ] = None,
    against: Annotated[
        str,
        typer.Option(
            metavar="SERVER",
            help="'reference', 'original' (its own servers; you sign in), or the URL of an MCP server of yours.",
        ),
    ] = "reference",
    authorization_server: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="With a URL in --against: an authorization server it may talk to."),
    ] = None,
    fix: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Perform it a second time with this change to the client.")
    ] = None,
    server_fault: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="The same with this fault of the reference servers.")
    ] = None,
    list_fixes: Annotated[bool, typer.Option("--list-fixes", help="Name every fix, and end.")] = False,
    profile: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Perform this profile instead of the recorded client.")
    ] = None,
    save_profile: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the recorded client as a profile, to read and edit.")
    ] = None,
    save_case: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a regression case for `verify`.")
    ] = None,
    step: Annotated[int | None, typer.Option(metavar="N", help="Send only the request of this step again.")] = None,
    to: Annotated[str, typer.Option(metavar="SERVER", help="'reference', 'original', or a URL.")] = "reference",
    set_part: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="PART=VALUE",
            help="Change it first: query:NAME=..., header:NAME=..., form:NAME=..., method=, path=, body=.",
        ),
    ] = None,
    drop_part: Annotated[
        list[str] | None,
        typer.Option("--drop", metavar="PART", help="Take out query:NAME, header:NAME or form:NAME."),
    ] = None,
    client_id: Annotated[
        str, typer.Option(metavar="ID", help="With --against original: a client it knows, instead of a new one.")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Send what would be asked about, without asking.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Perform a recorded client again, and prove what is wrong by changing one thing.

    The client is performed at the bundled reference servers, set up like those of the recording. What is sent becomes
    part of the session, as a sign-in of its own. With --step only one request is sent again, as it was recorded but
    for what you change, and its answer is shown beside the recorded one.

    Exit code 0: performed as recorded, and the change made the difference. 1: not so. 2: it could not be performed.

    Example: mcp-auth-inspector replay FILE --fix add-resource
    """
    if list_fixes:
        _print_fixes()
        return
    if session is None:
        raise typer.BadParameter("give the recording to perform, or --list-fixes", param_hint="SESSION")
    for output, option in ((save_case, "--save-case"), (save_profile, "--save-profile")):
        if output is not None:
            spare_recordings(output, [session], option)
    if step is not None:
        from inspector.cli.resend import resend

        changes = tuple(set_part or ()), tuple(drop_part or ())
        resend(session, run, step, to=to, set_parts=changes[0], drop_parts=changes[1], yes=yes, as_json=as_json)
        return
    with _recording(session, run) as (judged, record):
        try:
            done = asyncio.run(
                _performed(
                    judged,
                    record,
                    against,
                    tuple(authorization_server or ()),
                    tuple(fix or ()),
                    tuple(server_fault or ()),
                    profile,
                    save_profile,
                    client_id,
                    yes,
                )
            )
        except KeyboardInterrupt:
            typer.echo("mcp-auth-inspector: stopped; what was sent so far is in the session.", err=True)
            raise typer.Exit(_STOPPED) from None
    if save_case is not None:
        from inspector.replay.case import case_of
        from inspector.replay.case import save_case as write_case

        write_case(case_of(done.last), save_case)
        typer.echo(f"mcp-auth-inspector: the case is in {save_case}", err=True)
    typer.echo(json.dumps(done.table(), indent=2) if as_json else "\n".join(done.lines()))
    if not done.as_expected:
        raise typer.Exit(_DIFFERENT)


async def _performed(
    judged: "Judged",
    record: "Record",
    against: str,
    authorization_servers: tuple[str, ...],
    fix_names: tuple[str, ...],
    server_faults: tuple[str, ...],
    profile_file: Path | None,
    save_profile_to: Path | None,
    client_id: str,
    yes: bool,
) -> "Done":
    from inspector.cli.replay_output import Done
    from inspector.replay.fixes import fix_named
    from inspector.replay.from_run import completed, profile_of
    from inspector.replay.mirror import mirror_of
    from inspector.replay.profile import load_profile, save_profile
    from inspector.replay.reenact import proof_of, reenact, what_if

    fixes = [fix_named(name) for name in fix_names]
    whole = load_profile(profile_file) if profile_file else completed(profile_of(judged.run))
    if save_profile_to is not None:
        save_profile(whole, save_profile_to)
        typer.echo(f"mcp-auth-inspector: the profile is in {save_profile_to}", err=True)
    source = f"replay of run {judged.run.id}"
    if against != "reference":
        if server_faults:
            raise ReplayFailure("Faults can be switched on at the reference servers only; leave out --against.")
        if against == "original":
            from inspector.cli.at_original import at_original

            return await at_original(judged, whole, fixes, record, client_id=client_id, yes=yes, on_progress=_tell)
        before = await _at(whole, against, authorization_servers, source, record)
        if not fixes:
            return Done(judged, whole, None, (before,))
        after = await _at(_changed(whole, fixes), against, authorization_servers, f"{source} with the fix", record)
        return Done(judged, whole, None, (before, after), proof_of(judged, before, after, fixes, (), against))
    if not fixes and not server_faults:
        mirror = mirror_of(judged.run)
        only = await reenact(whole, mirror, label=source, record=record, on_progress=_tell)
        return Done(judged, whole, mirror, (only,))
    done = await what_if(
        judged, profile=whole, fixes=fixes, server_faults=server_faults, record=record, on_progress=_tell
    )
    return Done(judged, whole, done.mirror, (done.before, done.after), done.proof)


async def _at(
    profile: "Profile", mcp_url: str, authorization_servers: tuple[str, ...], label: str, record: "Record"
) -> "Attempt":
    from inspector.replay.reenact import attempt
    from inspector.replay.values import Values
    from inspector.replay.wire import Destinations

    destinations = Destinations((mcp_url, *authorization_servers))
    return await attempt(profile, Values(mcp_url), destinations, label=label, record=record, on_progress=_tell)


def _changed(profile: "Profile", fixes: "list[Fix]") -> "Profile":
    for fix in fixes:
        profile = fix.change(profile)
    return profile


def _tell(progress: "Progress") -> None:
    outcome = progress.outcome or "no answer"
    typer.echo(visible(f"{progress.label}: {progress.done}/{progress.total} {progress.what}, {outcome}"), err=True)


@contextmanager
def _recording(file: Path, number: int | None) -> "Iterator[tuple[Judged, Record]]":
    """The run to perform, and where to record it: in the session itself, or for another file in a new one."""
    from inspector.replay.keeping import place_for
    from inspector.session.importing import import_file
    from inspector.session.writer import SessionWriter
    from inspector.verdict.analysis import analyse

    recording = import_file(file)
    try:
        judged = chosen(analyse(recording.exchanges()).runs, number)
        path = place_for(recording).path
    finally:
        recording.close()
    with SessionWriter.append_to(path) as writer:
        yield judged, writer.record
    typer.echo(f"mcp-auth-inspector: recorded in {path}", err=True)


def chosen(runs: "tuple[Judged, ...]", number: int | None) -> "Judged":
    """The run of that number; else the last with a fault that is no replay itself, else the last that is none."""
    from inspector.session.model import Source

    recorded = [j for j in runs if any(m.exchange.source is not Source.REPLAY for m in j.run.messages)]
    if number is not None:
        found = [judged for judged in runs if judged.run.id == number]
    else:
        found = [judged for judged in recorded if judged.checked.errors] or recorded
    if not found:
        there = ", ".join(str(judged.run.id) for judged in runs) or "none"
        which = f"run {number}" if number is not None else "sign-in to perform"
        raise ReplayFailure(f"There is no {which} in this recording; there is: {there}.")
    return found[-1]


def _print_fixes() -> None:
    from inspector.replay.fixes import FIXES

    for fix in FIXES:
        typer.echo(f"{fix.name}\n    {fix.description}\n    for {', '.join(fix.rules)}")
