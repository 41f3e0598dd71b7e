import tomllib
from importlib.resources import files

from inspector.timeline.message import Kind
from inspector.verdict.analysis import analyse
from inspector.verdict.walk import Stop, walk
from tests.timeline.build import MCP, Client, timed

TOUR = tomllib.loads((files("inspector.verdict") / "walk.toml").read_text("utf-8"))


CLIENT = Client(resource=MCP)


def tour(client: Client = CLIENT) -> tuple[Stop, ...]:
    return walk(analyse(timed(client.story())).runs[-1])


def test_the_tour_stops_at_every_row_in_order() -> None:
    run = analyse(timed(Client().story())).runs[-1].run
    assert [stop.step for stop in walk(analyse(timed(Client().story())).runs[-1])] == list(run.steps)


def test_each_stop_says_what_happens_and_what_to_look_at() -> None:
    for stop in tour():
        assert stop.happens.endswith(".")
        assert stop.look.endswith(".")


def test_the_first_call_is_told_as_the_refusal_that_begins_a_sign_in() -> None:
    first, *_, last = tour()
    assert "without a token" in first.happens
    assert {said.name: said.value for said in first.answered}["resource_metadata"].endswith(
        "oauth-protected-resource/mcp"
    )
    assert "the sign-in worked" in last.happens


def test_what_was_sent_is_told_in_the_order_that_matters() -> None:
    authorize = next(stop for stop in tour() if stop.step.kind is Kind.AUTHORIZE)
    assert [said.name for said in authorize.sent] == ["client_id", "redirect_uri", "resource", "state"]
    assert {said.name: said.value for said in authorize.sent}["resource"] == MCP


def test_what_is_wrong_stands_at_its_own_stop() -> None:
    stops = tour(Client())
    wrong = {stop.step.kind: [finding.rule for finding in stop.findings] for stop in stops if stop.findings}
    assert "resource-missing-authorize" in wrong[Kind.AUTHORIZE]
    assert "resource-missing-token" in wrong[Kind.TOKEN]


def test_a_leg_that_was_not_captured_is_told_as_such() -> None:
    client = Client(resource=MCP)
    story = [each for each in client.story() if "/authorize" not in each.url]
    stops = walk(analyse(timed(story)).runs[-1])
    unseen = next(stop for stop in stops if stop.message is None)
    assert "out of the inspector's sight" in unseen.happens


def test_a_refresh_is_no_code_exchange() -> None:
    client = Client(resource=MCP)
    stops = walk(analyse(timed([*client.story(), client.refresh()])).runs[-1])
    assert "refresh token" in stops[-1].happens


def test_the_tables_are_written_alike() -> None:
    for name, table in TOUR.items():
        assert set(table) == {"happens", "look", "sent", "answered"}, name
