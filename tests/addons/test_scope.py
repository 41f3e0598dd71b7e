import json
from typing import Any

import pytest

from addons.scope import Scope, is_authorization_server_metadata, is_event_stream
from inspector.session.model import Body, Exchange, Headers

MCP = "http://localhost:3001/mcp"
AS = "https://x.authkit.app"
ACCEPT_EVENTS = ("Accept", "application/json, text/event-stream")


def asked(url: str, method: str = "GET", *, headers: Headers = (), body: bytes = b"") -> Exchange:
    return Exchange(0, method, url, request_headers=headers, request_body=Body(body, len(body)))


def answered(url: str, status: int = 200, *, request: Headers = (), response: Headers = ()) -> Exchange:
    return Exchange(0, "GET", url, request_headers=request, status=status, response_headers=response)


def document(members: dict[str, Any]) -> Any:
    return lambda: json.dumps(members).encode()


@pytest.fixture
def scope() -> Scope:
    """What is known when the user has named the MCP server."""
    scope = Scope(learns_servers=False)
    scope.add(MCP)
    return scope


@pytest.mark.parametrize(
    "url",
    [
        MCP,
        "http://localhost:3001/.well-known/oauth-protected-resource/mcp",
        "http://localhost:3001/register",
        "http://127.0.0.1:3001/mcp",
        "http://[::1]:3001/mcp?x=1",
        "http://LOCALHOST:3001/mcp",
    ],
)
def test_the_origin_of_a_target_is_covered_under_every_name_of_this_machine(scope: Scope, url: str) -> None:
    assert scope.covers(asked(url))


@pytest.mark.parametrize(
    "url",
    ["http://localhost:3002/mcp", "https://localhost:3001/mcp", "http://example.com:3001/mcp", "nonsense", "http://[/"],
)
def test_another_origin_is_not_covered(scope: Scope, url: str) -> None:
    assert not scope.covers(asked(url))


def test_default_ports_are_the_same_as_explicit_ones() -> None:
    scope = Scope()
    scope.add("https://mcp.example.com/mcp")
    assert scope.covers(asked("https://mcp.example.com:443/x"))
    assert scope.covers_tls("MCP.example.com", 443)
    assert not scope.covers_tls("mcp.example.com", 8443)
    assert not scope.covers_tls("api.example.com", 443)


def test_plain_http_does_not_open_tls_to_the_same_port(scope: Scope) -> None:
    assert not scope.covers_tls("localhost", 3001)


def test_record_all_covers_everything() -> None:
    scope = Scope(record_all=True)
    assert scope.covers(asked("https://anything.example/x"))
    assert scope.covers_tls("anything.example", 443)


@pytest.mark.parametrize("url", ["ftp://example.com/", "warp://mcp/callback", "", "localhost:3001/mcp", "http://h:x/"])
def test_only_web_addresses_can_be_added(url: str) -> None:
    scope = Scope()
    assert not scope.add(url)
    assert not scope.origins


@pytest.mark.parametrize(
    ("method", "headers", "body"),
    [
        ("POST", (ACCEPT_EVENTS,), b'{"jsonrpc":"2.0","id":1,"method":"initialize"}'),
        ("POST", (ACCEPT_EVENTS,), b'[{"jsonrpc":"2.0","id":1,"method":"tools/list"}]'),
        ("POST", (("MCP-Protocol-Version", "2025-06-18"),), b'{"jsonrpc":"2.0","method":"ping","id":1}'),
    ],
)
def test_a_plain_request_in_mcp_names_the_server(method: str, headers: Headers, body: bytes) -> None:
    scope = Scope()
    scope.learn_from_request(asked(MCP, method, headers=headers, body=body))
    assert scope.covers(asked(MCP))


@pytest.mark.parametrize(
    ("method", "headers", "body"),
    [
        ("POST", (), b'{"jsonrpc":"2.0","id":1,"method":"eth_call"}'),
        ("POST", (ACCEPT_EVENTS,), b'{"id":1}'),
        ("POST", (ACCEPT_EVENTS,), b"[]"),
        ("POST", (ACCEPT_EVENTS,), b"[" * 100_000),
        ("POST", (ACCEPT_EVENTS,), b"\xff"),
        ("GET", (ACCEPT_EVENTS,), b""),
    ],
)
def test_other_plain_requests_name_nothing(method: str, headers: Headers, body: bytes) -> None:
    scope = Scope()
    scope.learn_from_request(asked(MCP, method, headers=headers, body=body))
    assert not scope.origins


@pytest.mark.parametrize("path", ["", "/mcp"])
def test_a_probe_for_protected_resource_metadata_names_the_server(path: str) -> None:
    scope = Scope()
    scope.learn_from_request(asked(f"http://localhost:3001/.well-known/oauth-protected-resource{path}"))
    assert scope.endpoints == {f"http://localhost:3001{path or '/'}"}


