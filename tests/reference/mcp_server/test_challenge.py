from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from inspector.reference.faults import with_faults
from inspector.reference.settings import DEMO

if TYPE_CHECKING:
    from tests.reference.conftest import Pair, StartPair

METADATA = "$origin/.well-known/oauth-protected-resource/mcp"
SCOPE = "openid profile email"


async def challenges(pair: "Pair", token: str | None = None) -> list[str]:
    """The challenges of a refused request, with the server's own origin named `$origin`."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    answer = await pair.http.get(pair.reference.mcp_url, headers=headers)
    assert answer.status_code == 401
    origin = pair.reference.mcp_url.removesuffix("/mcp")
    return [value.replace(origin, "$origin") for value in answer.headers.get_list("www-authenticate")]


@pytest.mark.parametrize(
    ("revision", "expected"),
    [
        ("2025-03-26", "Bearer"),
        ("2025-06-18", f'Bearer resource_metadata="{METADATA}"'),
        ("2025-11-25", f'Bearer resource_metadata="{METADATA}", scope="{SCOPE}"'),
        ("2026-07-28", f'Bearer resource_metadata="{METADATA}", scope="{SCOPE}"'),
    ],
)
async def test_each_revision_challenges_as_it_asks_for(start: "StartPair", revision: str, expected: str) -> None:
    async with start(replace(DEMO, revision=revision)) as pair:
        assert await challenges(pair) == [expected]
        (refused,) = await challenges(pair, "garbage")
    assert refused == 'Bearer error="invalid_token", error_description="format: this is not a signed JWT"' + (
        expected.replace("Bearer ", ", ") if " " in expected else ""
    )


@pytest.mark.parametrize(
    ("fault", "without_token", "with_bad_token"),
    [
        ("challenge-absent", [], []),
        ("challenge-without-metadata-url", [f'Bearer scope="{SCOPE}"'], None),
        (
            "challenge-relative-url",
            [f'Bearer resource_metadata="/.well-known/oauth-protected-resource/mcp", scope="{SCOPE}"'],
            None,
        ),
        ("challenge-unterminated", [f'Bearer resource_metadata="{METADATA}", scope="{SCOPE}'], None),
        ("challenge-without-scope", [f'Bearer resource_metadata="{METADATA}"'], None),
        (
            "challenge-error-without-token",
            [
                'Bearer error="invalid_token", error_description="There is no token.", '
                f'resource_metadata="{METADATA}", scope="{SCOPE}"'
            ],
            None,
        ),
        (
            "challenge-unregistered-error",
            [
                'Bearer error="unauthorized", error_description="Authorization needed", '
                f'resource_metadata="{METADATA}", scope="{SCOPE}"'
            ],
            None,
        ),
        ("challenge-without-error", None, [f'Bearer resource_metadata="{METADATA}", scope="{SCOPE}"']),
        ("prm-absent", [f'Bearer scope="{SCOPE}"'], None),
        (
            "prm-root-only",
            [f'Bearer resource_metadata="$origin/.well-known/oauth-protected-resource", scope="{SCOPE}"'],
            None,
        ),
    ],
)
async def test_each_fault_of_the_challenge(
    start: "StartPair", fault: str, without_token: list[str] | None, with_bad_token: list[str] | None
) -> None:
    async with start(with_faults(DEMO, [fault])) as pair:
        if without_token is not None:
            assert await challenges(pair) == without_token
        if with_bad_token is not None:
            assert await challenges(pair, "garbage") == with_bad_token


async def test_another_origin_leads_to_the_same_metadata(start: "StartPair") -> None:
    async with start(with_faults(DEMO, ["challenge-other-origin"])) as pair:
        (value,) = await challenges(pair)
        url = value.partition('resource_metadata="')[2].partition('"')[0]
        assert url.startswith("http://127.0.0.1:")
        assert (await pair.http.get(url)).json()["resource"] == pair.reference.mcp_url


async def test_a_missing_token_can_be_answered_403(start: "StartPair") -> None:
    async with start(with_faults(DEMO, ["forbidden-without-token"])) as pair:
        answer = await pair.http.get(pair.reference.mcp_url)
    assert (answer.status_code, "www-authenticate" in answer.headers) == (403, False)


async def granted(pair: "Pair", scope: str) -> str:
    token: str = (await pair.tokens(resource=pair.reference.mcp_url, scope=scope))["access_token"]
    return token


async def test_a_tool_that_needs_more_scope_says_which(pair: "Pair") -> None:
    answer = await pair.call_tool(await granted(pair, "profile offline_access"), "get-user-info")
    value = answer.headers["www-authenticate"].replace(pair.reference.mcp_url.removesuffix("/mcp"), "$origin")
    assert answer.status_code == 403
    assert value == (
        'Bearer error="insufficient_scope", error_description="The tool needs more scope.", '
        f'resource_metadata="{METADATA}", scope="profile openid email"'
    )
    assert (await pair.call_tool(await granted(pair, "email"), "get-user-info")).status_code == 200


async def test_other_tools_and_requests_need_no_more_than_a_token(pair: "Pair") -> None:
    token = await granted(pair, "openid")
    assert (await pair.call_tool(token, "get-user-permissions")).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b'[{"method": "tools/list"}, {"method": "tools/call", "params": {"name": "get-user-info"}}]',
        b'{"method": "tools/call", "params": {"name": "get-user-info"}}',
    ],
)
async def test_the_scope_is_looked_for_wherever_a_call_can_be(pair: "Pair", body: bytes) -> None:
    headers = {"Authorization": f"Bearer {await granted(pair, 'openid')}", "Content-Type": "application/json"}
    assert (await pair.http.post(pair.reference.mcp_url, content=body, headers=headers)).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[",
        b"[" * 60_000,
        b'{"method": "tools/call", "params": {"name": ["get-user-info"]}}',
        b'{"method": "tools/call", "params": []}',
        b"[7, null]",
        b" " * (5 * 1024 * 1024),
    ],
    ids=["empty", "broken", "deep", "odd name", "odd params", "odd messages", "too long"],
)
async def test_a_body_that_is_no_call_is_left_to_the_sdk(pair: "Pair", body: bytes) -> None:
    headers = {
        "Authorization": f"Bearer {await granted(pair, 'openid')}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
    }
    answer = await pair.http.post(pair.reference.mcp_url, content=body, headers=headers)
    assert answer.status_code in (400, 413)


@pytest.mark.parametrize(
    ("fault", "status", "expected"),
    [
        ("step-up", 403, 'error_description="The tool needs more scope."'),
        ("step-up-unexplained", 403, 'Bearer error="insufficient_scope"'),
        ("step-up-as-401", 401, 'Bearer error="insufficient_scope", '),
    ],
)
async def test_less_is_asked_for_at_first_where_a_tool_is_to_ask_for_more(
    start: "StartPair", fault: str, status: int, expected: str
) -> None:
    async with start(with_faults(DEMO, [fault])) as pair:
        (first,) = await challenges(pair)
        metadata = pair.reference.mcp_url.replace("/mcp", "/.well-known/oauth-protected-resource/mcp")
        document: dict[str, Any] = (await pair.http.get(metadata)).json()
        answer = await pair.call_tool(await granted(pair, "openid profile"), "get-user-info")
    assert 'scope="openid profile"' in first
    assert document["scopes_supported"] == ["openid", "profile"]
    assert answer.status_code == status
    assert expected in answer.headers["www-authenticate"]
