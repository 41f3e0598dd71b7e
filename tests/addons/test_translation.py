import json
from functools import partial

import pytest

from addons.origins import ClientSide, Origins
from addons.translation import (
    metadata,
    named_in_challenge,
    named_in_metadata,
    page_header,
    resource_in_json,
    resource_in_parameters,
    response_header,
)
from inspector.session.model import Translation

MCP, OUR_MCP = "http://localhost:3001", "http://127.0.0.1:7710"
ISSUER, OUR_ISSUER = "https://auth.example", "http://127.0.0.1:7711"

origins = Origins()
origins.add(MCP, 7710)
origins.add(ISSUER, 7711)
to_client = partial(origins.for_client, side=ClientSide("http", "127.0.0.1"))
to_upstream = origins.for_upstream


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            f'Bearer resource_metadata="{MCP}/.well-known/oauth-protected-resource/mcp"',
            f'Bearer resource_metadata="{OUR_MCP}/.well-known/oauth-protected-resource/mcp"',
        ),
        (
            f'Basic realm="x", bearer Resource_Metadata={MCP}/m, error="e", resource="{MCP}/mcp"',
            f'Basic realm="x", bearer Resource_Metadata={OUR_MCP}/m, error="e", resource="{MCP}/mcp"',
        ),
        (f'Bearer resource_metadata = "{MCP}/m"', f'Bearer resource_metadata = "{OUR_MCP}/m"'),
        (f'Bearer resource_metadata="{MCP}/m,1 2", x', f'Bearer resource_metadata="{OUR_MCP}/m,1 2", x'),
    ],
)
def test_a_challenge_leads_to_our_metadata(before: str, after: str) -> None:
    changed, (translation,) = response_header("WWW-Authenticate", before, to_client)
    assert changed == after
    assert (translation.part, translation.name) == ("response.headers", "WWW-Authenticate resource_metadata")
    assert translation.client.startswith(OUR_MCP)
    assert translation.upstream == named_in_challenge(before)[0]


def test_a_redirect_to_a_server_stays_with_us_and_its_code_is_not_kept_twice() -> None:
    changed, found = response_header("location", f"{ISSUER}/login?code=1&iss={ISSUER}", to_client)
    assert changed == f"{OUR_ISSUER}/login?code=1&iss={ISSUER}"
    assert found == [Translation("response.headers", "location", client=OUR_ISSUER, upstream=ISSUER)]


@pytest.mark.parametrize("separator", ["?", "#"])
def test_the_issuer_of_an_authorization_response_is_ours(separator: str) -> None:
    callback = f"http://127.0.0.1:33419/callback{separator}code=a%2Bb&iss=https%3A%2F%2Fauth.example&state=x+y"
    changed, found = response_header("Location", callback, to_client)
    assert changed == callback.replace("https%3A%2F%2Fauth.example", "http%3A%2F%2F127.0.0.1%3A7711")
    assert found == [Translation("response.headers", "Location iss", client=OUR_ISSUER, upstream=ISSUER)]


def test_a_cookie_is_not_tied_to_a_domain_the_browser_does_not_see() -> None:
    changed, found = response_header("Set-Cookie", "s=1; Domain=.auth.example; Path=/; Secure", to_client)
    assert changed == "s=1; Path=/; Secure"
    assert found == [Translation("response.headers", "Set-Cookie Domain", client="", upstream=".auth.example")]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WWW-Authenticate", 'Bearer realm="x"'),
        ("WWW-Authenticate", 'Bearer resource_metadata="https://other.example/m"'),
        ("WWW-Authenticate", "Bearer resource_metadata"),
        ("Location", "/relative?iss=x"),
        ("Location", "http://127.0.0.1:33419/callback?code=1&state=2"),
        ("Location", "warp://mcp/callback?code=1"),
        ("Set-Cookie", "domain=1; Path=/"),
        ("Link", f"<{MCP}/mcp>"),
        ("Content-Location", f"{MCP}/mcp"),
    ],
)
def test_other_headers_stay(name: str, value: str) -> None:
    assert response_header(name, value, to_client) == (value, [])


