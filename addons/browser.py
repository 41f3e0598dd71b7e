"""Sends a browser on to another place, and recognises what a client gives a browser to open."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

from mitmproxy.http import Headers, HTTPFlow, Response

from addons.wire import exchange_of
from inspector.session.model import Exchange, State, Translation


def send_on(flow: HTTPFlow, target: bytes, translations: tuple[Translation, ...]) -> Exchange:
    """Redirect a browser, leaving no trace in it, and give what it asked."""
    asked = exchange_of(flow, State.RECORDED, translations=translations)
    headers = [(b"Location", target), (b"Cache-Control", b"no-store"), (b"Referrer-Policy", b"no-referrer")]
    flow.response = Response.make(302, b"", Headers(headers))
    # A browser sends the cookies of every application on this host, whatever its port.
    return replace(asked, request_headers=tuple(each for each in asked.request_headers if each[0].lower() != "cookie"))


def with_query(endpoint: bytes, query: bytes) -> bytes:
    """The endpoint with the query added to what it already has (RFC 6749 section 3.1)."""
    if not query:
        return endpoint
    if b"?" not in endpoint:
        return endpoint + b"?" + query
    return endpoint + (b"" if endpoint.endswith((b"?", b"&")) else b"&") + query


def opened(url: str, at: float) -> Exchange | None:
    """The authorization request that a client has a browser open at that time; None for every other page.

    An address of the inspector's own is none: the request is recorded there, when the browser has come.
    """
    try:
        parts = urlsplit(url)
        names = parse_qs(parts.query, keep_blank_values=True).keys()
    except ValueError:
        return None
    asks = "client_id" in names and bool(names & {"response_type", "request_uri"})  # RFC 6749 4.1.1, RFC 9126 4
    if parts.scheme not in ("http", "https") or not asks or parts.path.startswith("/.inspector/"):
        return None
    return Exchange(0, "GET", url, started_at=at, request_end=at, state=State.RECORDED, listener="browser command")
