"""An endpoint to look at and to change the faults of running reference servers, for programs on this machine."""

import json
from typing import Any, Protocol
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from inspector.errors import ReferenceFailure

PATH = "/_control/faults"

_LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")


class Faulty(Protocol):
    """Something whose faults can be exchanged while it runs."""

    @property
    def faults(self) -> tuple[str, ...]:
        """The names of the faults in force."""
        ...

    def set_faults(self, names: tuple[str, ...]) -> None:
        """Put exactly these faults in force. ReferenceFailure when they are unknown or contradict each other."""
        ...


def control_route(controlled: Faulty) -> Route:
    """`GET` says which faults are in force, `PUT` with `{"faults": [...]}` puts exactly those in force."""

    async def faults(request: Request) -> Response:
        if not _from_this_machine(request):
            return _refusal(403, "This is for programs on this machine; call it by its loopback address.")
        if request.method == "PUT":
            names = _names_in(await request.body())
            if names is None:
                return _refusal(400, 'The body is not JSON of the form {"faults": ["NAME", ...]}.')
            try:
                controlled.set_faults(names)
            except ReferenceFailure as problem:
                return _refusal(400, str(problem))
        return JSONResponse({"faults": list(controlled.faults)}, headers={"Cache-Control": "no-store"})

    return Route(PATH, faults, methods=["GET", "PUT"])


def _from_this_machine(request: Request) -> bool:
    """Whether neither a rebound host name nor a web page elsewhere is behind a request."""
    named = [f"//{request.headers.get('host', '')}", request.headers.get("origin", "//localhost")]
    try:
        return all(urlsplit(url).hostname in _LOOPBACK_HOSTS for url in named)
    except ValueError:
        return False


def _names_in(body: bytes) -> tuple[str, ...] | None:
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    names = document.get("faults") if isinstance(document, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    return tuple(names)


def _refusal(status: int, sentence: str) -> Response:
    return JSONResponse({"error": sentence}, status_code=status)
