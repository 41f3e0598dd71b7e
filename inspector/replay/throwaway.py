"""A client registered for the time of a replay, and taken back where the server says how (RFC 7591, RFC 7592)."""

import json

from inspector.errors import ReplayFailure
from inspector.protocol import content, urls
from inspector.protocol.documents import Document
from inspector.replay.wire import Wire
from inspector.session.model import Exchange

CLIENT_NAME = "mcp-auth-inspector replay, may be deleted"
"""How such a client is called, so that whoever meets it in a dashboard knows what it is."""

AGENT = "mcp-auth-inspector"
"""A User-Agent: services in front of authorization servers turn away requests without one, and Python's own."""


def answer_of(exchange: Exchange) -> Document | None:
    """The JSON object that a server answered with."""
    return Document.of(content.json_value(exchange.response_headers, exchange.response_body))


async def register(wire: Wire, endpoint: str, redirect_uri: str) -> Exchange:
    """Register a public client.

    Raises ReplayFailure when the server does not do that.
    """
    metadata = {
        "client_name": CLIENT_NAME,
        "redirect_uris": [redirect_uri],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    }
    headers = (("Accept", "application/json"), ("Content-Type", "application/json"), ("User-Agent", AGENT))
    done = await wire.send("POST", endpoint, headers, json.dumps(metadata).encode())
    document = answer_of(done)
    if document is None or not document.text("client_id"):
        said = done.status or "no answer"
        raise ReplayFailure(
            f"{urls.origin(endpoint)} registers no client ({said}); give the id of one it knows with --client-id."
        )
    return done


async def deregister(wire: Wire, registration: Exchange) -> str:
    """Take a registered client back; gives one sentence on how that went, empty when nothing was registered.

    Only an address at the server that registered it is asked (RFC 7592 section 2.3).
    """
    document = answer_of(registration)
    if document is None or not document.text("client_id"):
        return ""
    at = urls.origin(registration.url)
    stays = (
        f"The client registered at {at} stays there, as {document.text('client_name') or 'a client of this replay'!r}"
    )
    manage, key = document.text("registration_client_uri"), document.text("registration_access_token")
    if not manage or not key or not urls.same_origin(manage, registration.url):
        return f"{stays}: the server does not say how to remove it."
    headers = (("Accept", "application/json"), ("User-Agent", AGENT), ("Authorization", f"Bearer {key}"))
    done = await wire.send("DELETE", manage, headers)
    if done.status is not None and done.status < 300:
        return f"The client registered at {at} was removed again."
    return f"{stays}: the server refused to remove it ({done.status or 'no answer'})."
