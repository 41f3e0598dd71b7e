import asyncio
import base64

import pytest
from mitmproxy.test import tflow

from addons.breakpoints import Held, Release
from addons.commands import Commands
from addons.control import Message
from addons.facts import Facts
from addons.legs import Leg
from addons.parts import Parts
from addons.scope import Scope
from addons.steering import Steering

PEER = object()


@pytest.fixture
def noted() -> list[str]:
    """What a reader of the session is told."""
    return []


@pytest.fixture
def commands(noted: list[str]) -> Commands:
    scope, facts = Scope(), Facts()
    steering = Steering(scope, lambda: None, noted.append)
    return Commands(scope, steering, facts, lambda on: setattr(scope, "record_all", on), noted.append)


def ask(commands: Commands, message: Message) -> Message:
    reply = commands.answer(message, PEER)
    assert reply is not None
    return reply


def why(commands: Commands, message: Message) -> object:
    reply = ask(commands, message)
    assert reply.keys() == {"failed", "why"}
    assert reply["failed"] == message["do"]
    return reply["why"]


async def hold(commands: Commands) -> tuple[Held, asyncio.Task[object]]:
    ask(commands, {"do": "step", "on": True})
    parts = Parts((("a", "b"),), b"body", path="/token?x=1")
    held = Held("request", Leg.TOKEN, "POST", "http://h/token?x=1", parts, tflow.tclient_conn(), exchange=7)
    waiting: asyncio.Task[object] = asyncio.create_task(commands.steering.breakpoints.hold(held))
    await asyncio.sleep(0)
    return held, waiting


def test_the_scope_is_shown_and_edited(commands: Commands) -> None:
    commands.steering.breakpoints.changed()
    shown = ask(commands, {"do": "scope", "add": "https://h/mcp"})
    assert shown["origins"] == [{"origin": "https://h", "why": "you named it"}]
    assert ask(commands, {"do": "scope"}) == shown
    assert ask(commands, {"do": "scope", "record_all": True})["record_all"] is True
    assert ask(commands, {"do": "scope", "remove": "https://h"})["origins"] == []
    for nonsense in ("h", 7, None):
        assert why(commands, {"do": "scope", "add": nonsense}) == "That is not an http or https URL."


def test_patches_are_switched_and_listed(commands: Commands) -> None:
    assert ask(commands, {"do": "patch", "on": "add-resource"})["active"] == [{"patch": "add-resource", "applied": 0}]
    known = ask(commands, {"do": "patches"})["known"]
    assert isinstance(known, list)
    assert {"name", "takes", "what"} == known[0].keys()
    assert str(why(commands, {"do": "patch", "on": "x"})).startswith("There is no wire patch 'x'")
    assert ask(commands, {"do": "patch", "off": "add-resource"})["active"] == []
    assert why(commands, {"do": "patch", "off": "add-resource"}) == "No wire patch add-resource is on."


def test_each_switch_of_a_patch_is_noted_without_its_value(commands: Commands, noted: list[str]) -> None:
    for message in ({"on": "set-header=Authorization=Bearer secret"}, {"on": "add-resource"}, {"off": "set-header"}):
        ask(commands, {"do": "patch", **message})
    assert noted == [
        "The wire patch set-header Authorization was switched on.",
        "The wire patch add-resource was switched on.",
        "The wire patch set-header Authorization was switched off.",
    ]


async def test_a_held_message_is_shown_whole_and_only_what_is_named_changes(commands: Commands) -> None:
    held, waiting = await hold(commands)
    line = {
        "id": held.id,
        "side": "request",
        "what": "token",
        "method": "POST",
        "url": "http://h/token?x=1",
        "exchange": 7,
        "since": held.since,
        "deadline": held.deadline,
    }
    assert ask(commands, {"do": "step"})["held"] == [line]
    whole = {"path": "/token?x=1", "headers": [["a", "b"]], "body": base64.b64encode(b"body").decode()}
    assert ask(commands, {"do": "held", "id": held.id}) == {"did": "held", "held": {**line, **whole}}
    assert ask(commands, {"do": "edit", "id": held.id, "headers": [["c", "d"]]})["did"] == "edit"
    assert await waiting == Release(Parts((("c", "d"),), b"body", path="/token?x=1"))


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        ({"path": "token"}, "A path begins with /"),
        ({"path": "/a b"}, "A path begins with /"),
        ({"path": "/a\r\nX: y"}, "A path begins with /"),
        ({"path": "/\u20ac"}, "A path begins with /"),
        ({"headers": [["a", "b\r\nc: d"]]}, "Headers are a list of pairs"),
        ({"headers": [["a: b", "c"]]}, "Headers are a list of pairs"),
        ({"headers": [["a"]]}, "Headers are a list of pairs"),
        ({"headers": "a"}, "Headers are a list of pairs"),
        ({"body": "\u00e9"}, "A body is given in Base64."),
        ({"body": 7}, "A body is given in Base64."),
    ],
)
async def test_what_cannot_be_sent_is_refused_and_the_message_stays(
    commands: Commands, edit: Message, says: str
) -> None:
    held, waiting = await hold(commands)
    assert str(why(commands, {"do": "edit", "id": held.id, **edit})).startswith(says)
    assert not waiting.done()
    assert ask(commands, {"do": "release", "id": held.id})["did"] == "release"
    assert await waiting == Release()


async def test_an_answer_needs_a_status_that_ends_a_request(commands: Commands) -> None:
    held, waiting = await hold(commands)
    for status in (100, 600, "200", True):
        assert (
            why(commands, {"do": "answer", "id": held.id, "status": status}) == "A status is a number from 200 to 599."
        )
    assert ask(commands, {"do": "drop", "id": held.id})["did"] == "drop"
    await waiting


@pytest.mark.parametrize("seconds", [0, -1, 1e9, "60", True, None])
def test_a_message_is_held_for_a_sane_time(commands: Commands, seconds: object) -> None:
    says = "Messages can be held for 1 to 3600 seconds."
    assert why(commands, {"do": "step", "on": True, "seconds": seconds}) == says
    assert not commands.steering.breakpoints.on


@pytest.mark.parametrize("message", [{"do": "release", "id": "1"}, {"do": "step", "on": 1}, {"do": "nonsense"}, {}])
def test_what_is_no_message_of_ours_is_left_to_others(commands: Commands, message: Message) -> None:
    assert commands.answer(message, PEER) is None
