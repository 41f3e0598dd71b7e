"""One exchange with every field set, and the sample captures."""

from pathlib import Path

import pytest

from inspector.session.model import Body, Exchange, Source, State, Translation


@pytest.fixture
def full_exchange() -> Exchange:
    return Exchange(
        id=0,
        method="POST",
        url="http://localhost:3001/mcp?q=ü",
        request_headers=(("Host", "localhost:3001"), ("X-Twice", "1"), ("x-twice", "caf\xe9")),
        request_body=Body.whole(b"\x00\xff request"),
        status=401,
        reason="Unauthorized",
        response_headers=(("WWW-Authenticate", 'Bearer resource_metadata="http://localhost/x"'),),
        response_body=Body(b"only the beginning", size=5_000_000, sha256="ab" * 32),
        http_version="HTTP/2.0",
        started_at=1795181914.783221,
        request_end=1795181914.8,
        response_start=1795181914.9,
        response_end=1795181915.0,
        state=State.RESPONDING,
        error="cut",
        source=Source.REPLAY,
        listener="reverse:http://127.0.0.1:3001@18081",
        client_address="[::1]:5000",
        server_address="127.0.0.1:3001",
        tls="client TLSv1.3",
        translations=(
            Translation("response body", "issuer", "http://127.0.0.1:1", "https://x.authkit.app"),
            Translation("request.body", "resource", "", "http://localhost:3001/mcp", by="add-resource"),
        ),
    )


@pytest.fixture
def exchange() -> Exchange:
    return Exchange(0, "GET", "http://localhost:3001/mcp")


@pytest.fixture
def data() -> Path:
    return Path(__file__).with_name("data")
