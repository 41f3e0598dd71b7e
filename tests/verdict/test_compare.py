from dataclasses import replace

from inspector.session.model import Exchange
from inspector.verdict.analysis import analyse
from inspector.verdict.compare import Comparison, Difference, compare
from inspector.verdict.model import Judged
from tests.timeline.build import MCP, Client, timed


def judged(exchanges: list[Exchange]) -> Judged:
    return analyse(timed(exchanges)).runs[-1]


def told(comparison: Comparison) -> list[tuple[str, str, str]]:
    return [(each.name, each.left, each.right) for pair in comparison.pairs for each in pair.differences]


def test_the_same_client_a_second_time_is_no_difference() -> None:
    comparison = compare(judged(Client().story()), judged(Client("b").story()))
    names = {name for name, _, _ in told(comparison)}
    assert names <= {"client_name", "redirect_uris", "redirect_uri"}, "the two clients have other names, on purpose"
    assert names.isdisjoint({"state", "code", "code_challenge", "code_verifier", "client_id"})


def test_the_first_difference_is_the_parameter_that_one_side_leaves_out() -> None:
    comparison = compare(judged(Client().story()), judged(Client(resource=MCP).story()))
    assert comparison.first is not None
    pair = comparison.pairs[comparison.first]
    assert pair.left is not None
    assert pair.left.title == "Authorize"
    assert pair.differences == (Difference("query", "resource", "not sent", "{server}/mcp", of_request=True),)
    assert "resource-missing-authorize" in comparison.only_left
    assert comparison.only_right == ()


def test_servers_at_other_addresses_are_the_same_servers() -> None:
    here = Client(resource=MCP)
    there = Client(server="http://127.0.0.1:9/mcp", issuer="http://127.0.0.1:8", resource="http://127.0.0.1:9/mcp")
    assert compare(judged(here.story()), judged(there.story())).first is None


def test_a_step_that_one_side_never_took_stands_alone() -> None:
    story = Client(resource=MCP).story()
    without = [each for each in story if "/register" not in each.url]
    comparison = compare(judged(story), judged(without))
    alone = [pair for pair in comparison.pairs if pair.right is None]
    assert [pair.left.title for pair in alone if pair.left] == ["Register client"]
    assert comparison.first == comparison.pairs.index(alone[0])


def test_another_outcome_is_told_by_its_status() -> None:
    client = Client(resource=MCP)
    good, refused = client.story(), client.story()
    refused[-1] = client.refused("tools/list", token=client.token())
    assert ("", "200", "401") in told(compare(judged(good), judged(refused)))


def test_a_token_itself_is_never_among_the_values() -> None:
    client = Client(resource=MCP)
    other = replace(client, name="z")
    said = [
        value
        for _, left, right in told(compare(judged(client.story()), judged(other.story())))
        for value in (left, right)
    ]
    assert not any("token-" in value or "verifier-" in value or "code-" in value for value in said)
