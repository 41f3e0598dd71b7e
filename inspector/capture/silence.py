"""Says why nothing arrives, from what has reached the proxy at all."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from inspector.capture.control import ControlLink
from inspector.capture.proxy import RunningProxy
from inspector.capture.recipes import Mode
from inspector.errors import CaptureError
from inspector.session.reader import Session

SILENT_FOR = 20.0
"""Seconds without anything recorded after which the user is told why."""

_NAMED = 3
"""Hosts that a sentence names."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How often each host:port was met, the last reason given for it, and how many more there were."""

    counts: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    others: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.counts.values()) + self.others


@dataclass(frozen=True, slots=True)
class CaptureFacts:
    """What has reached a proxy since it started. Times are seconds since the epoch, 0.0 for never.

    `addressed_to_proxy`: requests that took the proxy for the server. `connects`: tunnels asked for. `tls_refused`:
    handshakes that clients broke off. `tls_passed`: connections passed on unopened because nobody named the host.
    `unrecorded`: requests to hosts outside the scope. `unreachable`: servers that nobody answers at now. `unwritten`:
    writes to the session that failed, with none after them that did not.
    """

    started: float = 0.0
    connections: int = 0
    requests: int = 0
    recorded: int = 0
    addressed_to_proxy: int = 0
    unwritten: int = 0
    last_activity: float = 0.0
    last_recorded: float = 0.0
    connects: Tally = Tally()
    tls_refused: Tally = Tally()
    tls_passed: Tally = Tally()
    unrecorded: Tally = Tally()
    unreachable: Tally = Tally()

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Self:
        """From the proxy's own words, or from `capture-facts` of a session's meta; what is missing counts nothing."""
        known: dict[str, Any] = {name: found[name] for name in cls.__dataclass_fields__ if name in found}
        for name, value in known.items():
            known[name] = Tally(**value) if isinstance(value, dict) else value
        return cls(**known)


def capture_facts(proxy: RunningProxy) -> CaptureFacts:
    """What has reached a running proxy. Raises CaptureError when it does not answer."""
    with ControlLink(proxy.control_port, proxy.token) as link:
        return CaptureFacts.of(link.ask({"do": "facts"})["facts"])


def what_is_lost(proxy: RunningProxy) -> str:
    """That the session of a running proxy cannot be written, and what to do; empty where it can."""
    try:
        unwritten = capture_facts(proxy).unwritten
    except CaptureError:
        return ""  # it has ended, and who needs it will find that
    if not unwritten:
        return ""
    return (
        f"The session cannot be written, so the recording is not whole ({_times(unwritten, 'write')} failed): "
        f"make room on the disk of {proxy.session}, and sign in once more."
    )


def why_silent(session: Path, mode: Mode, address: str) -> str:
    """The diagnosis of a capture that has ended, from what its proxy left behind; empty when it left nothing."""
    with Session.open(session) as recorded:
        facts = recorded.meta.get("capture-facts")
    return " ".join(diagnose(CaptureFacts.of(json.loads(facts)), mode, address)) if facts else ""


def diagnose(facts: CaptureFacts, mode: Mode, address: str) -> tuple[str, ...]:
    """What is most likely wrong and what to do about it, a sentence or two each; nothing once something was recorded.

    `address` is what the client was to be given: the proxy, or the URL of the gateway.
    """
    if facts.recorded:
        return ()
    return tuple(_wrong(facts, mode, address)) or (_nothing_asked(facts, mode, address),)


def _wrong(facts: CaptureFacts, mode: Mode, address: str) -> Iterator[str]:
    if facts.addressed_to_proxy:
        yield (
            f"The client takes {address} for the server, and it is a proxy: give the client the server's own URL, "
            "and this address as HTTP_PROXY and HTTPS_PROXY. A client that takes no proxy needs "
            "mcp-auth-inspector gateway URL."
        )
    if facts.tls_refused.counts:
        yield (
            f"The client breaks off TLS to {_hosts(facts.tls_refused)}: it does not trust the inspector's certificate. "
            f"{_trust(mode)}"
        )
    for host, reason in list(facts.unreachable.reasons.items())[:_NAMED]:
        yield f"Nobody answers at {host} ({reason}): start the server there, or correct the URL."
    if facts.tls_passed.counts:
        yield (
            f"TLS to {_hosts(facts.tls_passed)} passes by unopened, because nobody has named it. If one of them is "
            "your MCP server, name it: --server https://HOST/mcp."
            f"{' If none is, the client goes around the proxy, as Node before 24 does.' if mode is Mode.RUN else ''}"
        )
    if facts.unrecorded.counts:
        yield (
            f"{facts.unrecorded.total} requests went to servers outside the scope, which are not recorded: "
            f"{_hosts(facts.unrecorded)}. If one of them is your MCP server, name it with --server URL."
        )


def _nothing_asked(facts: CaptureFacts, mode: Mode, address: str) -> str:
    if facts.connections:
        return (
            f"{_times(facts.connections, 'connection')} came in and no request on it: the client may speak something "
            "else than HTTP to this port, or gave up at once; look at its log."
        )
    match mode:
        case Mode.GATEWAY:
            return f"No connection has come in: give the client {address} as the server's URL, and restart it."
        case Mode.TAKEOVER:
            return f"No connection has come in at {address}: make the client connect, or restart it."
        case Mode.RUN:
            return (
                "No connection has come in. The client may not have asked anything yet, or goes around the proxy: "
                "Node before 24 and clients with a NO_PROXY or proxy setting of their own do. For those: "
                "mcp-auth-inspector gateway URL."
            )
        case Mode.LOCAL:
            return (
                "No connection has come in: look whether the process is really called as you wrote it, and restart it "
                "after the capture has begun."
            )
    return (
        "No connection has come in: restart the client with the variables set. If it was, it does not read them, or "
        "a NO_PROXY of its own takes localhost out; then use mcp-auth-inspector gateway URL."
    )


def _trust(mode: Mode) -> str:
    if mode is Mode.RUN:
        return (
            "The variables for it are set, so it has a trust store of its own: add the inspector's CA there, or use "
            "mcp-auth-inspector gateway URL, which needs none."
        )
    return (
        "Start it with the variables that mcp-auth-inspector env prints, which are read at its start only, or add the "
        "inspector's CA to its trust store."
    )


def _hosts(tally: Tally) -> str:
    often = sorted(tally.counts, key=lambda host: -tally.counts[host])
    more = len(often) - _NAMED + tally.others
    return ", ".join(often[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _times(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")


@contextmanager
def silence_explained(
    proxy: RunningProxy, mode: Mode, say: Callable[[str], None], after: float = SILENT_FOR
) -> Iterator[None]:
    """While inside, `say` is told once why nothing arrives, when nothing was recorded `after` seconds."""

    def look() -> None:
        try:
            facts = capture_facts(proxy)
        except CaptureError:
            return  # it has ended, or will be found not to answer by who needs it
        for sentence in diagnose(facts, mode, proxy.gateway or proxy.url):
            say(sentence)

    timer = threading.Timer(after, look)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
