"""Step mode: messages of the sign-in wait here until the user lets them go, changes, drops or answers them.

A message never waits for ever: it goes on by itself at its deadline, when the user interface that switched step mode
on is gone, and when its client is. That an HTTP/2 client gives up one request and keeps its connection shows only when
the message goes on: mitmproxy keeps that news back while a message waits.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Literal

from mitmproxy.connection import Client

from addons.legs import SIGN_IN, Leg
from addons.parts import Parts

HOLD_FOR = 120.0
"""Seconds after which a held message goes on by itself, unless the user says otherwise."""

type Side = Literal["request", "response"]
type Peer = object
"""The user interface that speaks; it is compared, and never looked into."""


@dataclass(frozen=True, slots=True)
class Release:
    """The message goes on, changed where `parts` are given. `why` it did so by itself; empty when the user said so."""

    parts: Parts | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Drop:
    """The client's connection is cut."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The client gets this instead of what the server would have said."""

    parts: Parts


@dataclass(frozen=True, slots=True)
class Gone:
    """The client did not wait."""


type Decision = Release | Drop | Answer | Gone


@dataclass(slots=True)
class Held:
    """A message that waits. `exchange` is its id in the session, 0 where it has none; times are since the epoch."""

    side: Side
    leg: Leg
    method: str
    url: str
    parts: Parts
    client: Client
    exchange: int = 0
    id: int = 0
    since: float = 0.0
    deadline: float = 0.0


@dataclass(slots=True)
class _Waiting:
    held: Held
    decision: asyncio.Future[Decision]


@dataclass(slots=True)
class Breakpoints:
    """Which messages stop, and those that have. `changed` is called when the list of held messages is another."""

    changed: Callable[[], None]
    owner: Peer | None = None
    responses: bool = False
    mcp: bool = False
    hold_for: float = HOLD_FOR
    _waiting: dict[int, _Waiting] = field(default_factory=dict)
    _ids: "count[int]" = field(default_factory=lambda: count(1))

    @property
    def on(self) -> bool:
        """Whether messages are stopped at all."""
        return self.owner is not None

    @property
    def held(self) -> list[Held]:
        """What waits, oldest first."""
        return [each.held for each in self._waiting.values()]

    def switch_on(self, owner: Peer, *, responses: bool, mcp: bool, hold_for: float) -> None:
        """Stop requests of the sign-in from now on, if wanted their `responses` and the `mcp` requests too."""
        self.owner, self.responses, self.mcp, self.hold_for = owner, responses, mcp, hold_for
        self.changed()

    def switch_off(self, why: str = "") -> None:
        """Stop nothing any more, and let go what waits."""
        self.owner = None
        for waiting in self._waiting.values():
            _decide(waiting, Release(why=why))
        self.changed()

    def peer_gone(self, peer: Peer) -> None:
        """A user interface has hung up; when it was the one that steps, nobody is there to let anything go."""
        if peer is self.owner:
            self.switch_off("the user interface that held it is gone")

    def client_gone(self, client: Client) -> None:
        """A client has hung up; what it waits for need not go on."""
        for waiting in self._waiting.values():
            if waiting.held.client is client:
                _decide(waiting, Gone())

    def stops(self, side: Side, leg: Leg) -> bool:
        """Whether a message is to be held."""
        if self.owner is None or (side == "response" and not self.responses):
            return False
        return leg in SIGN_IN or (self.mcp and leg is Leg.MCP)

    async def hold(self, held: Held) -> Decision:
        """Wait for what becomes of a message."""
        held.id, held.since = next(self._ids), time.time()
        held.deadline = held.since + self.hold_for
        loop = asyncio.get_running_loop()
        waiting = self._waiting[held.id] = _Waiting(held, loop.create_future())
        cap = loop.call_later(self.hold_for, _decide, waiting, Release(why=f"nobody let it go for {self.hold_for:g} s"))
        self.changed()
        try:
            return await waiting.decision
        finally:
            cap.cancel()
            del self._waiting[held.id]
            self.changed()

    def find(self, id: int) -> Held | None:
        """A message that still waits."""
        waiting = self._waiting.get(id)
        return waiting.held if waiting and not waiting.decision.done() else None

    def decide(self, id: int, decision: Decision) -> bool:
        """Say what becomes of a message; False when it does not wait any more."""
        if self.find(id) is None:
            return False
        _decide(self._waiting[id], decision)
        return True


def _decide(waiting: _Waiting, decision: Decision) -> None:
    if not waiting.decision.done():
        waiting.decision.set_result(decision)
