"""The same client signs in again and again, in one session."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from inspector.session.model import Exchange
from inspector.timeline import Timeline
from tests.rules.good import exchanges, good_steps

ATTEMPTS = 3


def attempts() -> Iterator[Exchange]:
    """Sign-ins a quarter of an hour apart, each with a registration, a state and a code of its own."""
    number = 0
    for attempt in range(ATTEMPTS):
        steps = good_steps()
        for name in ("keys", "refresh", "again"):
            del steps[name]
        client_id, code, state = f"client_{attempt:026d}", f"code-{attempt}", f"state-{attempt}"
        steps["register"]["json"]["client_id"] = client_id
        steps["authorize"]["query"].update(client_id=client_id, state=state)
        steps["authorize"]["location"] = {"code": code, "state": state}
        steps["token"]["form"].update(client_id=client_id, code=code)
        steps["token"]["claim"].update(jti=code, client_id=client_id)
        steps["token"]["json"]["refresh_token"] = f"refresh-{attempt}"
        for exchange in exchanges(steps).values():
            number += 1
            yield replace(exchange, id=number, started_at=exchange.started_at + attempt * 900)


@pytest.mark.parametrize("named_everywhere", [False, True])
def test_each_attempt_is_a_run_from_its_first_request_on(named_everywhere: bool) -> None:
    agent = (("user-agent", "good-client/1.0"),)
    timeline = Timeline()
    for exchange in attempts():
        unnamed = exchange.request_header("user-agent") is None
        extra = agent if named_everywhere and unnamed else ()
        timeline.add(replace(exchange, request_headers=exchange.request_headers + extra))
    assert [len(run.messages) for run in timeline.runs] == [10] * ATTEMPTS
    assert all(run.unauthorized and run.uses for run in timeline.runs)
