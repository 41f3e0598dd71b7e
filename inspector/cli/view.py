"""`open`: show a recording, or the capture that is running."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from inspector.errors import CaptureError

Ascii = Annotated[bool, typer.Option("--ascii", help="Draw with ASCII characters only.")]


def open_recording(
    file: Annotated[
        Path | None, typer.Argument(help="A session, a HAR file, or a mitmproxy flow file; none: the running capture.")
    ] = None,
    ascii_only: Ascii = False,
) -> None:
    """Show a recording on the screen, or the capture that is running; with neither, how to begin.

    Example: mcp-auth-inspector open capture.har
    """
    need_terminal("`mcp-auth-inspector check FILE` prints the same as text")
    from inspector.tui.app import run_app
    from inspector.tui.opening import open_path, open_running

    opened = None
    if file is not None:
        opened = open_path(file)
    else:
        with suppress(CaptureError):
            opened = open_running()
    if opened is None:
        code = run_app(ascii_only=ascii_only)
    else:
        code = run_app(opened.feed, proxy_label=opened.proxy_label, ascii_only=ascii_only)
    raise typer.Exit(code)


def need_terminal(instead: str) -> None:
    """Refuse to draw where nobody can see it. CaptureError says what to use instead."""
    drawn_elsewhere = bool(os.environ.get("TEXTUAL_DRIVER"))  # as `serve` does: the pipes lead to a browser
    if not drawn_elsewhere and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise CaptureError(f"This needs a terminal to draw on; {instead}.")
