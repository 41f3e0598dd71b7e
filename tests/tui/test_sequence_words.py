"""What a row says of its request, in much and in little room."""

from dataclasses import replace

import pytest

from inspector.session.model import Source, State, Translation
from inspector.timeline.message import Message, understand
from inspector.timeline.steps import Status, Step
from inspector.tui.looks import GOOD, MUTED, WARNING
from inspector.tui.widgets.sequence_words import request_text, status_style
from tests.tui.story import story

MESSAGES = {number: understand(each) for number, each in enumerate(story(), 1)}


def step(message: Message, title: str, *, note: str = "", status: Status = Status.OK, phase: int = 4) -> Step:
    return Step(1, phase, message.kind, title, (message.id,), status, message.at, note)


def said(message: Message, title: str, room: int, note: str = "", status: Status = Status.OK) -> str:
    text = request_text(step(message, title, note=note, status=status), message, room)
    assert text.cell_length == room
    return text.plain.rstrip()


@pytest.mark.parametrize(
    ("room", "shown"),
    [
        (60, "/.well-known/openid-configuration  2 tried, the 2nd had it"),
        (40, "…/openid-configuration  2 tried"),
        (26, "…/openid…guration  2 tried"),
        (17, "…/open…ration  2x"),
        (12, "…/o…tion  2x"),
    ],
)
def test_probes_keep_a_legible_path_and_their_number(room: int, shown: str) -> None:
    assert said(MESSAGES[4], "Authorization server metadata", room, "2 tried, the 2nd had it").startswith(shown)


@pytest.mark.parametrize(
    ("room", "shown"),
    [
        (40, "/mcp  loop, 812 times  tools/list"),
        (27, "tools/list  loop, 812 times"),
        (24, "tools/list  812 times"),
        (17, "tools/list  812x"),
    ],
)
def test_a_loop_keeps_its_method_and_its_number(room: int, shown: str) -> None:
    assert said(MESSAGES[8], "tools/list", room, "loop, 812 times") == shown


def test_what_came_instead_of_an_answer_is_said() -> None:
    broken = Message(replace(MESSAGES[5].exchange, status=None, state=State.FAILED), MESSAGES[5].kind)
    assert said(broken, "Register client", 40, status=Status.FAILED) == "/oauth2/register  connection broke"
    assert said(broken, "Register client", 24, status=Status.PENDING) == "/oauth2…egister  waiting"


def test_what_the_inspector_did_is_said_where_there_is_room() -> None:
    token = MESSAGES[7].exchange
    rewritten = replace(token, translations=(Translation("form", "resource", "a", "b"),))
    assert said(Message(rewritten, MESSAGES[7].kind), "Token", 30) == "/oauth2/token  rewritten"
    assert said(Message(rewritten, MESSAGES[7].kind), "Token", 16) == "/oauth2/token"
    replayed = replace(token, source=Source.REPLAY)
    assert said(Message(replayed, MESSAGES[7].kind), "Token", 30) == "/oauth2/token  replay"


def test_the_first_refusal_is_usual_and_a_later_one_is_not() -> None:
    refused, granted = MESSAGES[8], MESSAGES[7]
    assert status_style(step(refused, "initialize", phase=1), refused) == MUTED
    assert status_style(step(refused, "initialize", phase=5), refused) == WARNING
    assert status_style(step(granted, "Token"), granted) == GOOD