def test_a_page_of_ours_is_a_page_of_theirs() -> None:
    assert page_header("Referer", f"{OUR_ISSUER}/login?x=secret", to_upstream) == (
        f"{ISSUER}/login?x=secret",
        [Translation("request.headers", "Referer", client=OUR_ISSUER, upstream=ISSUER)],
    )
    assert page_header("Origin", "https://evil.example", to_upstream) == ("https://evil.example", [])
    assert page_header("Origin", "null", to_upstream) == ("null", [])


def test_the_resource_goes_up_in_parameters_and_in_json() -> None:
    expected = [Translation("request.body", "resource", client=f"{OUR_MCP}/mcp", upstream=f"{MCP}/mcp")]
    assert resource_in_parameters(f"a=1&resource={OUR_MCP}/mcp", "request.body", to_upstream) == (
        f"a=1&resource={MCP}/mcp",
        expected,
    )
    text = f'{{"client_id": "{OUR_MCP}/c",\n "resource" : "{OUR_MCP}/mcp"}}'
    assert resource_in_json(text, to_upstream) == (text.replace(f"{OUR_MCP}/mcp", f"{MCP}/mcp"), expected)


PROTECTED_RESOURCE = f"""{{ "resource":"{MCP}/mcp",
  "authorization_servers": [ "{ISSUER}" , "https://second.example"],
  "jwks_uri": "{MCP}/jwks", "resource_documentation": "{MCP}/docs", "signed_metadata": "ey.J.x" }}
"""


def test_protected_resource_metadata_names_our_addresses() -> None:
    changed, found = metadata(PROTECTED_RESOURCE, to_client)
    expected = PROTECTED_RESOURCE
    for upstream, ours in ((f"{MCP}/mcp", f"{OUR_MCP}/mcp"), (ISSUER, OUR_ISSUER), (f"{MCP}/jwks", f"{OUR_MCP}/jwks")):
        expected = expected.replace(f'"{upstream}"', f'"{ours}"')
    assert changed == expected
    assert [(each.name, each.client, each.upstream) for each in found] == [
        ("resource", f"{OUR_MCP}/mcp", f"{MCP}/mcp"),
        ("authorization_servers", OUR_ISSUER, ISSUER),
        ("jwks_uri", f"{OUR_MCP}/jwks", f"{MCP}/jwks"),
        ("signed_metadata", "ey.J.x", "ey.J.x"),
    ]


def test_authorization_server_metadata_names_our_addresses() -> None:
    document = {
        "issuer": ISSUER,
        "authorization_endpoint": f"{ISSUER}/authorize?x=1",
        "token_endpoint": f"{ISSUER}/token",
        "jwks_uri": f"{ISSUER}/jwks",
        "service_documentation": f"{ISSUER}/docs",
        "x_custom": {"token_endpoint": f"{ISSUER}/inner"},
        "scopes_supported": [ISSUER],
        "registration_endpoint": None,
    }
    changed, found = metadata(json.dumps(document), to_client)
    ours = {
        "issuer": OUR_ISSUER,
        "authorization_endpoint": f"{OUR_ISSUER}/authorize?x=1",
        "token_endpoint": f"{OUR_ISSUER}/token",
        "jwks_uri": f"{OUR_ISSUER}/jwks",
    }
    assert changed == json.dumps({**document, **ours})
    assert {each.name for each in found} == set(ours)


def test_servers_to_stand_before_are_found_in_a_document() -> None:
    assert named_in_metadata(PROTECTED_RESOURCE) == [ISSUER, "https://second.example", f"{MCP}/jwks"]
    assert named_in_metadata(f'{{"token_endpoint": "{ISSUER}/t", "resource": "{MCP}"}}') == [f"{ISSUER}/t"]


def test_an_issuer_that_is_spelt_otherwise_stays_otherwise() -> None:
    """A client must be able to see the slash that makes it refuse the issuer."""
    text = json.dumps({"issuer": f"{ISSUER}/", "authorization_servers": [ISSUER]})
    assert json.loads(metadata(text, to_client)[0]) == {
        "issuer": f"{OUR_ISSUER}/",
        "authorization_servers": [OUR_ISSUER],
    }
