"""What has reached the proxy at all, counted: from these facts one can tell why nothing arrives."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

_MOST = 50
"""Names kept of each kind; what goes beyond is only counted."""


@dataclass(slots=True)
class Tally:
    """How often each name was met, and the last reason given for it."""

    counts: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    others: int = 0

    def add(self, name: str, reason: str = "") -> bool:
        """Count one more; True when the name is new."""
        new = name not in self.counts
        if new and len(self.counts) >= _MOST:
            self.others += 1
            return False
        self.counts[name] = self.counts.get(name, 0) + 1
        if reason:
            self.reasons[name] = reason
        return new

    def forget(self, name: str) -> None:
        """Drop a name that is not to be counted any more."""
        self.counts.pop(name, None)
        self.reasons.pop(name, None)

    def as_json(self) -> dict[str, object]:
        """Plain values, for the control channel and the session."""
        return {"counts": dict(self.counts), "reasons": dict(self.reasons), "others": self.others}


@dataclass(slots=True)
class Facts:
    """Times are seconds since the epoch, 0.0 for never. Hosts are written host:port.

    `unwritten` writes to the session have failed, and none has succeeded since.
    """

    started: float = field(default_factory=time.time)
    connections: int = 0
    requests: int = 0
    recorded: int = 0
    addressed_to_proxy: int = 0
    unwritten: int = 0
    last_activity: float = 0.0
    last_recorded: float = 0.0
    connects: Tally = field(default_factory=Tally)
    tls_refused: Tally = field(default_factory=Tally)
    tls_passed: Tally = field(default_factory=Tally)
    unrecorded: Tally = field(default_factory=Tally)
    unreachable: Tally = field(default_factory=Tally)

    def connected(self) -> None:
        """A client has opened a connection."""
        self.connections += 1
        self.last_activity = time.time()

    def asked(self) -> None:
        """A request has begun."""
        self.requests += 1
        self.last_activity = time.time()

    def was_recorded(self) -> None:
        """A request has gone into the session."""
        self.recorded += 1
        self.last_recorded = time.time()

    def as_json(self) -> Mapping[str, object]:
        """Plain values, for the control channel and the session."""
        values = ((name, getattr(self, name)) for name in self.__dataclass_fields__)
        return {name: value.as_json() if isinstance(value, Tally) else value for name, value in values}
