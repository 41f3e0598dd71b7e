"""Recognises an authorization request in what a client gives a browser to open."""

from urllib.parse import parse_qs, urlsplit

from inspector.session.model import Exchange, State


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