@pytest.mark.parametrize(
    ("request_headers", "challenge", "learns"),
    [
        ((ACCEPT_EVENTS,), "Bearer", True),
        ((), 'Bearer resource_metadata="http://localhost:3001/prm"', True),
        ((), "Bearer", False),
        ((ACCEPT_EVENTS,), 'Basic realm="x"', False),
    ],
)
def test_a_bearer_challenge_to_an_mcp_client_names_the_server(
    request_headers: Headers, challenge: str, learns: bool
) -> None:
    scope = Scope()
    scope.learn_from_response(answered(MCP, 401, request=request_headers, response=(("WWW-Authenticate", challenge),)))
    assert scope.covers(asked(MCP)) is learns


def test_nothing_is_learned_about_servers_beside_a_named_one(scope: Scope) -> None:
    other = "http://localhost:4000/mcp"
    body = b'{"jsonrpc":"2.0","id":1,"method":"initialize"}'
    scope.learn_from_request(asked(other, "POST", headers=(ACCEPT_EVENTS,), body=body))
    scope.learn_from_response(
        answered(other, 401, request=(ACCEPT_EVENTS,), response=(("WWW-Authenticate", "Bearer"),))
    )
    assert not scope.covers(asked(other))


@pytest.mark.parametrize(
    "challenge",
    [
        'Bearer error="invalid_token", resource_metadata="https://meta.example/prm"',
        "Bearer resource_metadata=https://meta.example/prm, scope=x",
        'Basic realm="x", Bearer RESOURCE_METADATA = "https://meta.example/prm"',
    ],
)
def test_a_challenge_leads_to_metadata_elsewhere_and_on_to_the_authorization_server(
    scope: Scope, challenge: str
) -> None:
    scope.learn_from_response(answered(MCP, 401, response=(("WWW-Authenticate", challenge),)))
    assert scope.covers_tls("meta.example", 443)
    scope.learn_from_response(answered("https://meta.example/prm"), document({"authorization_servers": [AS, 7, None]}))
    assert scope.covers_tls("x.authkit.app", 443)


def test_metadata_names_authorization_servers_and_their_endpoints(scope: Scope) -> None:
    prm = answered("http://localhost:3001/.well-known/oauth-protected-resource/mcp")
    scope.learn_from_response(prm, document({"authorization_servers": [AS]}))
    assert scope.covers(asked(f"{AS}/.well-known/oauth-authorization-server"))
    metadata = {
        "issuer": AS,
        "token_endpoint": "https://token.example/t",
        "jwks_uri": "https://keys.example/jwks",
        "registration_endpoint": 3,
        "service_documentation": "https://docs.example/",
    }
    scope.learn_from_response(answered(f"{AS}/.well-known/oauth-authorization-server"), document(metadata))
    assert scope.covers(asked("https://token.example/t", "POST"))
    assert scope.covers(asked("https://keys.example/jwks"))
    assert not scope.covers(asked("https://docs.example/"))


@pytest.mark.parametrize("content", [b"", b"[]", b"nonsense", b'{"authorization_servers": "x"}', b"\xff\xfe", None])
def test_broken_metadata_teaches_nothing(scope: Scope, content: bytes | None) -> None:
    before = dict(scope.origins)
    scope.learn_from_response(answered("http://localhost:3001/.well-known/oauth-protected-resource"), lambda: content)
    assert scope.origins == before


def test_documents_that_are_no_metadata_teach_nothing(scope: Scope) -> None:
    scope.learn_from_response(answered(MCP), document({"authorization_servers": [AS]}))
    scope.learn_from_response(
        answered("http://other.example/.well-known/oauth-protected-resource"), document({"authorization_servers": [AS]})
    )
    assert not scope.covers_tls("x.authkit.app", 443)


def with_authorization_server(scope: Scope) -> Scope:
    scope.add(AS)
    scope.learn_from_response(
        answered(f"{AS}/.well-known/openid-configuration"),
        document({"authorization_endpoint": f"{AS}/authorize", "token_endpoint": f"{AS}/token"}),
    )
    return scope


def test_redirects_of_the_authorization_endpoint_are_followed_hop_by_hop(scope: Scope) -> None:
    with_authorization_server(scope)
    hop = answered(f"{AS}/authorize?state=1", 302, response=(("Location", "https://login.example/hop?a=1"),))
    scope.learn_from_response(hop)
    assert scope.covers(asked("https://login.example/hop?a=1"))
    hop = answered("https://login.example/hop?a=1", 303, response=(("Location", "http://127.0.0.1:9/cb?code=c"),))
    scope.learn_from_response(hop)
    assert scope.covers(asked("http://127.0.0.1:9/cb?code=c"))


def test_other_redirects_are_not_followed(scope: Scope) -> None:
    with_authorization_server(scope)
    scope.learn_from_response(answered(f"{AS}/elsewhere", 302, response=(("Location", "https://other.example/"),)))
    assert not scope.covers_tls("other.example", 443)


