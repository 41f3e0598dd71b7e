"""One thing that goes wrong on purpose, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_LEAVES_NO_ROOM = {
    "legacy-server": "prm-",
    "prm-absent": "prm-",
    "prm-not-found": "prm-",
    "prm-html": "prm-",
    "prm-unauthorized": "prm-",
    "prm-redirected": "prm-",
    "as-metadata-absent": "issuer-",
    "as-metadata-html": "issuer-",
    "registration-off": "registration-",
}
"""What would have no effect beside a fault, by the beginning of its name."""


class Side(StrEnum):
    """Who goes wrong."""

    MCP_SERVER = "mcp-server"
    AUTHORIZATION_SERVER = "authorization-server"

    @property
    def flaws(self) -> str:
        """The field of `Settings` that holds what this side can do wrong."""
        return "server_flaws" if self is Side.MCP_SERVER else "authkit_flaws"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong, as changes to the fields of `Settings` or of the flaws of its side.

    `provokes` are the rules that have something to say, at any severity, about a client that does nothing wrong; none
    where that client is not harmed, or where no rule looks at it.
    """

    name: str
    side: Side
    description: str
    provokes: tuple[str, ...]
    changes: Mapping[str, Any]

    def contradicts(self, other: "Fault") -> bool:
        """Whether both change the same thing in different ways, or this one leaves no room for the other."""
        shared = self.changes.keys() & other.changes.keys() if self.side is other.side else ()
        no_room = _LEAVES_NO_ROOM.get(self.name)
        return any(self.changes[name] != other.changes[name] for name in shared) or (
            no_room is not None and other.name.startswith(no_room)
        )
