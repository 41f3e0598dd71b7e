"""The metadata document by which a client is known at its own URL instead of being registered (CIMD)."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager


@asynccontextmanager
async def published(metadata: Mapping[str, str | list[str]]) -> AsyncIterator[str]:
    """Serve the document on a free loopback port for the time of the context; its URL, which is the client id.

    Only an authorization server on the same machine can fetch it, and only one that allows plain http there.
    """
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    from inspector.reference.listener import bound_socket, serving

    listening = bound_socket(0, "client metadata document")
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/client.json"

    async def document(request: Request) -> JSONResponse:
        return JSONResponse({"client_id": url, **metadata})

    with listening:
        async with serving((Starlette(routes=[Route("/client.json", document)]), listening)):
            yield url
