from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from inspector.errors import ReferenceFailure
from inspector.reference.client import Step, perform
from inspector.reference.profile import load_profile
from inspector.reference.settings import DEMO, Settings
from tests.reference.wire import Request, forward_proxy

if TYPE_CHECKING:
    from tests.reference.conftest import Pair, StartPair

NO_INDICATOR = replace(DEMO, resource_indicators=())
OWN = "$mcp_url"
ENVIRONMENT = DEMO.environment_client_id


@pytest.mark.parametrize(
    ("name", "settings", "status", "audience", "said"),
    [
        ("compliant", DEMO, 200, OWN, "Connected"),
        ("compliant", NO_INDICATOR, 401, ENVIRONMENT, "Transport creation error: Unexpected status code: 401"),
        ("compliant", replace(DEMO, dcr=False), 401, None, "no dynamic client registration"),
        ("warp", DEMO, 401, ENVIRONMENT, "Transport creation error: Unexpected status code: 401"),
        ("warp", replace(DEMO, dcr=False), 401, None, "application_not_found"),
        ("warp", replace(DEMO, accept_any_audience=True), 200, ENVIRONMENT, "Connected"),
        ("warp", replace(DEMO, allowed_token_audiences=(ENVIRONMENT,)), 200, ENVIRONMENT, "Connected"),
        ("warp", replace(DEMO, default_resource_indicator=OWN), 200, OWN, "Connected"),
        ("token-leg-only", DEMO, 401, None, "Token exchange failed: invalid_target"),
        ("token-leg-only", NO_INDICATOR, 401, ENVIRONMENT, "Unexpected status code: 401"),
        ("authorize-leg-only", DEMO, 200, OWN, "Connected"),
        ("refresh-without-resource", DEMO, 200, OWN, "Connected"),
        ("trailing-slash", DEMO, 401, None, "invalid_target"),
        ("plain-pkce", DEMO, 401, None, "Authorization failed: invalid_request"),
        ("no-pkce", DEMO, 401, None, "Authorization failed: invalid_request"),
    ],
)
async def test_how_each_client_ends(
    start: "StartPair", name: str, settings: Settings, status: int, audience: str | None, said: str
) -> None:
    async with start(settings) as pair:
        outcome = await perform(load_profile(name), pair.reference.mcp_url)
        expected = pair.reference.mcp_url if audience == OWN else audience
    assert (outcome.status, outcome.audience, outcome.authorized) == (status, expected, status == 200)
    assert said in outcome.sentence


async def steps_of(pair: "Pair", name: str) -> list[tuple[str, str, int]]:
    steps: list[Step] = []
    await perform(load_profile(name), pair.reference.mcp_url, on_step=steps.append)
    return [(step.method, urlsplit(step.url).path, step.status) for step in steps]


async def test_the_compliant_client_takes_the_way_of_the_specification(pair: "Pair") -> None:
    assert await steps_of(pair, "compliant") == [
        ("POST", "/mcp", 401),
        ("GET", "/.well-known/oauth-protected-resource/mcp", 200),
        ("GET", "/.well-known/oauth-authorization-server", 200),
        ("POST", "/oauth2/register", 201),
        ("GET", "/oauth2/authorize", 302),
        ("POST", "/oauth2/token", 200),
        ("POST", "/mcp", 200),
        ("POST", "/mcp", 202),
        ("POST", "/mcp", 200),
        ("POST", "/mcp", 200),
    ]


async def test_warp_asks_the_endpoint_itself_and_gives_up_after_one_more_attempt(pair: "Pair") -> None:
    assert await steps_of(pair, "warp") == [
        ("POST", "/mcp", 401),
        ("GET", "/mcp", 401),
        ("GET", "/.well-known/oauth-protected-resource/mcp", 200),
        ("GET", "/.well-known/oauth-authorization-server", 200),
        ("POST", "/oauth2/register", 201),
        ("GET", "/oauth2/authorize", 302),
        ("POST", "/oauth2/token", 200),
        ("POST", "/mcp", 401),
    ]


async def test_a_consent_page_is_answered_on_the_way(start: "StartPair") -> None:
    async with start(replace(DEMO, auto_approve=False)) as pair:
        steps = await steps_of(pair, "compliant")
    assert steps[4:6] == [("GET", "/oauth2/authorize", 200), ("POST", "/oauth2/consent", 303)]
    assert steps[-1] == ("POST", "/mcp", 200)


async def test_everything_goes_through_the_proxy_in_the_order_the_profile_gives(pair: "Pair") -> None:
    requests: list[Request] = []
    steps: list[Step] = []
    profile = load_profile("warp")
    async with forward_proxy(requests) as proxy:
        outcome = await perform(profile, pair.reference.mcp_url, proxy=proxy, on_step=steps.append)
    assert outcome.status == 401
    assert [request.url.partition("?")[0] for request in requests] == [step.url for step in steps]
    by_path = {request.path: request for request in requests}
    authorize, token = by_path["/oauth2/authorize"], by_path["/oauth2/token"]
    assert [name for name, _ in authorize.parameters] == [name for name, _ in profile.authorize]
    assert [name for name, _ in token.parameters] == [name for name, _ in profile.token]
    assert by_path["/.well-known/oauth-authorization-server"].headers["mcp-protocol-version"] == "2024-11-05"
    assert "user-agent" not in token.headers
    assert authorize.headers["user-agent"].startswith("Mozilla/")


async def test_a_confidential_client_authenticates_as_it_was_registered(pair: "Pair") -> None:
    compliant = load_profile("compliant")
    for method in ("client_secret_basic", "client_secret_post"):
        registration = compliant.registration | {"token_endpoint_auth_method": method}
        outcome = await perform(replace(compliant, registration=registration), pair.reference.mcp_url)
        assert outcome.authorized


async def test_a_client_of_2025_03_26_finds_the_authorization_server_at_the_mcp_origin(pair: "Pair") -> None:
    compliant = load_profile("compliant")
    discovery = replace(compliant.discovery, protected_resource=())
    strict = await perform(replace(compliant, discovery=discovery), pair.reference.mcp_url)
    lenient = await perform(replace(compliant, discovery=discovery, checks=("state",)), pair.reference.mcp_url)
    assert (strict.authorized, lenient.authorized) == (False, True)
    assert "another issuer" in strict.sentence


async def test_an_authorization_response_with_another_state_or_issuer_is_refused(pair: "Pair") -> None:
    compliant = load_profile("compliant")
    another_state = tuple((name, "another" if name == "state" else value) for name, value in compliant.authorize)
    mixed_up = await perform(replace(compliant, authorize=another_state), pair.reference.mcp_url)
    # The callback's own query stays in front of what the authorization server adds.
    callback = compliant.redirect_uri + "?iss=https://other.example"
    impersonated = await perform(replace(compliant, redirect_uri=callback), pair.reference.mcp_url)
    assert (mixed_up.audience, mixed_up.sentence) == (None, "The authorization response carries another state.")
    assert (impersonated.audience, impersonated.sentence) == (
        None,
        "The authorization response comes from another issuer.",
    )


async def test_a_server_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(ReferenceFailure, match="compliant got no answer") as failure:
        await perform(load_profile("compliant"), "http://localhost:1/mcp")
    assert "\n" not in str(failure.value)
