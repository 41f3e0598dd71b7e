"""Which tools a request calls, read from its body before the SDK gets to see it."""

import json
from typing import Any

from starlette.types import Message, Receive

_MAX_BODY = 4 * 1024 * 1024  # bytes, the SDK's own limit; it answers 413 above


async def called_tools(receive: Receive) -> tuple[frozenset[str], Receive]:
    """The names in `tools/call` requests, and a `receive` that gives the body once more."""
    body, complete = bytearray(), False
    while not complete and len(body) <= _MAX_BODY:
        message = await receive()
        if message["type"] != "http.request":
            break
        body += message.get("body", b"")
        complete = not message.get("more_body", False)
    again: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": not complete}]

    async def replay() -> Message:
        return again.pop() if again else await receive()

    return frozenset(_names_in(bytes(body))) if complete else frozenset(), replay


def _names_in(body: bytes) -> set[str]:
    try:
        message: Any = json.loads(body)
    except (ValueError, RecursionError):
        return set()
    messages = message if isinstance(message, list) else [message]
    calls = [m for m in messages if isinstance(m, dict) and m.get("method") == "tools/call"]
    params = [call["params"] for call in calls if isinstance(call.get("params"), dict)]
    return {param["name"] for param in params if isinstance(param.get("name"), str)}
