"""What rules take from a run where it knows more than one of a thing."""

import pytest

from inspector.rules.facts import metadata_behind, stated_issuer
from inspector.rules.model import NotObserved
from tests.timeline.build import Client, run_of

OLD, NEW = Client(), Client(issuer="https://new.example").again()


def test_the_metadata_behind_a_token_request_is_that_of_its_endpoint_when_the_browser_leg_is_missing() -> None:
    """The server has moved to another authorization server between two sign-ins of one attempt."""
    old = [*OLD.discovery(), OLD.redeem()]
    moved = [NEW.refused(token=OLD.token()), NEW.resource_metadata(), NEW.server_metadata(), NEW.redeem()]
    run = run_of([*old, *moved])
    assert [exchange.authorization for exchange in run.token_exchanges] == [None, None]
    stated = [stated_issuer(run, None, exchange)[1] for exchange in run.token_exchanges]
    assert stated == [OLD.issuer, NEW.issuer]


def test_the_authorization_request_decides_where_it_was_captured() -> None:
    run = run_of([*OLD.story()[:6], NEW.server_metadata(), OLD.refresh()])
    (authorization,) = run.authorizations
    assert metadata_behind(run, authorization, run.refreshes[0]) is run.server_metadata
    assert stated_issuer(run, authorization)[1] == OLD.issuer


def test_an_endpoint_that_no_metadata_names_leaves_the_metadata_the_client_worked_with() -> None:
    run = run_of([*OLD.discovery(), OLD.register(), OLD.authorize()])
    assert metadata_behind(run, None) is run.server_metadata
    with pytest.raises(NotObserved):
        metadata_behind(run_of([OLD.refused()]), None)
