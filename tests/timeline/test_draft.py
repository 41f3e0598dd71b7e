"""What a new attempt knows from the one before."""

from inspector.timeline.draft import Draft
from inspector.timeline.message import Message, understand
from tests.timeline.build import MCP, Client, exchange, timed

A = Client()


def drafted(draft: Draft, *clients: Client) -> dict[int, Message]:
    story = [each for client in clients for each in [*client.discovery(), client.register()]]
    for each in timed(story):
        draft.messages[each.id] = understand(each)
        draft.learn(draft.messages[each.id])
    return draft.messages


def test_metadata_and_the_own_registration_are_remembered_once() -> None:
    before, again = Draft(1, MCP), Draft(2, MCP)
    messages = drafted(before, A, Client("b"))
    again.follow(before)
    known = [message.id for message in again.remembered(A.id)]
    assert known == [2, 3, 6, 7, 4]
    assert messages[1].id not in known
    assert again.remembered(A.id) == []


def test_what_was_asked_for_again_is_not_remembered() -> None:
    before, again = Draft(1, MCP), Draft(2, MCP)
    drafted(before, A)
    again.follow(before)
    again.messages[9] = understand(A.resource_metadata())
    again.messages[10] = understand(A.register())
    assert [message.id for message in again.remembered(A.id)] == [3]


def test_a_first_attempt_remembers_nothing() -> None:
    assert Draft(1, MCP).remembered(A.id) == []


def test_metadata_that_was_not_found_is_not_remembered() -> None:
    before, again = Draft(1, MCP), Draft(2, MCP)
    before.messages[1] = understand(exchange("GET", A.metadata_url, 404, answer={}))
    again.follow(before)
    assert again.remembered("") == []
