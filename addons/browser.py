"""Sends a browser on to another place."""

from dataclasses import dataclass, replace

from mitmproxy.http import Headers, HTTPFlow, Response

from addons.wire import exchange_of
from inspector.session.model import Exchange, State, Translation


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where a browser is to go, and what there is to record of its request."""

    target: bytes
    asked: Exchange


def redirect_of(flow: HTTPFlow, target: bytes, translations: tuple[Translation, ...]) -> Redirect:
    """A redirect of a request that goes no further than here."""
    asked = exchange_of(flow, State.RECORDED, translations=translations)
    # A browser sends the cookies of every application on this host, whatever its port.
    headers = tuple(each for each in asked.request_headers if each[0].lower() != "cookie")
    return Redirect(target, replace(asked, request_headers=headers))


def send_on(flow: HTTPFlow, target: bytes) -> None:
    """Redirect a browser, leaving no trace in it."""
    headers = [(b"Location", target), (b"Cache-Control", b"no-store"), (b"Referrer-Policy", b"no-referrer")]
    flow.response = Response.make(302, b"", Headers(headers))


def with_query(endpoint: bytes, query: bytes) -> bytes:
    """The endpoint with the query added to what it already has (RFC 6749 section 3.1)."""
    if not query:
        return endpoint
    if b"?" not in endpoint:
        return endpoint + b"?" + query
    return endpoint + (b"" if endpoint.endswith((b"?", b"&")) else b"&") + query
