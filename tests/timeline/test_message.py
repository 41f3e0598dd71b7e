"""What an exchange is in the sign-in, told from its content, and its parts."""

import pytest

from inspector.session.model import Body, Exchange, State
from inspector.timeline.message import Kind, Message, settled, understand
from tests.timeline.build import AS, MCP, Client, exchange, result, rpc

CLIENT = Client()
EVENTS = {"accept": "application/json, text/event-stream"}
CHALLENGE = {"www-authenticate": 'Bearer resource_metadata="https://h/custom/metadata.json"'}
REGISTRATION = {"redirect_uris": [], "client_name": "Gemini CLI (Stored OAuth)"}
ASK = "client_id=c&redirect_uri=http%3A%2F%2Flocalhost%2Fcb"


def kind(each: Exchange, *mcp_urls: str) -> Kind:
    return understand(each, mcp_urls).kind


@pytest.mark.parametrize(
    ("each", "expected"),
    [
        # JSON-RPC, whatever its URL says.
        (exchange("POST", "https://h/any", sent=rpc("initialize")), Kind.MCP),
        (exchange("POST", "https://h/any", sent=[rpc("ping"), rpc("tools/list")]), Kind.MCP),
        (exchange("POST", "https://h/token", sent=rpc("tools/call")), Kind.MCP),
        # A refusal that names its metadata, to a request that says nothing itself.
        (exchange("GET", "https://h/mcp", 401, answered=CHALLENGE), Kind.MCP),
        (exchange("HEAD", "https://h/mcp", 401, answered=CHALLENGE), Kind.MCP),
        (exchange("POST", "https://h/mcp", 401, answered=CHALLENGE), Kind.MCP),
        (exchange("GET", "https://h/mcp", 401, answered={"www-authenticate": "Bearer"}), Kind.OTHER),
        (exchange("GET", "https://h/mcp", headers=EVENTS), Kind.MCP),
        (exchange("GET", "https://h/page?x=1", headers=EVENTS), Kind.OTHER),
        (exchange("DELETE", "https://h/mcp", headers={"Mcp-Session-Id": "s"}), Kind.MCP),
        # Metadata by its well-known path, inserted or appended.
        (exchange("GET", "https://h/.well-known/oauth-protected-resource"), Kind.RESOURCE_METADATA),
        (exchange("GET", "https://h/.well-known/oauth-protected-resource/mcp", 404), Kind.RESOURCE_METADATA),
        (exchange("GET", "https://h/mcp/.well-known/oauth-protected-resource"), Kind.RESOURCE_METADATA),
        (exchange("GET", "https://h/.well-known/oauth-authorization-server/t", 500), Kind.SERVER_METADATA),
        (exchange("GET", "https://h/t/.well-known/openid-configuration", headers=EVENTS), Kind.SERVER_METADATA),
        (exchange("GET", "https://h/.well-known/change-password"), Kind.OTHER),
        (exchange("GET", "https://h/oauth2/jwks"), Kind.KEYS),
        (exchange("GET", "https://h/sso/jwks.json"), Kind.KEYS),
        (exchange("GET", "https://h/certs", 200, answer={"keys": []}), Kind.KEYS),
        (exchange("GET", "https://h/certs", 200, answer={"keys": "none"}), Kind.OTHER),
        (exchange("POST", "https://h/connect", sent={"redirect_uris": ["warp://mcp"]}), Kind.REGISTER),
        (exchange("POST", "https://h/oauth2/register", sent=REGISTRATION), Kind.REGISTER),
        (exchange("POST", "https://h/oauth2/register", sent={"client_name": "x"}), Kind.REGISTER),
        (exchange("POST", "https://h/register/", 404), Kind.REGISTER),
        (exchange("POST", "https://h/register", form={"email": "me@example.org"}), Kind.OTHER),
        # Authorization requests, by query, by form, and misshapen.
        (CLIENT.authorize(), Kind.AUTHORIZE),
        (CLIENT.recorded(), Kind.AUTHORIZE),
        (exchange("POST", "https://h/any", form=CLIENT.request), Kind.AUTHORIZE),
        (exchange("POST", "https://h/par", form=CLIENT.request), Kind.AUTHORIZE),
        (exchange("GET", "https://h/any?client_id=c&request_uri=urn%3Ax"), Kind.AUTHORIZE),
        (exchange("GET", f"https://h/oauth2/authorize?{ASK}"), Kind.AUTHORIZE),
        (exchange("GET", "https://h/oauth2/authorize?response_type=code"), Kind.AUTHORIZE),
        (exchange("GET", f"https://h/login?{ASK}&authorization_session_id=1"), Kind.OTHER),
        (exchange("GET", "https://h/authorize/resume?state=internal"), Kind.OTHER),
        (exchange("POST", "https://h/oauth2/authorize", form={"decision": "allow"}), Kind.OTHER),
        (exchange("GET", "http://127.0.0.1:8000/cb?code=c&state=s"), Kind.CALLBACK),
        (exchange("GET", "http://127.0.0.1:8000/cb?error=access_denied&iss=https%3A%2F%2Fas"), Kind.CALLBACK),
        (exchange("GET", "https://h/page?code=de"), Kind.OTHER),
        # Token requests, also where the client gets the media type wrong.
        (CLIENT.redeem(), Kind.TOKEN),
        (CLIENT.refresh(), Kind.TOKEN),
        (CLIENT.redeem(as_json=True), Kind.TOKEN),
        (exchange("POST", "https://h/any?grant_type=authorization_code&code=c"), Kind.TOKEN),
        (exchange("POST", "https://h/oauth2/token"), Kind.TOKEN),
        (
            exchange("POST", "https://h/any", form={"client_id": "c", "redirect_uri": "x", "grant_type": "y"}),
            Kind.TOKEN,
        ),
        (exchange("POST", "https://h/token/introspection", form={"token": "t"}), Kind.INTROSPECT),
        (exchange("POST", "https://h/oauth2/revoke", form={"token": "t"}), Kind.REVOKE),
        (exchange("POST", "https://h/login", form={"token": "against forgery", "email": "x"}), Kind.OTHER),
        (exchange("GET", "https://h/oauth2/userinfo"), Kind.USERINFO),
        (exchange("POST", "https://h/oauth2/userinfo"), Kind.USERINFO),
        (exchange("OPTIONS", "https://h/mcp", headers={"Access-Control-Request-Method": "POST"}), Kind.PREFLIGHT),
        (exchange("OPTIONS", "https://h/mcp"), Kind.OTHER),
        (exchange("PUT", "https://h/x"), Kind.OTHER),
        (exchange("GET", "http://[broken"), Kind.OTHER),
        (exchange("", ""), Kind.OTHER),
    ],
)
def test_kind(each: Exchange, expected: Kind) -> None:
    assert kind(each) is expected


