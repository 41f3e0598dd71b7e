"""The faults that can be switched on in the reference servers: all of them, and settings with some of them."""

from collections.abc import Sequence
from dataclasses import fields, replace
from difflib import get_close_matches
from itertools import permutations

from inspector.errors import ReferenceFailure
from inspector.reference.authkit.faults import AUTHKIT_FAULTS
from inspector.reference.fault import Fault
from inspector.reference.mcp_server.faults import SERVER_FAULTS
from inspector.reference.settings import Settings

FAULTS = SERVER_FAULTS + AUTHKIT_FAULTS
"""Every fault, those of the MCP server first."""

_SETTINGS = {field.name for field in fields(Settings)}
_BY_NAME = {fault.name: fault for fault in FAULTS}


def with_faults(settings: Settings, names: Sequence[str]) -> Settings:
    """Settings with these faults on top.

    Raises:
        ReferenceFailure: a name is unknown, or two faults contradict each other.
    """
    chosen = [fault_named(name) for name in dict.fromkeys(names)]
    for one, other in permutations(chosen, 2):
        if one.contradicts(other):
            raise ReferenceFailure(f"The faults {one.name} and {other.name} contradict each other; choose one of them.")
    for fault in chosen:
        own = {name: value for name, value in fault.changes.items() if name not in _SETTINGS}
        flaws = replace(getattr(settings, fault.side.flaws), **own)
        settings = replace(settings, **{name: fault.changes[name] for name in fault.changes.keys() - own.keys()})
        settings = replace(settings, **{fault.side.flaws: flaws})
    return settings


def fault_named(name: str) -> Fault:
    """The fault of this name.

    Raises:
        ReferenceFailure: there is none.
    """
    if name not in _BY_NAME:
        close = get_close_matches(name, _BY_NAME, n=1)
        advice = f"did you mean {close[0]}?" if close else "`reference --list-faults` names them all."
        raise ReferenceFailure(f"There is no fault {name!r}; {advice}")
    return _BY_NAME[name]


def fault_table() -> str:
    """All faults as a Markdown table."""
    rows = ["| fault | side | what goes wrong | rules it provokes |", "|---|---|---|---|"]
    for fault in FAULTS:
        provoked = ", ".join(f"`{rule}`" for rule in fault.provokes) or "-"
        rows.append(f"| `{fault.name}` | {fault.side} | {fault.description} | {provoked} |")
    return "\n".join(rows) + "\n"
