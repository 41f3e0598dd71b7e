"""`reference`: the bundled MCP server and AuthKit emulator, to point any client at."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from inspector.errors import ReferenceFailure

if TYPE_CHECKING:
    from inspector.reference.pair import Reference

_LOOPBACK = ("127.0.0.1", "localhost")


def reference(
    port: Annotated[int, typer.Option(help="Port of the MCP server; 0 takes a free one.")] = 3001,
    authkit_port: Annotated[int, typer.Option(help="Port of the AuthKit emulator; 0 takes a free one.")] = 3002,
    fault: Annotated[
        list[str] | None, typer.Option("--fault", metavar="NAME", help="Go wrong in this way; may be repeated.")
    ] = None,
    list_faults: Annotated[bool, typer.Option("--list-faults", help="Name every fault, and end.")] = False,
    control: Annotated[
        bool, typer.Option("--control", help="Let programs exchange the faults at /_control/faults.")
    ] = False,
    auto_approve: Annotated[bool, typer.Option("--auto-approve", help="Skip the sign-in page.")] = False,
    default_resource_indicator: Annotated[
        bool, typer.Option("--default-resource-indicator", help="Clients that omit `resource` get the MCP server's.")
    ] = False,
    pre_registered_client: Annotated[
        bool, typer.Option("--pre-registered-client", help="Sign clients in under one client id of the MCP server.")
    ] = False,
    token_lifetime: Annotated[int, typer.Option(help="Seconds an access token lives.", min=1)] = 3600,
    host: Annotated[str, typer.Option(help="127.0.0.1, and nothing else.")] = _LOOPBACK[0],
) -> None:
    """Serve a minimal MCP server and an AuthKit emulator on loopback, until ctrl+c.

    Example: mcp-auth-inspector reference --fault aud-trailing-slash
    """
    from inspector.reference.settings import DEMO, MCP_URL

    if host not in _LOOPBACK:
        raise ReferenceFailure(
            "The reference servers listen on 127.0.0.1 only, because they let anybody sign in as anybody; "
            f"leave out --host {host}, and reach them from elsewhere by a tunnel of your own."
        )
    if list_faults:
        _print_faults()
        return
    settings = replace(
        DEMO,
        auto_approve=auto_approve,
        default_resource_indicator=MCP_URL if default_resource_indicator else None,
        pre_registered_client=pre_registered_client,
        token_lifetime=token_lifetime,
    )

    def ready(pair: "Reference") -> None:
        typer.echo(f"MCP server            {pair.mcp_url}")
        typer.echo(f"Authorization server  {pair.issuer}")
        if pair.faults:
            typer.echo(f"Faults                {', '.join(pair.faults)}")
        typer.echo("Point a client at the MCP server. ctrl+c ends both.", err=True)

    from inspector.reference.pair import serve

    with suppress(KeyboardInterrupt):
        asyncio.run(
            serve(
                settings,
                faults=tuple(dict.fromkeys(fault or ())),
                control=control,
                mcp_port=port,
                authkit_port=authkit_port,
                on_ready=ready,
            )
        )


def _print_faults() -> None:
    from inspector.reference.faults import FAULTS

    for fault in FAULTS:
        typer.echo(f"{fault.name}  {fault.side}\n    {fault.description}")
        if fault.provokes:
            typer.echo(f"    provokes {', '.join(fault.provokes)}")
