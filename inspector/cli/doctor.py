"""`doctor`: what on this machine would keep a capture from working, one line each with the cure."""

import json
import os
from dataclasses import asdict
from typing import Annotated

import typer

EXIT_BAD = 1
_SIGNS = {"ok": "ok", "note": "i", "bad": "x", "absent": "-"}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False,
) -> None:
    """Say what on this machine would keep a capture from working, and the cure.

    Exit code 0: nothing does. 1: something does.

    Example: mcp-auth-inspector doctor
    """
    from inspector.capture.proxy import find_running
    from inspector.display import visible
    from inspector.doctor.check import Check, Health
    from inspector.doctor.machine import machine_checks
    from inspector.doctor.running import proxy_checks
    from inspector.doctor.trust import trust_checks
    from inspector.session.location import state_directory

    checks: list[Check] = []

    def say(check: Check) -> None:
        checks.append(check)
        if not as_json:
            typer.echo(f" {_SIGNS[check.health]:<2} {check.name:<22} {visible(check.says)}")
            if check.cure:
                typer.echo(f"    {'':<22} {visible(check.cure)}")

    for check in machine_checks(os.environ):
        say(check)
    for check in trust_checks(state_directory() / "certificates", os.environ):
        say(check)
    for proxy in find_running():
        for check in proxy_checks(proxy, os.environ):
            say(check)
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in checks], indent=2))
    if any(check.health is Health.BAD for check in checks):
        raise typer.Exit(EXIT_BAD)
