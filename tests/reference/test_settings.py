import re
from dataclasses import replace
from typing import Any

import pytest

from inspector.errors import ReferenceFailure
from inspector.reference.settings import DEMO, MCP_URL, Settings

URL = "http://localhost:3001/mcp"


def test_a_new_environment_offers_neither_registration_nor_indicators() -> None:
    assert (Settings().dcr, Settings().cimd, Settings().resource_indicators) == (False, False, ())


def test_the_servers_own_url_is_filled_in_wherever_a_resource_is_named() -> None:
    settings = Settings(
        resource_indicators=(MCP_URL, MCP_URL + "/", "https://other.example/mcp"),
        default_resource_indicator=MCP_URL,
        allowed_token_audiences=(MCP_URL + "/",),
    ).for_server(URL)
    assert settings.resource_indicators == (URL, URL + "/", "https://other.example/mcp")
    assert settings.default_resource_indicator == URL
    assert settings.allowed_token_audiences == (URL + "/",)


def test_the_environment_variable_widens_the_allowed_audiences() -> None:
    settings = replace(DEMO, allowed_token_audiences=("a",))
    assert settings.with_environment({"MCP_ALLOWED_TOKEN_AUDIENCES": "b, ,c"}).allowed_token_audiences == (
        "a",
        "b",
        "c",
    )
    assert settings.with_environment({}) == settings


def test_the_environment_client_id_is_one_the_rules_recognise() -> None:
    assert re.fullmatch(r"client_[0-9A-Z]{26}", DEMO.environment_client_id)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"default_resource_indicator": URL}, "default resource indicator"),
        ({"environment_client_id": "client_1"}, "environment client id"),
        ({"token_lifetime": 0}, "lifetime"),
        ({"code_lifetime": -1}, "lifetime"),
        ({"revision": "2024-11-05"}, "revision"),
    ],
)
def test_contradictions_are_refused_with_a_sentence(values: dict[str, Any], named: str) -> None:
    with pytest.raises(ReferenceFailure, match=named):
        replace(DEMO, **values)
