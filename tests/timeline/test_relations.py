from collections.abc import Sequence
from dataclasses import replace

from inspector.session.model import Exchange
from inspector.timeline.message import Kind
from inspector.timeline.relations import Relation, relations
from tests.timeline.build import MCP, Client, run_of

CLIENT = Client(resource=MCP)


def ties(exchanges: Sequence[Exchange], kind: Kind) -> dict[str, Relation]:
    run = run_of(exchanges)
    return dict(relations(run, run.of(kind)[0]))


def test_in_a_good_run_every_value_agrees_with_where_it_comes_from() -> None:
    for kind in (Kind.AUTHORIZE, Kind.TOKEN, Kind.SERVER_METADATA):
        assert all(relation.agrees for relation in ties(CLIENT.story(), kind).values()), kind


def test_the_code_challenge_is_told_by_the_verifier_that_follows() -> None:
    assert ties(CLIENT.story(), Kind.AUTHORIZE)["code_challenge"].text == "the hash of the code_verifier of step 6"
    other = replace_step(CLIENT.redeem(code_verifier="y" * 43))
    assert ties(other, Kind.AUTHORIZE)["code_challenge"].agrees is False
    assert ties(other, Kind.TOKEN)["code_verifier"].agrees is False


def test_what_was_not_seen_neither_agrees_nor_disagrees() -> None:
    alone = [*CLIENT.discovery(), CLIENT.register(), CLIENT.recorded()]
    found = ties(alone, Kind.AUTHORIZE)
    assert found["state"].agrees is None
    assert found["code_challenge"].agrees is None
    unregistered = [*CLIENT.discovery(), CLIENT.authorize()]
    assert ties(unregistered, Kind.AUTHORIZE)["client_id"].agrees is None
    assert "redirect_uri" not in ties(unregistered, Kind.AUTHORIZE)


def test_a_state_that_does_not_come_back_disagrees() -> None:
    answered = CLIENT.authorize(location=f"{CLIENT.redirect_uri}?code=code-a&state=another")
    found = ties([*CLIENT.discovery(), CLIENT.register(), answered], Kind.AUTHORIZE)
    assert found["state"] == Relation("did not come back as sent", agrees=False, step=5)


def test_another_loopback_port_than_registered_is_permitted() -> None:
    elsewhere = CLIENT.authorize(redirect_uri=CLIENT.redirect_uri.replace("8000", "9000"))
    found = ties([*CLIENT.discovery(), CLIENT.register(), elsewhere], Kind.AUTHORIZE)
    assert found["redirect_uri"].agrees
    foreign = CLIENT.authorize(redirect_uri="https://elsewhere.test/callback")
    assert ties([*CLIENT.discovery(), CLIENT.register(), foreign], Kind.AUTHORIZE)["redirect_uri"].agrees is False


def test_another_resource_than_published_is_told_with_the_right_one() -> None:
    found = ties([*CLIENT.discovery(), replace(CLIENT, resource=f"{MCP}x").authorize()], Kind.AUTHORIZE)
    assert found["resource"].agrees is False
    assert found["resource"].expected == MCP


def replace_step(redeemed: Exchange) -> list[Exchange]:
    story = CLIENT.story()
    return [*story[:5], redeemed, *story[6:]]
