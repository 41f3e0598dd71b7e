"""Puts a failed TLS handshake into a sentence that says what stopped it and what to do."""

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
            "if a CA of your own signed it, start the capture with that CA."
        )
    return f"The TLS handshake between the inspector and {host} failed: {error}."
