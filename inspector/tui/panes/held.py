"""A message that waits in step mode as lines: what it is for, its parameters with their meaning, its headers."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from inspector.protocol import content, urls
from inspector.protocol.meanings import vocabulary
from inspector.protocol.params import Params
from inspector.session.model import Body
from inspector.tui.body import body_lines
from inspector.tui.lines import Line, field, heading, prose
from inspector.tui.looks import STRONG
from inspector.tui.masking import Masker, Veil
from inspector.tui.panes.explained import explained

if TYPE_CHECKING:
    from inspector.capture.steering import HeldMessage

_WORDS = {
    "resource-metadata": "The client reads what the MCP server says of itself.",
    "server-metadata": "The client reads where the authorization server takes requests, and what it can do.",
    "register": "The client introduces itself to the authorization server. Look at `redirect_uris`.",
    "authorize": "The browser is on its way to the authorization server. `resource` must name the MCP server.",
    "token": "The client trades the code for a token. `resource` must be here again, and `code_verifier`.",
    "refresh": "The client asks for its next token. `resource` belongs here as well.",
    "mcp": "A request to the MCP server itself.",
}


def held_lines(message: "HeldMessage", masker: Masker) -> list[Line]:
    """The whole message."""
    return list(_lines(message, Veil(masker)))


def _lines(message: "HeldMessage", veil: Veil) -> Iterator[Line]:
    held = message.held
    if held.side == "request":
        yield Line(prose(_WORDS.get(held.what, "")))
    else:
        yield Line(prose("The server's answer, on its way to the client."))
    yield Line()
    start = f"{held.method} {urls.without_query(held.url)}" if held.side == "request" else f"status {message.status}"
    yield Line(veil.text(start, STRONG))
    form = content.media_type(message.headers) == "application/x-www-form-urlencoded"
    queries = [("Query parameters", urls.query_of(held.url))] if held.side == "request" else []
    if form:
        queries.append(("Form parameters", message.body.decode(errors="replace")))
    meanings = vocabulary("parameters")
    for title, encoded in queries:
        pairs = Params.parse(encoded).pairs
        if pairs:
            yield Line()
            yield heading(title)
        for name, value in pairs:
            yield from explained(name, veil.value(name, value), meaning=meanings.get(name), veil=veil)
    yield Line()
    yield heading("Headers")
    yield from (field(name, veil.header(name, value)) for name, value in message.headers)
    if message.body and not form:
        yield Line()
        yield heading("Body")
        yield from body_lines(message.headers, Body.whole(message.body), veil)
