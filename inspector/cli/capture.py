"""`run` and `env`: put the proxy between a client and its servers."""

import os
import re
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inspector.cli.check import EXIT_FINDINGS
from inspector.cli.node import goes_around

if TYPE_CHECKING:
    from inspector.capture.environment import ClientVariable
    from inspector.capture.proxy import RunningProxy

Server = Annotated[
    list[str] | None,
    typer.Option("--server", metavar="URL", help="The MCP server to look at; needed for https, may be repeated."),
]
SessionFile = Annotated[Path | None, typer.Option("--session", help="Where to keep the session.")]
Port = Annotated[int, typer.Option(help="Port of the proxy; 0 takes a free one.", min=0, max=65535)]
RecordAll = Annotated[bool, typer.Option("--record-all", help="Record everything, not the sign-in alone.")]
NoRecorder = Annotated[
    bool,
    typer.Option("--no-authorize-recorder", help="Leave authorization_endpoint as it is; the browser leg is not seen."),
]
Patch = Annotated[
    list[str] | None,
    typer.Option("--patch", metavar="NAME[=VALUE]", help="Change what is sent, such as add-resource; may be repeated."),
]
ClientName = Annotated[
    str, typer.Option("--client", metavar="NAME", help="What the recipe of this client knows; see: recipes.")
]
UpstreamProxy = Annotated[
    str,
    typer.Option(
        "--upstream-proxy",
        metavar="URL",
        envvar="MCP_AUTH_INSPECTOR_UPSTREAM_PROXY",
        help="Proxy of your network; one with a password is better given in the environment.",
    ),
]
Resolve = Annotated[
    list[str] | None,
    typer.Option("--resolve", metavar="HOST:PORT:ADDRESS", help="Where a name is found, as for curl; may be repeated."),
]
UpstreamCa = Annotated[Path | None, typer.Option("--upstream-ca", help="PEM file of a CA your servers are signed by.")]


def run(
    command: Annotated[
        list[str] | None, typer.Argument(metavar="COMMAND...", help="The client, as you start it.")
    ] = None,
    client: ClientName = "",
    server: Server = None,
    session: SessionFile = None,
    port: Port = 0,
    record_all: RecordAll = False,
    no_authorize_recorder: NoRecorder = False,
    upstream_ca: UpstreamCa = None,
    upstream_proxy: UpstreamProxy = "",
    resolve: Resolve = None,
    patch: Patch = None,
) -> None:
    """Start a client with the proxy in between, and say who is at fault when it ends.

    The client keeps the terminal, its input and its output; what we say goes to standard error. URLs on its command
    line are taken as the servers to look at.

    Exit code: that of the client where it is not 0, else 1 when something is wrong.

    Example: mcp-auth-inspector run -- npx mcp-remote http://localhost:3001/mcp
    """
    from inspector.capture.launch import program_of, run_client
    from inspector.capture.proxy import ProxySettings, start_proxy
    from inspector.capture.recipes import Mode, recipe
    from inspector.capture.shims import browser_shims
    from inspector.capture.silence import silence_explained, what_is_lost, why_silent

    words = recipe(client).command(command or (), server[0] if server else "") if client else command or ()
    program_of(words, os.environ)  # a slip of the pen is said at once, and leaves no empty session
    proxy = start_proxy(
        ProxySettings(
            session=session or new_session(),
            port=port,
            targets=(*(server or ()), *_urls_in(words)),
            record_all=record_all,
            authorize_recorder=not no_authorize_recorder,
            exit_with=os.getpid(),
            upstream_ca=upstream_ca,
            upstream_proxy=upstream_proxy,
            resolve=tuple(resolve or ()),
            patches=tuple(patch or ()),
        )
    )
    try:
        say(f"capturing through {proxy.url}; watch it live in another terminal: mcp-auth-inspector open")
        if around := goes_around(words):
            say(around)
        changed = [variable.name for variable in _variables(proxy)]
        with browser_shims(proxy, os.environ, changed) as shims, silence_explained(proxy, Mode.RUN, say):
            variables = {variable.name: variable.value for variable in _variables(proxy, shims)}
            code = run_client(words, {**os.environ, **variables})
        survived, lost = proxy.alive, what_is_lost(proxy)
    finally:
        proxy.stop()
    say(f"the client ended with exit code {code}")
    if not survived:
        say("the proxy ended before the client did, so the recording is not whole")
    if lost:
        say(lost)
    why = around or why_silent(proxy.session, Mode.RUN, proxy.url)
    wrong = summarise(proxy.session, why or "does the client read proxy variables? https needs --server URL")
    if code or wrong:
        raise typer.Exit(code or EXIT_FINDINGS)


class EnvFormat(StrEnum):
    """How `env` prints the variables."""

    POSIX = "posix"
    FISH = "fish"
    POWERSHELL = "powershell"
    JSON = "json"


