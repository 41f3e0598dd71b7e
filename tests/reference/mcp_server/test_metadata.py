from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inspector.reference.faults import with_faults
from inspector.reference.settings import DEMO

if TYPE_CHECKING:
    from tests.reference.conftest import Pair, StartPair

WELL_KNOWN = "/.well-known/oauth-protected-resource"
LOCATIONS = (WELL_KNOWN + "/mcp", WELL_KNOWN)


async def documents(pair: "Pair") -> list[httpx.Response]:
    """What both locations of the protected resource metadata answer."""
    origin = pair.reference.mcp_url.removesuffix("/mcp")
    return [await pair.http.get(origin + path) for path in LOCATIONS]


@pytest.mark.parametrize(
    ("fault", "statuses"),
    [
        ("legacy-server", [404, 404]),
        ("prm-absent", [404, 404]),
        ("prm-not-found", [404, 404]),
        ("prm-root-only", [404, 200]),
        ("prm-html", [200, 200]),
        ("prm-unauthorized", [401, 401]),
        ("prm-redirected", [307, 307]),
    ],
)
async def test_each_fault_of_the_locations(start: "StartPair", fault: str, statuses: list[int]) -> None:
    async with start(with_faults(DEMO, [fault])) as pair:
        answers = await documents(pair)
    assert [answer.status_code for answer in answers] == statuses
    if fault == "prm-html":
        assert answers[0].headers["content-type"].startswith("text/html")
    if fault == "prm-redirected":
        assert [httpx.URL(answer.headers["location"]).host for answer in answers] == ["127.0.0.1"] * 2
        assert [httpx.URL(answer.headers["location"]).path for answer in answers] == list(LOCATIONS)


@pytest.mark.parametrize(
    ("fault", "member", "value"),
    [
        ("prm-resource-missing", "resource", None),
        ("prm-resource-trailing-slash", "resource", "$mcp_url/"),
        ("prm-resource-with-fragment", "resource", "$mcp_url#tools"),
        ("prm-resource-origin", "resource", "$origin"),
        ("prm-resource-other", "resource", "https://other-server.example/mcp"),
        ("prm-without-authorization-servers", "authorization_servers", None),
        ("prm-names-itself", "authorization_servers", ["$origin"]),
    ],
)
async def test_each_fault_of_the_document(start: "StartPair", fault: str, member: str, value: Any) -> None:
    async with start(with_faults(DEMO, [fault])) as pair:
        document = (await documents(pair))[0].json()
        mcp_url, issuer = pair.reference.mcp_url, pair.reference.issuer

    def real(text: str) -> str:
        return text.replace("$mcp_url", mcp_url).replace("$origin", mcp_url.removesuffix("/mcp"))

    expected: dict[str, Any] = {"resource": mcp_url, "authorization_servers": [issuer]}
    expected[member] = [real(item) for item in value] if isinstance(value, list) else value and real(value)
    assert {name: document.get(name) for name in expected} == expected


async def test_a_server_of_the_first_revision_still_shows_the_issuers_metadata(start: "StartPair") -> None:
    async with start(replace(DEMO, revision="2025-03-26")) as pair:
        url = pair.reference.mcp_url.removesuffix("/mcp") + "/.well-known/oauth-authorization-server"
        assert (await pair.http.get(url)).json()["issuer"] == pair.reference.issuer
