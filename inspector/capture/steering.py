"""Steers a running proxy: step mode, wire patches and the scope, over one open control connection.

Step mode ends with the connection: whatever is held goes on then.
"""

import asyncio
import base64
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from inspector.capture.control import ProxyIsGone
from inspector.capture.proxy import RunningProxy
from inspector.capture.silence import CaptureFacts
from inspector.errors import CaptureError
from inspector.session.model import Headers

HOLD_FOR = 120.0
"""Seconds after which a held message goes on by itself, unless step mode is switched on with another number."""

_ANSWER_WITHIN = 5.0
_LONGEST_LINE = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Held:
    """A message that waits in the proxy.

    `what` is the leg: resource-metadata, server-metadata, register, authorize, token, refresh or mcp. `exchange` is its
    id in the session (0: none). Times are seconds since the epoch; at `deadline` it goes on by itself.
    """

    id: int
    side: Literal["request", "response"]
    what: str
    method: str
    url: str = field(repr=False)
    exchange: int
    since: float
    deadline: float


@dataclass(frozen=True, slots=True)
class HeldMessage:
    """What of a held message can be changed: `path` (raw, with query) of a request, `status` of a response."""

    held: Held
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)
    path: str = field(default="", repr=False)
    status: int = 0


@dataclass(frozen=True, slots=True)
class StepState:
    """How step mode is set, for whichever user interface, and what waits, oldest first."""

    on: bool
    responses: bool
    mcp: bool
    seconds: float
    held: tuple[Held, ...]


@dataclass(frozen=True, slots=True)
class ActivePatch:
    """A patch as it is written, and how often it has changed something."""

    patch: str
    applied: int


@dataclass(frozen=True, slots=True)
class KnownPatch:
    """A kind of patch; `takes` is what stands behind `NAME=`: nothing, [VALUE], VALUE, NAME or NAME=VALUE."""

    name: str
    takes: str
    what: str


@dataclass(frozen=True, slots=True)
class PatchState:
    """The patches that are on, in the order in which they apply, and every kind there is."""

    active: tuple[ActivePatch, ...]
    known: tuple[KnownPatch, ...]


@dataclass(frozen=True, slots=True)
class InScope:
    """An origin that is recorded, and why."""

    origin: str
    why: str


@dataclass(frozen=True, slots=True)
class ScopeState:
    """What is recorded. `unrecorded` counts, per host:port, what has passed by; `unrecorded_others` beyond the first.

    `learns_servers`: no server was named, so that the first one that speaks MCP over http is taken.
    """

    origins: tuple[InScope, ...]
    record_all: bool
    learns_servers: bool
    unrecorded: Mapping[str, int]
    unrecorded_others: int


def _ignore(_held: tuple[Held, ...]) -> None:
    pass


