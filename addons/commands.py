"""What a user interface may ask of a running proxy, and what it is answered."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, replace

from addons.breakpoints import HOLD_FOR, Answer, Breakpoints, Drop, Held, Release
from addons.control import Message
from addons.facts import Facts
from addons.parts import Parts
from addons.patches import KINDS, Patches
from addons.scope import Scope
from addons.steering import Steering
from inspector.errors import InspectorError

_LONGEST_HOLD = 3600.0
"""Seconds that a message may be held at most, whatever is asked."""


class Refused(InspectorError):
    """A message that cannot be followed; the text says why."""


@dataclass(frozen=True, slots=True)
class Commands:
    """Answers every message about the scope, step mode, patches and facts; the rest is not ours (None).

    `record_all` switches that on or off. `note` writes down what a reader of the session has to know of the capture.
    """

    scope: Scope
    steering: Steering
    facts: Facts
    record_all: Callable[[bool], None]
    note: Callable[[str], None]

    def answer(self, message: Message, peer: object) -> Message | None:
        """The reply to a message of that user interface."""
        try:
            return self._answer(message, peer)
        except InspectorError as error:
            return {"failed": str(message.get("do")), "why": str(error)}

    def _answer(self, message: Message, peer: object) -> Message | None:
        patches, breakpoints = self.steering.patches, self.steering.breakpoints
        match message:
            case {"do": "facts"}:
                return {"did": "facts", "facts": dict(self.facts.as_json())}
            case {"do": "scope", "add": url}:
                self._change_scope(self.scope.add, url)
            case {"do": "scope", "remove": url}:
                self._change_scope(self.scope.remove, url)
            case {"do": "scope", "record_all": bool(on)}:
                self.record_all(on)
            case {"do": "patch", "on": str(text)}:
                self.note(f"The wire patch {patches.switch_on(text).title} was switched on.")
            case {"do": "patch", "off": str(text)}:
                off = patches.switch_off(text)
                if not off:
                    raise Refused(f"No wire patch {text} is on.")
                for patch in off:
                    self.note(f"The wire patch {patch.title} was switched off.")
            case {"do": "step", "on": True}:
                breakpoints.switch_on(
                    peer,
                    responses=message.get("responses") is True,
                    mcp=message.get("mcp") is True,
                    hold_for=_seconds(message.get("seconds", HOLD_FOR)),
                )
            case {"do": "step", "on": False}:
                breakpoints.switch_off()
            case {"do": "held", "id": int(id)}:
                return {"did": "held", "held": _whole(_find(breakpoints, id))}
            case {"do": "release", "id": int(id)}:
                breakpoints.decide(_find(breakpoints, id).id, Release())
            case {"do": "drop", "id": int(id)}:
                breakpoints.decide(_find(breakpoints, id).id, Drop())
            case {"do": "edit", "id": int(id)}:
                held = _find(breakpoints, id)
                breakpoints.decide(id, Release(_edited(held.parts, message)))
            case {"do": "answer", "id": int(id)}:
                if _find(breakpoints, id).side != "request":
                    raise Refused("Only a request can be answered; edit the response instead.")
                answer = Parts((("Content-Type", "application/json"),), b"", status=200)
                breakpoints.decide(id, Answer(_edited(answer, message)))
            case {"do": "scope" | "patch" | "patches" | "step" | "held"} if len(message) == 1:
                pass  # a look only
            case _:
                return None
        return {"did": message["do"], **self._state(str(message["do"]))}

    def _change_scope(self, change: Callable[[str], bool], url: object) -> None:
        if not isinstance(url, str) or not change(url):
            raise Refused("That is not an http or https URL.")

    def _state(self, about: str) -> Message:
        match about:
            case "scope":
                return scope_state(self.scope, self.facts)
            case "patch" | "patches":
                return patches_state(self.steering.patches)
        return step_state(self.steering.breakpoints)


def scope_state(scope: Scope, facts: Facts) -> Message:
    """What is recorded and why, and what is not."""
    return {
        "origins": [{"origin": origin, "why": why} for origin, why in scope.listing()],
        "record_all": scope.record_all,
        "learns_servers": scope.learns_servers,
        "unrecorded": facts.unrecorded.as_json(),
    }


def patches_state(patches: Patches) -> Message:
    """Which patches are on and how often each has changed something, and which there are."""
    return {
        "active": [{"patch": str(patch), "applied": patches.applied[patch]} for patch in patches.active],
        "known": [{"name": name, "takes": kind.takes, "what": kind.what} for name, kind in KINDS.items()],
    }


def step_state(breakpoints: Breakpoints) -> Message:
    """How step mode is set, and what waits."""
    return {
        "on": breakpoints.on,
        "responses": breakpoints.responses,
        "mcp": breakpoints.mcp,
        "seconds": breakpoints.hold_for,
        "held": [brief(held) for held in breakpoints.held],
    }


def brief(held: Held) -> Message:
    """A held message as a line of a list."""
    return {
        "id": held.id,
        "side": held.side,
        "what": held.leg.value,
        "method": held.method,
        "url": held.url,
        "exchange": held.exchange,
        "since": held.since,
        "deadline": held.deadline,
    }


def _whole(held: Held) -> Message:
    """A held message with all that can be changed of it."""
    parts = held.parts
    headers = [list(pair) for pair in parts.headers]
    start: Message = {"path": parts.path} if held.side == "request" else {"status": parts.status}
    return {**brief(held), **start, "headers": headers, "body": base64.b64encode(parts.body).decode()}


def _find(breakpoints: Breakpoints, id: int) -> Held:
    held = breakpoints.find(id)
    if held is None:
        raise Refused("That message is not held any more; it went on, or its client is gone.")
    return held


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= _LONGEST_HOLD:
        raise Refused(f"Messages can be held for 1 to {_LONGEST_HOLD:g} seconds.")
    return float(value)


def _edited(parts: Parts, message: Message) -> Parts:
    """The parts with those replaced that a message names."""
    if "path" in message and parts.path:
        parts = replace(parts, path=_path(message["path"]))
    if "status" in message and parts.status:
        parts = replace(parts, status=_status(message["status"]))
    if "headers" in message:
        parts = replace(parts, headers=_headers(message["headers"]))
    if "body" in message:
        parts = replace(parts, body=_body(message["body"]))
    return parts


def _path(value: object) -> str:
    if not isinstance(value, str) or not value.startswith("/") or " " in value or not _is_wire_text(value):
        raise Refused("A path begins with / and holds neither spaces nor control characters; escape them.")
    return value


def _status(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 200 <= value <= 599:
        raise Refused("A status is a number from 200 to 599.")
    return value


def _headers(value: object) -> tuple[tuple[str, str], ...]:
    pairs = value if isinstance(value, list) else [None]
    found = []
    for pair in pairs:
        match pair:
            case [str(name), str(text)] if name and ":" not in name and " " not in name and _is_wire_text(name + text):
                found.append((name, text))
            case _:
                raise Refused("Headers are a list of pairs of name and value, without control characters.")
    return tuple(found)


def _body(value: object) -> bytes:
    try:
        return base64.b64decode(value if isinstance(value, str) else "?", validate=True)
    except (binascii.Error, ValueError):
        raise Refused("A body is given in Base64.") from None


def _is_wire_text(text: str) -> bool:
    """Whether a text can stand in the head of a message: Latin-1 without control characters other than tab."""
    return all(ord(mark) < 256 and (ord(mark) >= 32 or mark == "\t") and ord(mark) != 127 for mark in text)