def env(
    client: ClientName = "",
    server: Server = None,
    format: Annotated[EnvFormat, typer.Option("--format", "-f", help="For which shell, or JSON.")] = EnvFormat.POSIX,
    session: SessionFile = None,
    port: Port = 0,
    record_all: RecordAll = False,
    no_authorize_recorder: NoRecorder = False,
    upstream_ca: UpstreamCa = None,
    upstream_proxy: UpstreamProxy = "",
    resolve: Resolve = None,
    stop: Annotated[bool, typer.Option("--stop", help="Stop capturing, and say where the sessions are.")] = False,
) -> None:
    """Print the variables that send a client through the proxy, which is started if none runs.

    The proxy stays until `env --stop`. The JSON form goes into a client's configuration, under `env`; with --client
    the whole block for that client is printed, where it has one.

    Example: eval "$(mcp-auth-inspector env --server http://localhost:3001/mcp)"
    """
    from inspector.capture.environment import as_json, as_shell
    from inspector.capture.proxy import ProxySettings, find_running, start_proxy
    from inspector.capture.recipes import Mode, recipe

    known = recipe(client) if client else None
    if known is not None:
        known.way(Mode.ENV)
    running = [proxy for proxy in find_running() if not proxy.attached]
    if stop:
        for proxy in running:
            proxy.stop()
            say(f"stopped; the session is {proxy.session}")
        if not running:
            say("no capture was running")
        elif any(proxy.url in os.environ.values() for proxy in running):
            say("this shell still sends its programs to the proxy that has ended; go on in a new one")
        return
    if running and session is None and port in (0, running[-1].port):
        proxy = running[-1]
        for url in server or ():
            proxy.add_target(url)
        say(f"using the capture that runs on {proxy.url}")
    else:
        proxy = start_proxy(
            ProxySettings(
                session=session or new_session(),
                port=port,
                targets=tuple(server or ()),
                record_all=record_all,
                authorize_recorder=not no_authorize_recorder,
                upstream_ca=upstream_ca,
                upstream_proxy=upstream_proxy,
                resolve=tuple(resolve or ()),
            )
        )
        say(f"capturing through {proxy.url} to {proxy.session}")
    say("watch it: mcp-auth-inspector open      end it: mcp-auth-inspector env --stop")
    variables = _variables(proxy)
    if known is not None:
        block = known.block(variables, server[0] if server else "")
        say(known.way(Mode.ENV).say)
        if block is not None:
            for place in known.places:
                say(f"the configuration is {place}")
            typer.echo(block)
            return
        variables = known.needed(variables)
    match format:
        case EnvFormat.JSON:
            typer.echo(as_json(variables))
        case EnvFormat.POSIX:
            typer.echo(as_shell(variables, "posix"), nl=False)
        case EnvFormat.FISH:
            typer.echo(as_shell(variables, "fish"), nl=False)
        case EnvFormat.POWERSHELL:
            typer.echo(as_shell(variables, "powershell"), nl=False)


def _variables(proxy: "RunningProxy", shims: Path | None = None) -> "tuple[ClientVariable, ...]":
    from inspector.capture.ca_bundle import write_ca_bundle
    from inspector.capture.environment import client_variables

    return client_variables(proxy.url, write_ca_bundle(proxy.ca_certificate, os.environ), os.environ, shims)


def new_session() -> Path:
    """Where a session goes that the user has not named."""
    from inspector.session.location import new_session_path

    return new_session_path(datetime.now().astimezone())


def _urls_in(command: Sequence[str]) -> tuple[str, ...]:
    return tuple(word for word in command if re.match(r"https?://[^\s]+$", word))


def summarise(session: Path, nothing_seen: str) -> bool:
    """Print the verdict on every run to standard error; True when there is a finding of severity error."""
    from inspector.report.text import verdict_lines
    from inspector.session.reader import Session
    from inspector.timeline.message import Kind
    from inspector.verdict.analysis import analyse

    with Session.open(session) as recorded:
        runs, count = analyse(recorded.exchanges()).runs, recorded.count
        incidents = [incident.text for incident in recorded.incidents()]
    for text in incidents:
        say(text)
    for judged in runs:
        typer.echo("", err=True)
        for line in verdict_lines(judged.verdict):
            typer.echo(line, err=True)
    if not any(message.kind is Kind.MCP for judged in runs for message in judged.run.messages):
        say(f"no request to an MCP server was seen: {nothing_seen}")
    if count:
        typer.echo("", err=True)
        say(f"{'the whole sign-in' if runs else 'what was recorded'}: mcp-auth-inspector open {session}")
    return any(judged.checked.errors for judged in runs)


def say(text: str) -> None:
    """Tell the user something without touching standard output, which belongs to the client."""
    from inspector.display import visible

    typer.echo(f"mcp-auth-inspector: {visible(text)}", err=True)