class Steering:
    """One open connection; every method raises CaptureError when the proxy refuses, and ProxyIsGone without one."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        on_held: Callable[[tuple[Held, ...]], None],
    ) -> None:
        self._reader, self._writer, self._on_held = reader, writer, on_held
        self._replies = asyncio.Queue[dict[str, Any] | None]()
        self._one_at_a_time = asyncio.Lock()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def connect(cls, proxy: RunningProxy, on_held: Callable[[tuple[Held, ...]], None] = _ignore) -> Self:
        """Open a connection; `on_held` is called in this loop with the whole list whenever it changes."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.control_port, limit=_LONGEST_LINE)
            writer.write(json.dumps({"token": proxy.token}).encode() + b"\n")
            greeting = await asyncio.wait_for(reader.readline(), _ANSWER_WITHIN)
        except (OSError, TimeoutError):
            raise ProxyIsGone("The proxy is not running any more; start the capture again.") from None
        if not greeting:
            writer.close()
            raise ProxyIsGone("The proxy hung up; start the capture again.")
        return cls(reader, writer, on_held)

    @property
    def connected(self) -> bool:
        """Whether the proxy is still at the other end."""
        return not self._reading.done()

    async def step_on(self, *, responses: bool = False, mcp: bool = False, seconds: float = HOLD_FOR) -> StepState:
        """Hold requests of the sign-in from now on, if wanted their responses and the MCP requests too."""
        message = {"do": "step", "on": True, "responses": responses, "mcp": mcp, "seconds": seconds}
        return _step_state(await self.ask(message))

    async def step_off(self) -> StepState:
        """Hold nothing any more; what is held goes on."""
        return _step_state(await self.ask({"do": "step", "on": False}))

    async def step(self) -> StepState:
        """How step mode is set and what is held."""
        return _step_state(await self.ask({"do": "step"}))

    async def held(self, id: int) -> HeldMessage:
        """A held message whole. Raises CaptureError when it has gone on."""
        found = (await self.ask({"do": "held", "id": id}))["held"]
        headers = tuple((name, value) for name, value in found["headers"])
        body = base64.b64decode(found["body"])
        return HeldMessage(_held(found), headers, body, found.get("path", ""), found.get("status", 0))

    async def release(self, id: int) -> StepState:
        """Let a message go on as it is."""
        return _step_state(await self.ask({"do": "release", "id": id}))

    async def drop(self, id: int) -> StepState:
        """Cut the client's connection; a request does not reach the server."""
        return _step_state(await self.ask({"do": "drop", "id": id}))

    async def edit(
        self,
        id: int,
        *,
        path: str | None = None,
        status: int | None = None,
        headers: Headers | None = None,
        body: bytes | None = None,
    ) -> StepState:
        """Let a message go on with what is given in place of what was there; every other byte stays."""
        return _step_state(await self.ask({"do": "edit", "id": id, **_changes(path, status, headers, body)}))

    async def answer(self, id: int, status: int, headers: Headers | None = None, body: bytes = b"") -> StepState:
        """Answer a held request in the server's place; without headers as application/json."""
        return _step_state(await self.ask({"do": "answer", "id": id, **_changes(None, status, headers, body)}))

    async def patches(self) -> PatchState:
        """Which patches are on, and which there are."""
        return _patch_state(await self.ask({"do": "patches"}))

    async def patch_on(self, patch: str) -> PatchState:
        """Switch a patch on, written `NAME` or `NAME=VALUE`. Raises CaptureError when it is none."""
        return _patch_state(await self.ask({"do": "patch", "on": patch}))

    async def patch_off(self, patch: str) -> PatchState:
        """Switch off a patch as it is written, or every one of a name."""
        return _patch_state(await self.ask({"do": "patch", "off": patch}))

    async def scope(self) -> ScopeState:
        """What is recorded, and why."""
        return _scope_state(await self.ask({"do": "scope"}))

    async def scope_add(self, url: str) -> ScopeState:
        """Record a URL's origin too; TLS connections that are open stay closed to us."""
        return _scope_state(await self.ask({"do": "scope", "add": url}))

    async def scope_remove(self, url: str) -> ScopeState:
        """Record a URL's origin no more, also when metadata names it again."""
        return _scope_state(await self.ask({"do": "scope", "remove": url}))

    async def record_all(self, on: bool) -> ScopeState:
        """Record everything that passes by, or the conversation alone."""
        return _scope_state(await self.ask({"do": "scope", "record_all": on}))

    async def facts(self) -> CaptureFacts:
        """What has reached the proxy at all."""
        return CaptureFacts.of((await self.ask({"do": "facts"}))["facts"])

    async def ask(self, message: Mapping[str, object]) -> dict[str, Any]:
        """Send {"do": ...} and give back its {"did": ...}."""
        async with self._one_at_a_time:
            if not self.connected:
                raise ProxyIsGone("The proxy hung up; start the capture again.")
            self._writer.write(json.dumps(message).encode() + b"\n")
            try:
                reply = await asyncio.wait_for(self._replies.get(), _ANSWER_WITHIN)
            except TimeoutError:
                await self.close()  # a late answer would be taken for that to the next question
                raise CaptureError("The proxy does not answer; it may be very busy, so try again.") from None
        if reply is None:
            raise ProxyIsGone("The proxy hung up; start the capture again.")
        if "failed" in reply:
            raise CaptureError(str(reply.get("why")))
        return reply

    async def close(self) -> None:
        """Hang up, which ends step mode when it was switched on here."""
        self._reading.cancel()
        self._writer.close()
        with suppress(OSError, asyncio.CancelledError):
            await self._reading

    async def _read(self) -> None:
        try:
            while line := await self._reader.readline():
                message = json.loads(line)
                if "did" in message or "failed" in message:
                    self._replies.put_nowait(message)
                elif "held" in message:
                    self._on_held(tuple(map(_held, message["held"])))
        except (OSError, ValueError):
            pass  # it has ended, or somebody else listens there now
        finally:
            self._replies.put_nowait(None)


def _held(found: Mapping[str, Any]) -> Held:
    return Held(**{name: found[name] for name in Held.__dataclass_fields__})


def _step_state(reply: Mapping[str, Any]) -> StepState:
    held = tuple(map(_held, reply["held"]))
    return StepState(reply["on"], reply["responses"], reply["mcp"], reply["seconds"], held)


def _patch_state(reply: Mapping[str, Any]) -> PatchState:
    return PatchState(
        tuple(ActivePatch(each["patch"], each["applied"]) for each in reply["active"]),
        tuple(KnownPatch(each["name"], each["takes"], each["what"]) for each in reply["known"]),
    )


def _scope_state(reply: Mapping[str, Any]) -> ScopeState:
    return ScopeState(
        origins=tuple(InScope(each["origin"], each["why"]) for each in reply["origins"]),
        record_all=reply["record_all"],
        learns_servers=reply["learns_servers"],
        unrecorded=dict(reply["unrecorded"]["counts"]),
        unrecorded_others=reply["unrecorded"]["others"],
    )


def _changes(
    path: str | None, status: int | None, headers: Sequence[tuple[str, str]] | None, body: bytes | None
) -> dict[str, object]:
    given = {
        "path": path,
        "status": status,
        "headers": None if headers is None else [list(pair) for pair in headers],
        "body": None if body is None else base64.b64encode(body).decode(),
    }
    return {name: value for name, value in given.items() if value is not None}