def test_an_endpoint_known_to_speak_mcp_stays_one() -> None:
    for method in ("GET", "POST", "HEAD", "DELETE"):
        assert kind(exchange(method, f"{MCP}?x=1", 401), MCP) is Kind.MCP
    assert kind(exchange("GET", f"{MCP}/more"), MCP) is Kind.OTHER


def test_metadata_where_a_challenge_says_it_is() -> None:
    each = exchange("GET", "https://h/custom/metadata.json?v=2", 200, answer={"resource": MCP})
    assert understand(each).kind is Kind.OTHER
    assert understand(each, metadata_urls={"https://h/custom/metadata.json"}).kind is Kind.RESOURCE_METADATA
    posted = exchange("POST", "https://h/custom/metadata.json")
    assert understand(posted, metadata_urls={"https://h/custom/metadata.json"}).kind is Kind.OTHER


def test_params_come_from_where_the_client_put_them() -> None:
    assert understand(CLIENT.authorize()).params.get("client_id") == "client-a"
    assert understand(CLIENT.redeem()).params.get("code") == "code-a"
    assert understand(CLIENT.redeem(as_json=True)).params.get("code") == "code-a"
    assert understand(exchange("POST", "https://h/token?code=x", sent={"code": 5})).params.get("code") is None
    assert understand(exchange("POST", "https://h/token?code=x")).params.get("code") == "x"


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("DPoP abc", "abc"),
        ("Bearer", None),
        ("Bearer ", None),
        ("Basic abc", None),
        ("", None),
    ],
)
def test_bearer(header: str, token: str | None) -> None:
    assert understand(exchange("POST", MCP, headers={"Authorization": header})).bearer == token


def test_a_challenge_among_others() -> None:
    answered = {"WWW-Authenticate": 'Basic realm="x", bearer error="invalid_token"'}
    message = understand(exchange("POST", MCP, 401, answered=answered))
    assert len(message.challenges) == 2
    assert message.bearer_challenge is not None
    assert message.bearer_challenge.get("error") == "invalid_token"
    assert understand(exchange("POST", MCP, 401)).bearer_challenge is None


def test_documents_and_errors() -> None:
    refused = understand(CLIENT.redeem(400))
    assert refused.oauth_error == "invalid_grant"
    assert refused.good_document is None
    granted = understand(CLIENT.redeem())
    assert granted.oauth_error is None
    assert granted.good_document is not None
    assert granted.good_document.text("access_token") == "token-a-1"
    # A body that calls itself an error counts as one only with an error status (RFC 6749 section 5.2).
    assert understand(exchange("POST", f"{AS}/token", 200, answer={"error": "x"})).oauth_error is None


def test_location_is_that_of_a_redirect() -> None:
    assert understand(CLIENT.authorize()).location == CLIENT.redirect["location"]
    assert understand(exchange("POST", MCP, 201, answered={"location": "/x"})).location is None
    assert understand(CLIENT.authorize(None)).location is None


def test_json_rpc_both_ways() -> None:
    message = understand(exchange("POST", MCP, 200, sent=rpc("tools/list"), answer=result(tools=[])))
    assert message.rpc_method == "tools/list"
    assert [answer.result for answer in message.rpc_received] == [{"tools": []}]


def test_a_lost_request_is_known_as_lost() -> None:
    assert not understand(CLIENT.redeem()).request_lost
    cut = Exchange(1, "POST", f"{AS}/oauth2/token", request_body=Body(b"grant_type=", 9000))
    assert understand(cut).request_lost
    assert understand(cut).kind is Kind.TOKEN


@pytest.mark.parametrize("state", State)
def test_settled(state: State) -> None:
    assert settled(Exchange(1, "GET", MCP, state=state)) is (state not in (State.REQUEST, State.RESPONDING))


def test_the_url_is_without_query_and_otherwise_as_sent() -> None:
    assert Message(exchange("GET", "https://H:443/%6d?x#y"), Kind.OTHER).url == "https://H:443/%6d"
