"""`demo`: the reference story, live, with no account anywhere."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from inspector.cli.check import EXIT_FINDINGS
from inspector.cli.view import need_terminal
from inspector.errors import ReferenceFailure

if TYPE_CHECKING:
    from inspector.capture.proxy import RunningProxy
    from inspector.reference.pair import Reference
    from inspector.reference.profile import Profile

_RESOURCE = ("resource", "$resource")


def demo(
    text: Annotated[bool, typer.Option("--text", help="Print the verdict instead of opening the screen.")] = False,
    pace: Annotated[float, typer.Option(help="Seconds between two steps of the clients.", min=0.0)] = 0.3,
) -> None:
    """Watch a client get in with `resource`, and the same client fail without it.

    Everything runs here: an MCP server, an AuthKit emulator, the proxy, and a scripted client that signs in twice.

    Example: mcp-auth-inspector demo
    """
    from inspector.capture.proxy import ProxySettings, start_proxy
    from inspector.session.location import new_session_path
    from inspector.session.reader import Session

    if not text:
        need_terminal("`mcp-auth-inspector demo --text` prints the verdict")
    import os

    with _servers() as pair:
        proxy = start_proxy(
            ProxySettings(
                session=new_session_path(datetime.now().astimezone()), targets=(pair.mcp_url,), exit_with=os.getpid()
            )
        )
        try:
            clients = threading.Thread(
                target=_sign_in_twice, args=(pair.mcp_url, proxy, 0.0 if text else pace), daemon=True
            )
            clients.start()
            if not text:
                from inspector.tui.app import run_app
                from inspector.tui.opening import live_feed

                run_app(live_feed(Session.open(proxy.session), proxy, title="demo"), proxy_label=proxy.url)
            else:
                clients.join()
        finally:
            proxy.stop()
    typer.echo(f"mcp-auth-inspector: the session is {proxy.session}", err=True)
    if text and _print_verdicts(proxy):
        raise typer.Exit(EXIT_FINDINGS)


def _print_verdicts(proxy: "RunningProxy") -> bool:
    from inspector.report.text import text_report
    from inspector.session.reader import Session
    from inspector.verdict.analysis import analyse

    with Session.open(proxy.session) as session:
        analysis = analyse(session.exchanges())
    typer.echo(text_report(session.source, analysis), nl=False)
    return any(judged.checked.errors for judged in analysis.runs)


def _sign_in_twice(mcp_url: str, proxy: "RunningProxy", pace: float) -> None:
    """Play the client of the story with the one parameter added, and then as it is: the screen ends on the fault."""
    from inspector.reference.client import perform
    from inspector.reference.profile import load_profile

    broken = load_profile("warp")
    for profile in (with_resource(broken), broken):
        asyncio.run(perform(profile, mcp_url, proxy=proxy.url, on_step=lambda step: time.sleep(pace)))


def with_resource(profile: "Profile") -> "Profile":
    """The same client, sending `resource` on every leg (RFC 8707 section 2)."""
    return replace(
        profile,
        authorize=(*profile.authorize, _RESOURCE),
        token=(*profile.token, _RESOURCE),
        refresh=(*profile.refresh, _RESOURCE),
    )


@contextmanager
def _servers() -> "Iterator[Reference]":
    """Both reference servers in a thread of their own, on their usual ports or, where taken, on free ones."""
    from inspector.reference.pair import AUTHKIT_PORT, MCP_PORT, Reference

    started: list[Reference | Exception] = []
    ready, over = threading.Event(), threading.Event()

    async def serve() -> None:
        try:
            try:
                pair = await Reference(mcp_port=MCP_PORT, authkit_port=AUTHKIT_PORT).__aenter__()
            except ReferenceFailure:
                pair = await Reference().__aenter__()
        except Exception as problem:
            started.append(problem)
            ready.set()
            return
        started.append(pair)
        ready.set()
        await asyncio.to_thread(over.wait)
        await pair.__aexit__(None, None, None)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    ready.wait()
    try:
        if isinstance(started[0], Exception):
            raise started[0]
        yield started[0]
    finally:
        over.set()
        thread.join(timeout=5)
