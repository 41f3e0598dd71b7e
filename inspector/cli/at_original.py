"""A recorded client performed at its own servers: what `replay SESSION --against original` does."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from inspector.cli.resend import agreed
from inspector.display import visible

if TYPE_CHECKING:
    from inspector.cli.replay_output import Done
    from inspector.replay.fixes import Fix
    from inspector.replay.perform import OnProgress
    from inspector.replay.profile import Profile
    from inspector.replay.reenact import Attempt
    from inspector.replay.wire import Record
    from inspector.verdict.model import Judged


async def at_original(
    judged: "Judged",
    profile: "Profile",
    fixes: "Sequence[Fix]",
    record: "Record",
    *,
    client_id: str,
    yes: bool,
    on_progress: "OnProgress",
) -> "Done":
    """Say what will be sent and created, ask, and perform the client once, and with fixes a second time.

    Raises ReplayFailure when nobody can be asked or a request cannot be sent.
    """
    from inspector.cli.replay_output import Done
    from inspector.protocol import urls
    from inspector.replay.loopback import LoopbackLogin
    from inspector.replay.original import perform_at_original, plan_of
    from inspector.replay.reenact import proof_of

    plan = plan_of(judged.run, profile, client_id=client_id)
    twice = ("All of this happens twice: as recorded, and with the change.",) if fixes else ()
    agreed((*plan.lines(), *twice), yes=yes)

    def changed(profile: "Profile") -> "Profile":
        for fix in fixes:
            profile = fix.change(profile)
        return profile

    label = f"replay of run {judged.run.id} at its own servers"
    names = ", ".join(fix.name for fix in fixes)
    attempts: list[Attempt] = []
    for what, change in ((label, None), (f"{label} with {names}", changed))[: 2 if fixes else 1]:
        async with LoopbackLogin(_tell_login) as login:
            done = await perform_at_original(
                plan, record=record, login=login, change=change, label=what, on_progress=on_progress
            )
        attempts.append(done.attempt)
        for remark in done.remarks:
            typer.echo(visible(f"mcp-auth-inspector: {remark}"), err=True)
    proof = None
    if fixes:
        proof = proof_of(judged, attempts[0], attempts[1], fixes, (), urls.origin(judged.run.server_url))
    return Done(judged, plan.profile, None, tuple(attempts), proof)


def _tell_login(url: str) -> None:
    typer.echo("Sign in in your browser; if none opens, go to", err=True)
    typer.echo(f"  {visible(url)}", err=True)
