from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from inspector.reference.settings import DEMO

if TYPE_CHECKING:
    from tests.reference.conftest import Pair, StartPair

ASKING = replace(DEMO, auto_approve=False)
HOSTILE_NAME = '<script>alert(1)</script>" onfocus="x'


class Page(HTMLParser):
    """What of a page a keyboard or a screen reader can use."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.names: set[str] = set()
        self.labelled: set[str] = set()
        self.fields: dict[str, dict[str, str | None]] = {}
        self.text = ""
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.append(tag)
        self.names |= attributes.keys()
        if tag == "label":
            self.labelled.add(attributes["for"] or "")
        if tag == "input":
            self.fields[attributes["name"] or ""] = attributes

    def handle_data(self, data: str) -> None:
        self.text += data


def parameters(location: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


async def test_auto_approval_answers_with_a_code_and_the_state(pair: "Pair") -> None:
    client = await pair.register()
    answer = await pair.authorize(client["client_id"], state="a&b=ü")
    assert answer.status_code == 302
    assert parameters(answer.headers["location"])["state"] == "a&b=ü"
    assert parameters(answer.headers["location"])["code"]


async def test_a_custom_scheme_gets_its_redirect_uri_back_unchanged(pair: "Pair") -> None:
    client = await pair.register(redirect_uris=["warp://mcp/oauth2callback"])
    answer = await pair.authorize(client["client_id"], redirect_uri="warp://mcp/oauth2callback", state=None)
    assert answer.headers["location"].startswith("warp://mcp/oauth2callback?code=")
    assert "state" not in parameters(answer.headers["location"])


async def test_the_port_of_a_loopback_redirect_uri_may_differ(pair: "Pair") -> None:
    client = await pair.register()
    answer = await pair.authorize(client["client_id"], redirect_uri="http://127.0.0.1:1/callback")
    assert answer.headers["location"].startswith("http://127.0.0.1:1/callback?code=")


@pytest.mark.parametrize("client_id", ["client_01STALE", DEMO.environment_client_id, ""])
async def test_an_unknown_client_ends_on_a_page_and_not_at_the_client(pair: "Pair", client_id: str) -> None:
    answer = await pair.authorize(client_id)
    expected = "application_not_found" if client_id else "invalid_request"
    assert (answer.status_code, answer.headers["location"]) == (302, f"/oauth2/error?error={expected}")
    page = await pair.http.get(pair.at_authkit(answer.headers["location"]))
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert expected in Page(page).text


@pytest.mark.parametrize("query", ["client_id=%ff", "%00=%00", "client_id=a&client_id=b", "&".join("abc" * 99)])
@pytest.mark.parametrize("host", ["localhost", "["])
async def test_nonsense_ends_on_the_error_page_too(pair: "Pair", query: str, host: str) -> None:
    answer = await pair.http.get(pair.at_authkit("/oauth2/authorize?" + query), headers={"Host": host})
    assert answer.status_code == 302
    assert answer.headers["location"].startswith("/oauth2/error?error=")


async def test_the_error_page_escapes_what_the_url_says(pair: "Pair") -> None:
    page = await pair.http.get(pair.at_authkit("/oauth2/error"), params={"error": HOSTILE_NAME})
    assert "script" not in Page(page).tags
    assert HOSTILE_NAME in Page(page).text


async def test_another_redirect_uri_never_gets_the_answer(pair: "Pair") -> None:
    client = await pair.register()
    answer = await pair.authorize(client["client_id"], redirect_uri="http://127.0.0.1:33418/other")
    assert answer.headers["location"] == "/oauth2/error?error=invalid_redirect_uri"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"scope": ["openid", "email"]}, "invalid_request"),
    ],
)
async def test_other_mistakes_are_told_to_the_client_with_its_state(
    pair: "Pair", changes: dict[str, str | list[str] | None], error: str
) -> None:
    client = await pair.register()
    answer = await pair.authorize(client["client_id"], **changes)
    told = parameters(answer.headers["location"])
    assert (told["error"], told["state"]) == (error, "opaque state")
    assert "code" not in told


async def test_the_consent_page_works_for_everybody_and_runs_nothing(start: "StartPair") -> None:
    async with start(ASKING) as pair:
        client = await pair.register(client_name=HOSTILE_NAME)
        answer = await pair.authorize(client["client_id"], resource=pair.reference.mcp_url)
        page = Page(answer)
        assert answer.status_code == 200
        assert '<html lang="en">' in answer.text
        assert {"title", "main", "h1", "form", "label"} <= set(page.tags)
        assert "script" not in page.tags
        assert not {name for name in page.names if name.startswith("on")}
        assert {"email"} == page.labelled == {a["id"] for a in page.fields.values() if a["type"] != "hidden"}
        assert page.tags.count("button") == 2
        assert f"{HOSTILE_NAME} asks for access" in page.text
        assert pair.reference.mcp_url in page.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_allowing_redeems_to_the_user_who_signed_in(start: "StartPair") -> None:
    async with start(ASKING) as pair:
        client_id = (await pair.register())["client_id"]
        page = Page(await pair.authorize(client_id))
        form = {"sign_in": page.fields["sign_in"]["value"], "email": "grace@example.com", "decision": "allow"}
        answer = await pair.http.post(pair.at_authkit("/oauth2/consent"), data=form)
        assert answer.status_code == 303
        assert parameters(answer.headers["location"])["state"] == "opaque state"
        tokens = (await pair.redeem(client_id, parameters(answer.headers["location"])["code"])).json()
        user = await pair.http.get(
            pair.at_authkit("/oauth2/userinfo"), headers={"Authorization": f"Bearer {tokens['access_token']}"}
        )
        again = await pair.http.post(pair.at_authkit("/oauth2/consent"), data=form)
    assert user.json()["email"] == "grace@example.com"
    assert (again.status_code, "location" in again.headers) == (400, False)


async def test_denying_tells_the_client(start: "StartPair") -> None:
    async with start(ASKING) as pair:
        page = Page(await pair.authorize((await pair.register())["client_id"]))
        form = {"sign_in": page.fields["sign_in"]["value"], "decision": "deny"}
        answer = await pair.http.post(pair.at_authkit("/oauth2/consent"), data=form)
    told = parameters(answer.headers["location"])
    assert (told["error"], told["state"]) == ("access_denied", "opaque state")


async def test_a_bad_email_address_is_asked_for_again(start: "StartPair") -> None:
    async with start(ASKING) as pair:
        page = Page(await pair.authorize((await pair.register())["client_id"]))
        form = {"sign_in": page.fields["sign_in"]["value"], "email": '"><b>', "decision": "allow"}
        answer = await pair.http.post(pair.at_authkit("/oauth2/consent"), data=form)
    again = Page(answer)
    assert answer.status_code == 400
    assert again.fields["email"]["aria-invalid"] == "true"
    assert again.fields["email"]["value"] == '"><b>'
    assert "Enter an email address" in again.text
