from dataclasses import replace
from typing import TYPE_CHECKING

import jwt
import pytest

from inspector.reference.settings import DEMO, MCP_URL, Settings

if TYPE_CHECKING:
    from tests.reference.conftest import StartPair

CALLBACK = "http://127.0.0.1:33418/callback"
OTHER = "https://other.example/mcp"
ENVIRONMENT = DEMO.environment_client_id
REGISTERED = DEMO
WITH_DEFAULT = replace(DEMO, resource_indicators=(MCP_URL, OTHER), default_resource_indicator=OTHER)
NO_INDICATOR = replace(DEMO, resource_indicators=())


@pytest.mark.parametrize(
    ("settings", "at_authorize", "at_token", "expected"),
    [
        pytest.param(REGISTERED, MCP_URL, MCP_URL, MCP_URL, id="registered and sent on both legs"),
        pytest.param(REGISTERED, MCP_URL, None, MCP_URL, id="the token request need not repeat it"),
        pytest.param(REGISTERED, None, None, ENVIRONMENT, id="omitted, no default"),
        pytest.param(WITH_DEFAULT, None, None, OTHER, id="omitted, a default"),
        pytest.param(WITH_DEFAULT, MCP_URL, MCP_URL, MCP_URL, id="a default does not override what is sent"),
        pytest.param(NO_INDICATOR, MCP_URL, MCP_URL, ENVIRONMENT, id="no indicator, so it is ignored"),
        pytest.param(NO_INDICATOR, None, OTHER, ENVIRONMENT, id="no indicator, ignored even where it comes late"),
        pytest.param(REGISTERED, OTHER, OTHER, None, id="not registered"),
        pytest.param(REGISTERED, MCP_URL + "/", MCP_URL + "/", None, id="compared byte for byte"),
        pytest.param(REGISTERED, None, MCP_URL, None, id="first named at the token endpoint"),
        pytest.param(WITH_DEFAULT, MCP_URL, OTHER, None, id="changed at the token endpoint"),
    ],
)
async def test_the_audience_table(
    start: "StartPair", settings: Settings, at_authorize: str | None, at_token: str | None, expected: str | None
) -> None:
    async with start(settings) as pair:

        def real(resource: str) -> str:
            return resource.replace(MCP_URL, pair.reference.mcp_url)

        client_id = (await pair.register())["client_id"]
        code = await pair.code(client_id, resource=real(at_authorize) if at_authorize else None)
        answer = await pair.redeem(client_id, code, **({"resource": real(at_token)} if at_token else {}))
    if expected is None:
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")
    else:
        claims = jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
        assert claims["aud"] == real(expected)


async def test_a_token_is_for_one_resource_only(start: "StartPair") -> None:
    async with start(WITH_DEFAULT) as pair:
        client_id = (await pair.register())["client_id"]
        answer = await pair.redeem(client_id, await pair.code(client_id, resource=[pair.reference.mcp_url, OTHER]))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")


async def test_the_default_is_not_for_an_application_the_operator_entered(start: "StartPair") -> None:
    async with start(replace(DEMO, default_resource_indicator=MCP_URL)) as pair:
        application = pair.reference.authkit.add_application("by hand", CALLBACK)
        code = await pair.code(application.client_id)
        answer = await pair.redeem(application.client_id, code, client_secret=application.secret or "")
    claims = jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
    assert claims["aud"] == ENVIRONMENT
