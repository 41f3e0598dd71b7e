from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inspector.reference.mcp_server.control import PATH
from inspector.reference.pair import Reference

if TYPE_CHECKING:
    from tests.reference.conftest import Pair


@pytest.fixture
async def reference() -> AsyncIterator[Reference]:
    async with Reference(faults=("challenge-absent",), control=True) as running:
        yield running


async def ask(reference: Reference, method: str = "GET", body: Any = None, **headers: str) -> httpx.Response:
    url = reference.mcp_url.removesuffix("/mcp") + PATH
    async with httpx.AsyncClient(trust_env=False) as http:
        return await http.request(method, url, json=body, headers=headers)


async def challenge(reference: Reference) -> str | None:
    async with httpx.AsyncClient(trust_env=False) as http:
        value: str | None = (await http.get(reference.mcp_url)).headers.get("www-authenticate")
    return value


async def test_faults_are_listed_and_exchanged_while_the_server_runs(reference: Reference) -> None:
    assert (await ask(reference)).json() == {"faults": ["challenge-absent"]}
    assert await challenge(reference) is None
    answer = await ask(reference, "PUT", {"faults": ["challenge-without-scope", "aud-missing"]})
    assert (answer.status_code, answer.json()) == (200, {"faults": ["challenge-without-scope", "aud-missing"]})
    assert "scope" not in (await challenge(reference) or "scope")
    assert reference.settings.authkit_flaws.audience == "missing"
    assert reference.settings.resource_indicators == (reference.mcp_url,)
    assert (await ask(reference, "PUT", {"faults": []})).json() == {"faults": []}
    assert "scope" in (await challenge(reference) or "")


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"faults": ["chalenge-absent"]}, "did you mean challenge-absent?"),
        ({"faults": ["prm-absent", "prm-html"]}, "contradict each other"),
        ({"faults": "prm-absent"}, "not JSON of the form"),
        ({"faults": [1]}, "not JSON of the form"),
        ([], "not JSON of the form"),
        (None, "not JSON of the form"),
    ],
)
async def test_what_cannot_be_set_is_one_sentence_and_changes_nothing(
    reference: Reference, body: Any, sentence: str
) -> None:
    answer = await ask(reference, "PUT", body)
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]
    assert reference.faults == ("challenge-absent",)
    assert await challenge(reference) is None


@pytest.mark.parametrize(
    "headers", [{"Host": "rebound.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Host": "[["}]
)
@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_web_pages_and_rebound_names_are_kept_out(
    reference: Reference, method: str, headers: dict[str, str]
) -> None:
    assert (await ask(reference, method, {"faults": []}, **headers)).status_code == 403
    assert reference.faults == ("challenge-absent",)


async def test_a_page_of_this_machine_may_use_it(reference: Reference) -> None:
    assert (await ask(reference, Origin="http://localhost:6274")).status_code == 200


async def test_the_endpoint_is_not_there_unless_asked_for(pair: "Pair") -> None:
    answer = await ask(pair.reference, "PUT", {"faults": ["aud-missing"]})
    assert answer.status_code == 404
    assert pair.reference.faults == ()
