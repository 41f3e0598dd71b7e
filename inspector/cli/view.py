"""`open`: show a recording, or the capture that is running."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inspector.errors import CaptureError

if TYPE_CHECKING:
    from inspector.capture.proxy import RunningProxy
    from inspector.session.reader import Session
    from inspector.tui.feed import Feed


def open_recording(
    file: Annotated[
        Path | None, typer.Argument(help="A session, a HAR file, or a mitmproxy flow file; none: the running capture.")
    ] = None,
) -> None:
    """Show a recording on the screen, or the capture that is running.

    Example: mcp-auth-inspector open capture.har
    """
    need_terminal("`mcp-auth-inspector check FILE` prints the same as text")
    from inspector.tui.app import run_app

    feed, proxy = _feed_of(file) if file else _running_feed()
    run_app(feed, proxy_label=proxy)


def need_terminal(instead: str) -> None:
    """Refuse to draw where nobody can see it. CaptureError says what to use instead."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise CaptureError(f"This needs a terminal to draw on; {instead}.")


def _feed_of(file: Path) -> "tuple[Feed, str]":
    from inspector.capture.proxy import find_running
    from inspector.session.importing import import_file
    from inspector.session.reader import Session
    from inspector.tui.feed import FinishedFeed, SessionFeed

    recording = import_file(file)
    for warning in recording.warnings:
        typer.echo(f"warning: {warning}", err=True)
    if not isinstance(recording, Session):
        return FinishedFeed(list(recording.exchanges()), source=recording.source), ""
    writing = [proxy for proxy in find_running() if proxy.session.resolve() == file.resolve()]
    if writing:
        return live_feed(recording, writing[0]), writing[0].gateway or writing[0].url
    return SessionFeed(recording, source=str(file)), ""


def _running_feed() -> "tuple[Feed, str]":
    from inspector.capture.proxy import find_running
    from inspector.session.reader import Session

    running = find_running()
    if not running:
        raise CaptureError(
            "No capture is running; start one with `mcp-auth-inspector run -- COMMAND`, name a file to open, "
            "or try `mcp-auth-inspector demo`."
        )
    return live_feed(Session.open(running[-1].session), running[-1]), running[-1].gateway or running[-1].url


def live_feed(session: "Session", proxy: "RunningProxy", title: str = "live") -> "Feed":
    """What the proxy writes, as it writes it."""
    from inspector.capture.watch import changes
    from inspector.tui.feed import SessionFeed

    return SessionFeed(session, lambda: changes(proxy), source=str(proxy.session), title=title)
