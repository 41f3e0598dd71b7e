"""The capture that runs beside the screens: started or found here, steered over one connection, ended when asked."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from inspector.capture.proxy import ProxySettings, RunningProxy, find_running, start_proxy
from inspector.capture.recipes import Mode
from inspector.capture.silence import SILENT_FOR, CaptureFacts, diagnose
from inspector.capture.steering import HOLD_FOR, Held, Steering
from inspector.errors import CaptureError
from inspector.session.location import new_session_path


@dataclass(frozen=True, slots=True)
class CaptureState:
    """What a capture does with the messages that pass, and why there may be none.

    `patches` are the names of those that are on, `deadline` is when the first of `held` messages goes on by itself, in
    seconds since the epoch. `silence` are sentences, empty while there is nothing to explain.
    """

    steps: bool = False
    held: int = 0
    deadline: float = 0.0
    patches: tuple[str, ...] = ()
    silence: tuple[str, ...] = ()


class LiveCapture:
    """One running capture. `held` is what waits in step mode; `on_change` is called when it or the capture changes."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self.proxy: RunningProxy | None = None
        self.started_here = False
        self.held: tuple[Held, ...] = ()
        self.steps = False
        self._on_change = on_change
        self._steering: Steering | None = None

    async def start(self, mode: Mode, server: str) -> RunningProxy:
        """Start a capture, for `run` and `env` a proxy and for `gateway` a gateway before `server`.

        It goes on when the screens end. Raises CaptureError when it cannot be started.
        """
        if mode is Mode.GATEWAY and not server:
            raise CaptureError("A gateway stands before a server: give the URL of the MCP server first.")
        session = await asyncio.to_thread(new_session_path, datetime.now())
        settings = ProxySettings(
            session=session,
            targets=(server,) if server and mode is not Mode.GATEWAY else (),
            gateway=server if mode is Mode.GATEWAY else "",
        )
        self.proxy = await asyncio.to_thread(start_proxy, settings)
        self.started_here = True
        self._on_change()
        return self.proxy

    async def find(self) -> RunningProxy | None:
        """The capture at hand, or the newest that runs on this machine; None without any."""
        if self.proxy is None or not await asyncio.to_thread(lambda: self.proxy is not None and self.proxy.alive):
            running = await asyncio.to_thread(find_running)
            self.proxy, self.started_here = (running[-1] if running else None), False
            self._steering = None
        return self.proxy

    async def stop(self) -> None:
        """End the capture; its session stays."""
        if self.proxy is not None:
            await self._hang_up()
            await asyncio.to_thread(self.proxy.stop)
            self.proxy, self.started_here = None, False
            self._on_change()

    async def steering(self) -> Steering:
        """The connection that steers the capture. Raises CaptureError when none runs."""
        if self._steering is None or not self._steering.connected:
            proxy = await self.find()
            if proxy is None:
                raise CaptureError("No capture is running; start one in the menu Capture.")
            self._steering = await Steering.connect(proxy, self._take_held)
        return self._steering

    async def look(self, session: Path) -> CaptureState | None:
        """What the capture that writes a session does just now; None when that is not the one at hand, or is over."""
        if self.proxy is None:
            running = await asyncio.to_thread(find_running)
            self.proxy = next((proxy for proxy in running if proxy.session == session), None)
        if self.proxy is None or self.proxy.session != session:
            return None
        try:
            steering = await self.steering()
            state, patches, facts = await steering.step(), await steering.patches(), await steering.facts()
        except CaptureError:
            return None
        self.steps = state.on
        return CaptureState(
            steps=state.on,
            held=len(state.held),
            deadline=min((held.deadline for held in state.held), default=0.0),
            patches=tuple(each.patch.partition("=")[0] for each in patches.active),  # values may be secrets
            silence=_silence(self.proxy, facts) if self.proxy else (),
        )

    async def step(self, on: bool, *, responses: bool = False, mcp: bool = False) -> None:
        """Hold the messages of a sign-in from now on, or no more."""
        steering = await self.steering()
        state = (
            await steering.step_on(responses=responses, mcp=mcp, seconds=HOLD_FOR) if on else await steering.step_off()
        )
        self.steps = state.on
        self._take_held(state.held)

    async def decide(self, decision: Callable[[Steering], Awaitable[object]]) -> None:
        """Let a held message go on, in whichever way."""
        await decision(await self.steering())

    async def close(self) -> None:
        """Hang up: what is held goes on, and the capture as well."""
        await self._hang_up()

    async def _hang_up(self) -> None:
        self.steps, self.held = False, ()
        if self._steering is not None:
            with suppress(OSError):
                await self._steering.close()
            self._steering = None

    def _take_held(self, held: tuple[Held, ...]) -> None:
        self.held = held
        self._on_change()


def _silence(proxy: RunningProxy, facts: CaptureFacts) -> tuple[str, ...]:
    """Why nothing was recorded, once nothing has been for a while."""
    if time.time() - proxy.started < SILENT_FOR:
        return ()
    mode = Mode.GATEWAY if proxy.gateway else Mode.ENV
    return diagnose(facts, mode, proxy.gateway or proxy.url)
