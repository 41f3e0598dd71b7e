"""`gateway` and `addon-path`: capture without changing more of a client than one URL, or than nothing."""

import os
import signal
from contextlib import suppress
from typing import Annotated

import typer

from inspector.cli.capture import (
    Patch,
    RecordAll,
    Resolve,
    SessionFile,
    UpstreamCa,
    UpstreamProxy,
    new_session,
    say,
    summarise,
)
from inspector.cli.check import EXIT_FINDINGS


def gateway(
    url: Annotated[str, typer.Argument(metavar="URL", help="The MCP server, as the client knows it.")],
    port: Annotated[
        int, typer.Option(help="Port of the gateway; 0 takes the one this server had before.", min=0, max=65535)
    ] = 0,
    takeover: Annotated[
        str,
        typer.Option(metavar="PORT_OR_URL", help="Take the server's own address; the server has moved to this one."),
    ] = "",
    relay_callback: Annotated[
        bool,
        typer.Option("--relay-callback", help="Record the authorization response too; login pages pass us by."),
    ] = False,
    session: SessionFile = None,
    record_all: RecordAll = False,
    upstream_ca: UpstreamCa = None,
    upstream_proxy: UpstreamProxy = "",
    resolve: Resolve = None,
    patch: Patch = None,
) -> None:
    """Stand before an MCP server; the client is given our URL, or with --takeover keeps the one it has.

    Authorization servers that the server's metadata names get an address here too. Runs until ctrl+c, and says then
    who is at fault.

    Example: mcp-auth-inspector gateway https://mcp.example.com/mcp
    """
    from inspector.capture.gateway import check_is_free, listens, moved_server
    from inspector.capture.proxy import ProxySettings, start_proxy
    from inspector.capture.recipes import Mode
    from inspector.capture.silence import silence_explained, what_is_lost, why_silent
    from inspector.session.reader import Session

    server = moved_server(url, takeover) if takeover else ""
    if server:
        check_is_free(url, server)
    proxy = start_proxy(
        ProxySettings(
            session=session or new_session(),
            record_all=record_all,
            exit_with=os.getpid(),
            upstream_ca=upstream_ca,
            upstream_proxy=upstream_proxy,
            resolve=tuple(resolve or ()),
            gateway=url,
            gateway_port=port,
            takeover=server,
            relay_callback=relay_callback,
            patches=tuple(patch or ()),
        )
    )
    mode = Mode.TAKEOVER if server else Mode.GATEWAY
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt), silence_explained(proxy, mode, say):
            with Session.open(proxy.session) as recorded:
                for incident in recorded.incidents():
                    say(incident.text)
            if server:
                say(
                    f"standing in for the server at {url}; clients stay as they are, and what they ask goes to {server}"
                )
                if not listens(server):
                    say(f"nobody answers at {server} yet: start the server there")
            else:
                say(f"give this URL to the client in place of {url}:")
            typer.echo(proxy.gateway)
            say("watch it live in another terminal: mcp-auth-inspector open      end it: ctrl+c")
            proxy.wait()
            say("the proxy has ended")
        lost = what_is_lost(proxy)
    finally:
        proxy.stop()
    if lost:
        say(lost)
    why = why_silent(proxy.session, mode, proxy.gateway)
    if summarise(proxy.session, why or f"has the client been given {proxy.gateway}, and been restarted?"):
        raise typer.Exit(EXIT_FINDINGS)


def addon_path() -> None:
    """Print the path of our mitmproxy addon, for those who have a mitmproxy running anyway.

    It records into a new session, which mitmproxy's log names, or into --set inspector_session=FILE.
    mitmproxy closes a connection on which nothing happens for ten minutes; --set tcp_timeout=86400 keeps event streams.

    Example: mitmweb -s "$(mcp-auth-inspector addon-path)"
    """
    from inspector.capture.proxy import ADDON

    typer.echo(ADDON)
