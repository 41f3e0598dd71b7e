"""Calls at a support desk that take two sign-ins: two servers, two attempts, two windows."""

from dataclasses import replace

from inspector.rules.model import Party
from inspector.session.model import Exchange
from inspector.verdict.analysis import analyse
from inspector.verdict.model import Verdict
from tests.cases.harmless import another
from tests.cases.rows import CLAUDE_CODE, CURSOR, Changes, signs_in
from tests.rules.changes import recording

ID = "https://id.example.com"
ONE: Changes = {"endpoint": "https://one.example.com/mcp", "issuer": ID}
TWO: Changes = {"endpoint": "https://two.example.com/mcp", "issuer": ID}


def later(recorded: dict[str, Exchange], seconds: float, number: int = 100) -> list[Exchange]:
    return [
        replace(each, id=each.id + number, changed=each.id + number, started_at=each.started_at + seconds)
        for each in recorded.values()
    ]


def verdicts(*sign_ins: list[Exchange]) -> dict[str, Verdict]:
    """The last verdict for each MCP server."""
    runs = analyse([each for sign_in in sign_ins for each in sign_in]).runs
    return {judged.run.server_url: judged.verdict for judged in runs}


def test_one_client_at_two_servers_of_one_authorization_server() -> None:
    first = recording(signs_in(CLAUDE_CODE, ONE))
    second = recording(signs_in(CLAUDE_CODE, {**TWO, "set": another()}))
    found = verdicts(list(first.values()), later(second, 0.4))
    assert {url: verdict.party for url, verdict in found.items()} == {
        ONE["endpoint"]: Party.NONE,
        TWO["endpoint"]: Party.NONE,
    }


def test_token_of_one_server_at_the_other() -> None:
    first = recording(signs_in(CLAUDE_CODE, ONE))
    token = dict(first["initialize"].request_headers)["authorization"].removeprefix("Bearer ")
    stolen = {**TWO, "drop_step": ["register", "authorize", "token", "keys"], "until": "initialize"}
    second = recording(signs_in(CLAUDE_CODE, {**stolen, "refuse": ["initialize"], "set": {"initialize.bearer": token}}))
    found = verdicts(list(first.values()), later(second, 30.5))
    assert [verdict.party for verdict in found.values()].count(Party.CLIENT) == 1
    assert not any(verdict.party is Party.MCP_SERVER for verdict in found.values())


def test_two_windows_of_one_client_where_one_fails() -> None:
    good = recording(signs_in(CLAUDE_CODE, ONE))
    values = another() | {"token.status": 400, "token.json": {"error": "invalid_target"}}
    bad = recording(signs_in(replace(CURSOR, client_id="cursor-1"), {**ONE, "until": "token", "set": values}))
    runs = analyse([*good.values(), *later(bad, 0.4)]).runs
    assert {judged.run.client.name: judged.verdict.party for judged in runs} == {
        CLAUDE_CODE.name: Party.NONE,
        CURSOR.name: Party.CONFIGURATION,
    }


def test_failed_first_and_works_later() -> None:
    values = {"token.claim.aud": "client_01HZENVAUTHKIT0000000000AB"}
    drop = ["authorize.query.resource", "token.form.resource"]
    changes = {**ONE, "until": "initialize", "refuse": ["initialize"], "drop": drop, "set": values}
    yesterday = recording(signs_in(CLAUDE_CODE, changes))
    today = recording(signs_in(CLAUDE_CODE, {**ONE, "set": another()}))
    runs = analyse([*yesterday.values(), *later(today, 1_000)]).runs
    assert [judged.verdict.party for judged in runs] == [Party.CLIENT, Party.NONE]


def test_worked_yesterday_and_fails_today() -> None:
    yesterday = recording(signs_in(CLAUDE_CODE, ONE))
    values = another() | {"token.status": 400, "token.json": {"error": "invalid_target"}}
    today = recording(signs_in(CLAUDE_CODE, {**ONE, "until": "token", "set": values}))
    runs = analyse([*yesterday.values(), *later(today, 86_400)]).runs
    assert [judged.verdict.party for judged in runs] == [Party.NONE, Party.CONFIGURATION]
