"""Puts what stopped traffic into a sentence that says what it was and what to do."""

from inspector.session.model import Headers

_TRUST = (
    "start it with the variables that `mcp-auth-inspector env` prints, or add the inspector's CA to its trust store"
)


def client_sentence(host: str, error: str) -> str:
    """Why the client's side of the handshake failed, from mitmproxy's words for it."""
    if "disconnected during the handshake" in error or error == "connection closed":
        return (
            f"The client closed the connection for {host} during the TLS handshake, which is what Node and Python "
            f"clients do when they do not trust the inspector's certificate; {_TRUST}."
        )
    if "does not trust the proxy's certificate" in error:
        alert = error.rpartition("(")[2].rstrip(")")
        return f"The client does not trust the inspector's certificate for {host} (TLS alert: {alert}); {_TRUST}."
    return f"The TLS handshake between the client and the inspector failed for {host}: {error}."


def server_sentence(host: str, error: str) -> str:
    """Why the server's side of the handshake failed, from mitmproxy's words for it."""
    reason = error.removeprefix("Certificate verify failed: ")
    if reason != error:
        return (
            f"The certificate of {host} does not hold ({reason}), so the inspector does not speak to it; "
            "if a CA of your own signed it, start the capture with --upstream-ca FILE."
        )
    return f"The TLS handshake between the inspector and {host} failed: {error}."


def upstream_sentence(address: str, error: str) -> str:
    """Why no connection to a server came about, from the system's words for it."""
    return f"The server at {address} cannot be reached ({_unreachable(error)}): start it, or correct the URL."


def slow_sentence(method: str, address: str, path: str, seconds: float) -> str:
    """That a server takes long; `path` is without the query, which may hold secrets."""
    return (
        f"The server at {address} has not begun to answer {method} {path} after {seconds:g} seconds; the client still "
        "waits. Look at the server's log, and at what it waits for itself."
    )


def released_sentence(method: str, address: str, path: str, why: str) -> str:
    """That a held message went on without a word of the user."""
    return f"{method} {path} to {address} was held in step mode and went on by itself: {why}."


def broken_sentence(error: str, *, asked: bool, client_left: bool) -> str:
    """What broke an exchange, from mitmproxy's words for it; `asked` when the whole request had come by then."""
    cause = error.removeprefix("HTTP/1 protocol error: ")
    detail = cause.rpartition("(")[2].rstrip(")") if cause.endswith(")") else ""
    if cause.startswith("peer closed connection without sending complete message body"):
        who, what = ("server", "answer") if asked else ("client", "request")
        return f"The {who} closed the connection in the middle of its {what} ({detail})."
    if cause == "server closed connection":
        return "The server closed the connection without an answer."
    if cause.startswith("unexpected server response: "):
        return f"The server answered with something else than HTTP: {cause.partition(': ')[2]}."
    if cause == "peer closed connection" and not client_left:  # HTTP/2, which says no more
        return "The server closed the connection before its answer was whole."
    if cause in ("Client disconnected.", "peer closed connection"):
        return "The client closed the connection before it had the whole answer."
    if cause.startswith("Certificate verify failed: "):
        return f"The server's certificate does not hold: {cause.partition(': ')[2]}."
    if _unreachable(cause) != cause:
        return f"The server cannot be reached: {_unreachable(cause)}."
    return error


def _unreachable(error: str) -> str:
    if "connection refused" in error.lower() or "Connect call failed" in error:
        return "nobody listens there"
    if "Name or service not known" in error or "nodename nor servname" in error or "getaddrinfo failed" in error:
        return "its name is not known here"
    return error


_EDGE_PAGES = (
    b"attention required!",
    b"just a moment...",
    b"you have been blocked",
    b"error 1010",
    b"cf-error-details",
)


def edge_sentence(host: str, status: int, headers: Headers, body: bytes) -> str:
    """That Cloudflare answered in the server's place; empty when it did not. `body` has its content coding off."""
    values = {name.lower(): value for name, value in headers}
    page = "html" in values.get("content-type", "") and any(mark in body[:8192].lower() for mark in _EDGE_PAGES)
    if status not in (403, 429, 503) or not ("cf-mitigated" in values or (page and "cf-ray" in values)):
        return ""
    return (
        f"Cloudflare answered {status} in place of {host}. It may have blocked the inspector and not the client, whose "
        "TLS handshake looks different: try once without the inspector, or have the rule for this address relaxed."
    )
