import pytest

from addons.incidents import client_sentence, server_sentence


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