def test_metadata_that_moved_is_followed(scope: Scope) -> None:
    well_known = "http://localhost:3001/.well-known/oauth-protected-resource"
    scope.learn_from_response(answered(well_known, 302, response=(("Location", "https://meta.example/prm"),)))
    scope.learn_from_response(answered("https://meta.example/prm"), document({"authorization_servers": [AS]}))
    assert scope.covers_tls("x.authkit.app", 443)


NAVIGATION = (("Sec-Fetch-Site", "none"), ("Sec-Fetch-Mode", "navigate"))
SCRIPT = (("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "cors"))


@pytest.mark.parametrize(
    ("method", "url", "headers", "recorded"),
    [
        ("GET", f"{AS}/authorize?state=1", NAVIGATION, True),
        ("POST", f"{AS}/token", SCRIPT, True),
        ("OPTIONS", f"{AS}/token", SCRIPT, True),
        ("GET", f"{AS}/.well-known/oauth-authorization-server", SCRIPT, True),
        ("POST", MCP, SCRIPT, True),
        ("POST", f"{AS}/authorize", NAVIGATION, False),  # a login form that submits to its own address
        ("POST", f"{AS}/login", NAVIGATION, False),
        ("POST", f"{AS}/api/password", SCRIPT, False),
        ("GET", f"{AS}/logo.svg", SCRIPT, False),
    ],
)
def test_of_a_browser_only_the_protocol_is_recorded(
    scope: Scope, method: str, url: str, headers: Headers, recorded: bool
) -> None:
    assert with_authorization_server(scope).covers(asked(url, method, headers=headers)) is recorded


def test_a_client_that_is_no_browser_is_recorded_also_at_a_wrong_address(scope: Scope) -> None:
    # Node's fetch sends Sec-Fetch-Mode, but not Sec-Fetch-Site.
    mistake = asked(f"{AS}/oauth/tokn", "POST", headers=(("Sec-Fetch-Mode", "cors"),))
    assert with_authorization_server(scope).covers(mistake)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"{AS}/.well-known/oauth-authorization-server", True),
        (f"{AS}/.well-known/oauth-authorization-server/tenant?x", True),
        (f"{AS}/tenant/.well-known/openid-configuration", True),
        (f"{AS}/.well-known/oauth-protected-resource", False),
        (f"{AS}/x?/.well-known/openid-configuration", False),
    ],
)
def test_where_authorization_server_metadata_lives(url: str, expected: bool) -> None:
    assert is_authorization_server_metadata(url) is expected


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("text/event-stream", True),
        ("Text/Event-Stream ; charset=utf-8", True),
        ("application/json", False),
        (None, False),
    ],
)
def test_what_is_an_event_stream(content_type: str | None, expected: bool) -> None:
    assert is_event_stream(content_type) is expected


def test_the_scope_says_of_each_origin_why_it_is_in_it(scope: Scope) -> None:
    challenge = f'Bearer resource_metadata="{AS}/m"'
    scope.learn_from_response(answered(MCP, 401, response=(("WWW-Authenticate", challenge),)))
    metadata = document({"resource": MCP, "authorization_servers": ["https://login.example:8443/t"]})
    scope.learn_from_response(answered(f"{AS}/m"), metadata)
    assert scope.listing() == [
        ("http://localhost:3001", "you named it"),
        (AS, "a challenge of http://localhost:3001 names it"),
        ("https://login.example:8443", f"metadata of {AS} names it"),
    ]


def test_an_origin_that_was_taken_out_stays_out_until_it_is_named_again(scope: Scope) -> None:
    metadata = document({"authorization_servers": [AS]})
    where = "http://localhost:3001/.well-known/oauth-protected-resource/mcp"
    assert scope.remove(f"{AS}/any/path")
    scope.learn_from_response(answered(where), metadata)
    assert not scope.covers(asked(f"{AS}/token"))
    assert scope.add(AS)
    assert scope.covers(asked(f"{AS}/token"))
    assert scope.covers_address("x.authkit.app", 443)
    assert not scope.remove("no URL")


def test_the_resource_is_that_of_the_metadata_which_names_the_authorization_server(scope: Scope) -> None:
    assert Scope().resource_for(f"{AS}/token") == ""
    scope.add("https://other.example/mcp")
    assert scope.resource_for(f"{AS}/token") == MCP
    for name, server in (("one", AS), ("two", "https://other.example")):
        where = f"http://localhost:3001/.well-known/oauth-protected-resource/{name}"
        scope.learn_from_response(answered(where), document({"resource": name, "authorization_servers": [server]}))
    assert scope.resource_for(f"{AS}/oauth2/token") == "one"
    assert scope.resource_for("https://other.example/token") == "two"
    assert scope.resource_for("https://elsewhere.example/token") == "two"


def test_without_metadata_the_resource_is_the_first_server_that_was_found() -> None:
    scope = Scope()
    scope.learn_from_request(asked("http://h/mcp?x=1", "POST", headers=(ACCEPT_EVENTS,), body=b'{"jsonrpc":"2.0"}'))
    assert scope.resource_for("http://h/token") == "http://h/mcp"
