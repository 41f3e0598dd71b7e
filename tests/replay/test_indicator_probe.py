"""Whether a resource indicator is configured, told from how a made-up code is refused."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from inspector.errors import ReplayFailure
from inspector.protocol.params import Params
from inspector.reference.authkit import tokens
from inspector.reference.authkit.audience import granted_audience
from inspector.reference.authkit.emulator import AuthKit
from inspector.reference.authkit.parameters import Parameters
from inspector.reference.authkit.store import Client, Grant
from inspector.reference.pair import Reference
from inspector.reference.settings import DEMO, Settings
from inspector.replay.indicator_probe import Answer, Asked, Question, Says, ask, discovered, judge, question_of
from inspector.session.model import Exchange
from tests.replay.conftest import Canary, listening
from tests.replay.recording import record_client

type Record = Callable[[Exchange], Exchange]

OTHER = "http://elsewhere.example/mcp"


@pytest.fixture
def resource_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """An emulator that looks at the resource before the code."""
    redeem = tokens._redeem_code

    def redeemed(authkit: AuthKit, client: Client, form: Parameters) -> Grant:
        granted_audience(authkit.settings, form.all("resource"), form.all("resource"))
        return redeem(authkit, client, form)

    monkeypatch.setattr(tokens, "_redeem_code", redeemed)


async def asked_at(settings: Settings, record: Record) -> Answer:
    async with Reference(settings) as pair:
        question = await discovered(pair.mcp_url, record=record, may_ask=lambda origin: True)
        return await ask(question, record=record)


@pytest.mark.usefixtures("resource_first")
@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (DEMO, Says.CONFIGURED),
        (replace(DEMO, resource_indicators=(OTHER,)), Says.NOT_CONFIGURED),
        (replace(DEMO, resource_indicators=()), Says.CANNOT_TELL),
    ],
)
async def test_the_answers_tell_where_the_resource_is_looked_at_first(
    settings: Settings, says: Says, record: Record, recorded: list[Exchange]
) -> None:
    answer = await asked_at(settings, record)
    assert answer.says is says
    assert answer.asked[0].answer == "400 invalid_grant"
    sent = [e for e in recorded if e.url.endswith("/oauth2/token")]
    forms = [Params.parse(e.request_body.data.decode()) for e in sent]
    assert [form.get("resource") for form in forms] == [each.resource for each in answer.asked]
    assert all((form.get("code") or "").startswith("made-up-") for form in forms)
    assert all(each.resource is None or each.resource in "\n".join(answer.lines()) for each in answer.asked)


@pytest.mark.parametrize("settings", [DEMO, replace(DEMO, resource_indicators=(OTHER,))])
async def test_where_the_code_is_looked_at_first_it_says_that_it_cannot_tell(
    settings: Settings, record: Record
) -> None:
    answer = await asked_at(settings, record)
    assert answer.says is Says.CANNOT_TELL
    assert "looks at the code first" in answer.sentence


async def test_the_question_says_what_is_sent_and_a_registration_that_stays_is_told(record: Record) -> None:
    async with Reference(DEMO) as pair:
        question = await discovered(pair.mcp_url, record=record, may_ask=lambda origin: True)
        said = "\n".join(question.lines())
        answer = await ask(question, record=record)
    assert f"POST {pair.issuer}/oauth2/register" in said
    assert f"POST {pair.issuer}/oauth2/token  (3 times)" in said
    assert f"resource={pair.mcp_url}" in said
    assert "stays there" in answer.remarks[0]


async def test_a_recording_gives_the_client_and_no_secret(record: Record) -> None:
    judged = await record_client("compliant")
    question = question_of(judged.run)
    assert question.client_id
    assert question.resource == judged.run.server_url
    assert question.token_endpoint.endswith("/oauth2/token")


QUESTION = Question("https://x.authkit.app/oauth2/token", "https://mcp.example/mcp", "client_1")


def answers(*errors: str) -> tuple[Asked, ...]:
    return tuple(Asked(None, 400, error, 1) for error in errors)


@pytest.mark.parametrize(
    ("errors", "says"),
    [
        (("invalid_grant", "invalid_target", "invalid_target"), Says.NOT_CONFIGURED),
        (("invalid_code", "invalid_code", "invalid_target"), Says.CONFIGURED),
        (("invalid_grant", "invalid_grant", "invalid_grant"), Says.CANNOT_TELL),
        (("invalid_client", "invalid_client", "invalid_client"), Says.CANNOT_TELL),
        (("invalid_request", "invalid_target", "invalid_target"), Says.CANNOT_TELL),
        (("invalid_grant", "server_error", "invalid_target"), Says.CANNOT_TELL),
        (("invalid_grant", "invalid_target", "invalid_grant"), Says.CANNOT_TELL),
        (("", "", ""), Says.CANNOT_TELL),
    ],
)
def test_only_known_answers_are_judged(errors: tuple[str, ...], says: Says) -> None:
    assert judge(QUESTION, answers(*errors))[0] is says
    other = replace(QUESTION, token_endpoint="https://as.example/token")
    assert judge(other, answers(*errors))[0] is Says.CANNOT_TELL


# Hostile metadata


def metadata(body: object) -> bytes:
    data = json.dumps(body).encode()
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + data


async def test_nobody_is_asked_whom_the_user_does_not_want(canary: Canary, record: Record) -> None:
    async with listening(metadata({"resource": "x", "authorization_servers": [canary.url]})) as server:
        with pytest.raises(ReplayFailure, match="did not want"):
            await discovered(server.url, record=record, may_ask=lambda origin: False)
    assert canary.received == []


async def test_endpoints_at_another_server_are_refused(canary: Canary, record: Record) -> None:
    endpoints = {"token_endpoint": f"{canary.url}/oauth2/token", "registration_endpoint": f"{canary.url}/register"}
    async with listening(metadata(endpoints)) as issuer:
        named = {"resource": "x", "authorization_servers": [issuer.url]}
        async with listening(metadata(named)) as server:
            with pytest.raises(ReplayFailure, match="at other servers"):
                await discovered(server.url, record=record, may_ask=lambda origin: True)
    assert canary.received == []


async def test_a_registration_cannot_send_the_removal_elsewhere(canary: Canary, record: Record) -> None:
    manage = {"client_id": "x", "registration_client_uri": f"{canary.url}/x", "registration_access_token": "t" * 20}
    async with listening(metadata(manage)) as server:
        question = Question(f"{server.url}/oauth2/token", "https://mcp.example", None, f"{server.url}/register")
        answer = await ask(question, record=record)
    assert canary.received == []
    assert "stays there" in answer.remarks[0]
