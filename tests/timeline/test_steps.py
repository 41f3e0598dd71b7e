"""Timeline rows: phases, titles, folded probes, and legs that were not captured."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from inspector.session.model import Exchange, State
from inspector.timeline import PHASES, Status, Step
from inspector.timeline.message import Kind
from inspector.timeline.steps import Loop, build_steps
from tests.timeline.build import AS, MCP, Client, exchange, result, rpc, run_of

A = Client()
ROOT = "http://localhost:3001/.well-known/oauth-protected-resource"


def steps(exchanges: Sequence[Exchange]) -> tuple[Step, ...]:
    return run_of(exchanges).steps


def test_a_whole_sign_in() -> None:
    found = steps([*A.story(), A.refresh(), A.call("tools/call", token=A.token(2))])
    assert [(step.phase, step.title, step.status) for step in found] == [
        (1, "initialize", Status.REFUSED),
        (1, "Protected resource metadata", Status.OK),
        (1, "Authorization server metadata", Status.OK),
        (2, "Register client", Status.OK),
        (3, "Authorize", Status.OK),
        (4, "Token", Status.OK),
        (5, "initialize", Status.OK),
        (5, "tools/list", Status.OK),
        (6, "Refresh token", Status.OK),
        (5, "tools/call", Status.OK),
    ]
    assert [step.id for step in found] == list(range(1, 11))
    assert [step.exchanges for step in found] == [(number,) for number in range(1, 11)]
    assert {step.phase for step in found} == set(PHASES)


def test_ids_are_consecutive_and_every_exchange_is_in_one_step() -> None:
    story = A.story()
    run = run_of([*story[:2], *[A.server_metadata(status=404)] * 3, *story[2:4], *story[5:], story[7], story[7]])
    assert [step.id for step in run.steps] == list(range(1, len(run.steps) + 1))
    shown = [exchange for step in run.steps for exchange in step.exchanges]
    assert shown == [message.id for message in run.messages]
    assert [run.step_of(message) for message in run.messages] == [step.id for step in run.steps for _ in step.exchanges]
    assert [step.at for step in run.steps] == sorted(step.at for step in run.steps)


@pytest.mark.parametrize(
    ("statuses", "note", "status"),
    [
        ((404, 200), "2 tried, the 2nd had it", Status.OK),
        ((404, 404, 200), "3 tried, the 3rd had it", Status.OK),
        ((404, 200, 200), "3 tried, the 2nd had it", Status.OK),
        ((404, 404), "2 tried, none had it", Status.REFUSED),
        ((200,), "", Status.OK),
        ((404,), "", Status.REFUSED),
    ],
)
def test_probes_of_one_discovery_are_one_row(statuses: Sequence[int], note: str, status: Status) -> None:
    for probes in (
        [A.resource_metadata(status=code) for code in statuses],
        [A.server_metadata(status=code) for code in statuses],
    ):
        found = steps([A.refused(), A.resource_metadata(), A.register(), *probes])[3:]
        (row,) = found
        assert (row.note, row.status, row.phase) == (note, status, 1)
        assert len(row.exchanges) == len(statuses)


def test_a_page_instead_of_a_document_is_no_hit() -> None:
    page = exchange("GET", ROOT, 200)
    row = steps([page, A.resource_metadata()])[0]
    assert row.note == "2 tried, the 2nd had it"


def test_probes_of_both_kinds_are_two_rows() -> None:
    found = steps([A.resource_metadata(), A.server_metadata(), A.resource_metadata()])
    assert [step.kind for step in found] == [Kind.RESOURCE_METADATA, Kind.SERVER_METADATA, Kind.RESOURCE_METADATA]


def test_a_browser_leg_that_was_not_captured_has_a_row_of_its_own() -> None:
    story = A.story()
    found = steps([*story[:4], *story[5:]])
    row = found[4]
    assert (row.id, row.phase, row.kind, row.title) == (5, 3, Kind.AUTHORIZE, "Authorize")
    assert (row.exchanges, row.status, row.note) == ((), Status.NOT_CAPTURED, "browser leg not captured")
    assert found[5].kind is Kind.TOKEN
    assert row.at == found[5].at


def test_a_second_sign_in_that_was_not_captured_is_a_step_up() -> None:
    again = replace(A, name="a2", client_id=A.id)
    found = steps([*A.story(), A.refused(token=A.token()), again.redeem()])
    assert [(step.phase, step.status) for step in found[-2:]] == [(6, Status.NOT_CAPTURED), (6, Status.OK)]


def test_a_refresh_needs_no_authorization() -> None:
    found = steps([A.refused(token="old"), A.resource_metadata(), A.refresh(), A.call(token=A.token(2))])
    assert [step.phase for step in found] == [5, 1, 6, 5]
    assert Status.NOT_CAPTURED not in [step.status for step in found]


def test_the_pages_of_a_sign_in_belong_to_its_row() -> None:
    story = A.story()
    leg = [
        A.recorded(),
        A.authorize(303, f"{AS}/login"),
        exchange("GET", f"{AS}/login", 200),
        exchange("POST", f"{AS}/login", 302, answered=A.redirect),
    ]
    found = steps([*story[:4], *leg, *story[5:]])
    assert found[4].exchanges == (5, 6, 7, 8)
    assert found[4].title == "Authorize"
    assert found[5].title == "Token"


def test_two_authorization_requests_are_two_rows_also_without_state() -> None:
    """A client that sends no state, and asks again because the first token was refused."""
    again = replace(A, name="a2", client_id=A.id)
    one, two = (
        replace(each, url=each.url.replace(f"state={client.state}&", ""))
        for client, each in ((A, A.authorize()), (again, again.authorize()))
    )
    story = A.story()
    found = steps([*story[:4], one, A.redeem(), A.refused(token=A.token()), two, replace(two), again.redeem()])
    assert [step.exchanges for step in found if step.kind is Kind.AUTHORIZE] == [(5,), (8, 9)]
    assert len(run_of([*story[:4], one, replace(one), A.redeem()]).authorizations) == 1


def test_two_requests_in_a_row_are_two_rows() -> None:
    one, two = replace(A, name="a2", client_id=A.id), replace(A, name="a3", client_id=A.id)
    found = steps([*A.story(), A.refused(token=A.token()), one.recorded(), one.authorize(), two.authorize()])
    assert [step.exchanges for step in found[-2:]] == [(10, 11), (12,)]


@pytest.mark.parametrize(
    ("each", "phase"),
    [
        (A.call("initialize", 200), 5),
        (A.call("initialize", 401), 1),
        (A.call("initialize", None), 1),
        (A.call("initialize", None, token="t"), 5),
        (exchange("OPTIONS", MCP, 204, headers={"access-control-request-method": "POST"}), 1),
        (exchange("GET", f"{AS}/oauth2/jwks", 200), 1),
        (exchange("GET", f"{AS}/oauth2/userinfo", 200), 5),
        (exchange("POST", f"{AS}/oauth2/introspection", 200), 5),
        (exchange("POST", f"{AS}/oauth2/revoke", 200), 5),
    ],
)
def test_phases(each: Exchange, phase: int) -> None:
    found = steps([A.resource_metadata(), A.register(), each])
    assert found[-1].phase == phase


def test_signing_in_again_after_a_token_is_phase_six() -> None:
    again = replace(A, name="a2", client_id=A.id)
    found = steps([*A.story(), A.refused(token=A.token()), again.authorize(), again.redeem(), again.call(token="x")])
    assert [step.phase for step in found[-4:]] == [5, 6, 6, 5]


STREAM = (("content-type", "text/event-stream"),)


@pytest.mark.parametrize(
    ("each", "status"),
    [
        (A.call(token="t"), Status.OK),
        (A.call("tools/list", 403, "t"), Status.REFUSED),
        (A.call("tools/list", 500, "t"), Status.REFUSED),
        (A.call("tools/list", None, "t"), Status.PENDING),
        (replace(A.call("tools/list", None, "t"), state=State.FAILED), Status.FAILED),
        (replace(A.call(token="t"), state=State.FAILED), Status.FAILED),
        (replace(A.call(token="t"), state=State.RESPONDING), Status.PENDING),
        (replace(A.call(token="t"), state=State.FAILED, response_headers=STREAM), Status.OK),
        (replace(A.call(token="t"), state=State.RESPONDING, response_headers=STREAM), Status.OK),
    ],
)
def test_how_a_step_ended_on_the_wire(each: Exchange, status: Status) -> None:
    assert steps([each])[-1].status is status


def test_the_recorded_request_counts_as_done() -> None:
    story = A.story()
    assert steps([*story[:4], A.recorded()])[-1].status is Status.OK
    refused = exchange("GET", A.authorize().url, 400)
    assert steps([*story[:4], A.recorded(), refused])[-1].status is Status.REFUSED


def test_titles_of_requests_to_the_server() -> None:
    batch = A.call(sent=[result(), rpc("tools/list"), rpc("ping")], token="t")
    stream = exchange("GET", MCP, 200, headers={"accept": "text/event-stream", "authorization": "Bearer t"})
    end = exchange("DELETE", MCP, 200, headers={"authorization": "Bearer t"})
    assert [step.title for step in steps([batch, stream, end])] == ["tools/list", "GET /mcp", "DELETE /mcp"]


def test_repeated_requests_are_one_row() -> None:
    calls = [A.call("tools/call", token="t")] * 3
    found = steps([*calls, A.call("tools/call", 500, "t"), *calls, A.call("tools/call", token="other")])
    assert [(step.note, len(step.exchanges)) for step in found] == [("3 times", 3), ("", 1), ("3 times", 3), ("", 1)]


def test_of_two_loops_a_row_names_the_longer() -> None:
    messages = run_of([A.refused()]).messages
    for loops in ([Loop((1,), 3), Loop((1,), 9)], [Loop((1,), 9), Loop((1,), 3)]):
        (row,) = build_steps(messages, (), loops)
        assert row.note == "loop, 9 times"


def test_no_messages_no_steps() -> None:
    assert build_steps((), ()) == ()
