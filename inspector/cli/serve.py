"""`serve`: the same screens in a browser on this machine."""

import secrets
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inspector.errors import CaptureError

if TYPE_CHECKING:
    from aiohttp import web
    from textual_serve.server import Server

_HOST = "127.0.0.1"
_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
    "img-src 'self' data:; connect-src 'self' ws://{authority}; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""The page loads nothing from elsewhere, also not the fonts its template names, and stands in no other page."""


def serve(
    file: Annotated[
        Path | None, typer.Argument(help="A session, a HAR file, or a mitmproxy flow file; none: the running capture.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)] = 0,
) -> None:
    """Show the screens in a browser on this machine; the address is printed, and works for nobody who does not know it.

    Example: mcp-auth-inspector serve capture.har
    """
    try:
        import textual_serve.server  # noqa: F401  asked for before anything is started
    except ImportError:
        raise CaptureError(
            f"This needs the package textual-serve; install it with: {sys.executable} -m pip install textual-serve"
        ) from None
    if file is not None:
        from inspector.session.files import open_input

        open_input(file).close()
    with _listener(port) as listener:
        address = f"{_HOST}:{listener.getsockname()[1]}"
        token = secrets.token_urlsafe(32)
        typer.echo(f"http://{address}/{token}/")
        typer.echo("mcp-auth-inspector: open this address in a browser on this machine; ctrl+c ends it", err=True)
        run(token, address, listener, file)


def run(token: str, address: str, listener: socket.socket, file: Path | None) -> None:
    """Answer on a listening socket until interrupted."""
    from aiohttp import web

    web.run_app(guarded_app(token, address, file), sock=listener, print=None, access_log=None)


async def guarded_app(token: str, address: str, file: Path | None) -> "web.Application":
    """The application below `/token/`; whatever does not name our own address and the token gets no answer but 404."""
    from aiohttp import web
    from aiohttp.typedefs import Handler

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        # A page of another site reaches us by a name of its own (DNS rebinding) or with its own origin.
        own = request.host == address and request.headers.get("Origin", f"http://{address}") == f"http://{address}"
        given = request.path.split("/")[1]
        if not own or not secrets.compare_digest(given.encode(), token.encode()):
            return web.Response(status=404, text="There is nothing here. The whole address was printed at the start.\n")
        return await handler(request)

    async def harden(request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Content-Security-Policy"] = _POLICY.format(authority=address)
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"

    app = web.Application(middlewares=[guard])
    app.on_response_prepare.append(harden)
    app.add_subapp(f"/{token}/", await _screens(f"http://{address}", file)._make_app())
    return app


def _screens(url: str, file: Path | None) -> "Server":
    """textual-serve with its addresses below ours, and without its banner."""
    from textual_serve.server import Server

    class Quiet(Server):
        async def on_startup(self, app: "web.Application") -> None:
            """Say nothing: the address was printed, and its own would hold the command."""

    words = [sys.executable, "-m", "inspector", "open", *([str(file.absolute())] if file else [])]
    command = subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)
    return Quiet(command, host=_HOST, title="mcp-auth-inspector", public_url=url)


def _listener(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port))
    except OSError as error:
        listener.close()
        raise CaptureError(
            f"Port {port} on {_HOST} cannot be used ({error.strerror}); take another one, 0 takes any free one."
        ) from None
    listener.listen()
    return listener
