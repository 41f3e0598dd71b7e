import pytest

from inspector.reference.authkit.redirects import matches, problem_with, with_parameters


@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example/callback?tenant=1",
        "http://localhost/callback",
        "http://127.0.0.1:33418/callback",
        "http://[::1]:1/",
        "warp://mcp/oauth2callback",
        "com.example.app:/oauth",
    ],
)
def test_https_loopback_and_app_schemes_may_be_registered(uri: str) -> None:
    assert problem_with(uri) is None


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/callback",
        "http://app.example/callback",
        "http://localhost.example/callback",
        "http://127.0.0.1@app.example/",
        "https:///callback",
        "https://[::1/",
        "https://app.example/#part",
        "https://app.example/\r\nX: y",
        "https://app.example/a b",
        "javascript:alert(1)",
        "data:text/html,x",
    ],
)
def test_other_uris_may_not(uri: str) -> None:
    assert problem_with(uri) is not None


@pytest.mark.parametrize(
    ("requested", "registered", "same"),
    [
        ("warp://mcp/oauth2callback", "warp://mcp/oauth2callback", True),
        ("warp://mcp/oauth2callback/", "warp://mcp/oauth2callback", False),
        ("http://127.0.0.1:1234/callback", "http://127.0.0.1/callback", True),
        ("http://localhost:1234/callback", "http://localhost:99/callback", True),
        ("http://[::1]:1234/callback", "http://[::1]/callback", True),
        ("http://127.0.0.1:1234/other", "http://127.0.0.1/callback", False),
        ("http://localhost:1234/callback", "http://127.0.0.1/callback", False),
        ("https://app.example:1234/callback", "https://app.example/callback", False),
    ],
)
def test_only_the_port_of_a_loopback_uri_may_differ(requested: str, registered: str, same: bool) -> None:
    assert matches(requested, registered) is same


def test_parameters_are_appended_to_a_query_that_is_there() -> None:
    assert with_parameters("app:/cb", {"code": "a b", "state": None}) == "app:/cb?code=a+b"
    assert with_parameters("app:/cb?x=1", {"code": "c"}) == "app:/cb?x=1&code=c"
