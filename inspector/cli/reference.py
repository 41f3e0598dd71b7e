"""`reference`: the bundled MCP server and AuthKit emulator, to point any client at."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Annotated

import typer


def reference(
    port: Annotated[int, typer.Option(help="Port of the MCP server; 0 takes a free one.")] = 3001,
    authkit_port: Annotated[int, typer.Option(help="Port of the AuthKit emulator; 0 takes a free one.")] = 3002,
    auto_approve: Annotated[bool, typer.Option("--auto-approve", help="Skip the sign-in page.")] = False,
    no_resource_indicators: Annotated[
        bool, typer.Option("--no-resource-indicators", help="As a new AuthKit environment: `resource` is ignored.")
    ] = False,
    default_resource_indicator: Annotated[
        bool, typer.Option("--default-resource-indicator", help="Clients that omit `resource` get the MCP server's.")
    ] = False,
    accept_any_audience: Annotated[
        bool, typer.Option("--accept-any-audience", help="The fault of a server that does not look at `aud`.")
    ] = False,
) -> None:
    """Serve a minimal MCP server and an AuthKit emulator on loopback, until ctrl+c.

    Example: mcp-auth-inspector reference --no-resource-indicators
    """
    from inspector.reference.pair import Reference, serve
    from inspector.reference.settings import DEMO, MCP_URL

    settings = replace(
        DEMO,
        auto_approve=auto_approve,
        resource_indicators=() if no_resource_indicators else DEMO.resource_indicators,
        default_resource_indicator=MCP_URL if default_resource_indicator else None,
        accept_any_audience=accept_any_audience,
    )

    def ready(pair: Reference) -> None:
        typer.echo(f"MCP server            {pair.mcp_url}")
        typer.echo(f"Authorization server  {pair.issuer}")
        typer.echo("Point a client at the MCP server. ctrl+c ends both.", err=True)

    with suppress(KeyboardInterrupt):
        asyncio.run(serve(settings, mcp_port=port, authkit_port=authkit_port, on_ready=ready))
