import pytest

from addons.incidents import broken_sentence, client_sentence, edge_sentence, server_sentence, upstream_sentence
from inspector.session.model import Headers


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            "The client does not trust the proxy's certificate for h (tlsv1 alert unknown ca)",
            "The client does not trust the inspector's certificate for h (TLS alert: tlsv1 alert unknown ca); ",
        ),
        (
            "The client disconnected during the handshake. If this happens consistently for h, this may "
            "indicate that the client does not trust the proxy's certificate.",
            "The client closed the connection for h during the TLS handshake, ",
        ),
        ("something new", "The TLS handshake between the client and the inspector failed for h: something new."),
    ],
)
def test_the_client_side_is_explained(error: str, says: str) -> None:
    assert client_sentence("h", error).startswith(says)


@pytest.mark.parametrize("error", ["... does not trust the proxy's certificate for h (x)", "connection closed"])
def test_a_lack_of_trust_comes_with_what_to_do(error: str) -> None:
    assert "mcp-auth-inspector env" in client_sentence("h", error)


def test_the_server_side_is_explained() -> None:
    assert server_sentence("h", "Certificate verify failed: self-signed certificate").startswith(
        "The certificate of h does not hold (self-signed certificate)"
    )
    assert server_sentence("h", "x") == "The TLS handshake between the inspector and h failed: x."


BLOCK_PAGE = b"<html><title>Attention Required! | Cloudflare</title>"
HTML = (("Content-Type", "text/html; charset=UTF-8"), ("CF-RAY", "8f"))


@pytest.mark.parametrize(
    ("status", "headers", "body", "blocked"),
    [
        (403, (("cf-mitigated", "challenge"),), b"", True),
        (403, HTML, BLOCK_PAGE, True),
        (503, HTML, b"<title>Just a moment...</title>", True),
        (200, HTML, BLOCK_PAGE, False),
        (403, HTML[:1], BLOCK_PAGE, False),  # nothing says that it came through Cloudflare
        (403, HTML, b"<h1>Forbidden</h1>", False),
        (403, (("Content-Type", "application/json"), ("cf-ray", "8f")), b'{"error": "you have been blocked"}', False),
    ],
)
def test_a_page_of_cloudflares_is_recognised(status: int, headers: Headers, body: bytes, blocked: bool) -> None:
    text = edge_sentence("h", status, headers, body)
    assert text.startswith(f"Cloudflare answered {status} in place of h.") == blocked
    assert bool(text) == blocked


def test_a_server_that_cannot_be_reached_is_explained() -> None:
    refused = "Multiple exceptions: [Errno 111] Connect call failed ('::1', 1, 0, 0)"
    assert upstream_sentence("h:1", refused).startswith("The server at h:1 cannot be reached (nobody listens there)")
    unknown = "[Errno -2] Name or service not known"
    assert "(its name is not known here)" in upstream_sentence("h:1", unknown)
    assert "(something new)" in upstream_sentence("h:1", "something new")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        ("[Errno 111] Connect call failed ('127.0.0.1', 1)", "The server cannot be reached: nobody listens there."),
        ("Client disconnected.", "The client closed the connection before it had the whole answer."),
        ("unexpected server response: b'SSH-2.0'", "The server answered with something else than HTTP: b'SSH-2.0'."),
        ("Certificate verify failed: expired", "The server's certificate does not hold: expired."),
        (
            "Upstream proxy h:1 refused HTTP CONNECT request: 407 x",
            "Upstream proxy h:1 refused HTTP CONNECT request: 407 x",
        ),
        ("HTTP/2 protocol error: x (y)", "HTTP/2 protocol error: x (y)"),
    ],
)
def test_what_broke_an_exchange_is_said_in_plain_words(error: str, says: str) -> None:
    assert broken_sentence(error, asked=True, client_left=False) == says


def test_half_a_message_is_blamed_on_who_sent_it() -> None:
    error = (
        "HTTP/1 protocol error: peer closed connection without sending complete message body (incomplete chunked read)"
    )
    assert broken_sentence(error, asked=True, client_left=False).startswith(
        "The server closed the connection in the middle of its answer ("
    )
    assert broken_sentence(error, asked=False, client_left=False).startswith(
        "The client closed the connection in the middle of its request"
    )


def test_the_end_of_an_http2_connection_is_blamed_on_who_is_gone() -> None:
    ended = "peer closed connection"
    assert broken_sentence(ended, asked=True, client_left=True).startswith("The client closed the connection")
    assert broken_sentence(ended, asked=True, client_left=False).startswith("The server closed the connection")
