"""Sign-ins as a support desk meets them: what the client, the servers and what is between them did, and who it was."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inspector.rules.model import Party
from tests.cases import rows
from tests.cases.rows import Changes

_EXPECTED = {"client", "parties", "certain", "says"}


@dataclass(frozen=True)
class Call:
    """One call at the desk. `parties` are the answers an expert would let pass, the best one first.

    Without `certain` the capture does not decide, and a party may at most be likely. `says` is a part of the summary.
    """

    name: str
    parties: tuple[Party, ...]
    changes: Changes
    certain: bool
    says: str


def _call(name: str, table: dict[str, Any]) -> Call:
    client: rows.Client = getattr(rows, table["client"])
    # Copied steps are the client's, too; a browser sends the authorization request.
    copies = [each["name"] for each in table.get("copy", ()) if each["step"] != "authorize"]
    values = {f"{step}.request_header.user-agent": client.agent for step in copies} | table.get("set", {})
    changes = {key: value for key, value in table.items() if key not in _EXPECTED} | {"set": values}
    return Call(
        name,
        tuple(map(Party, table["parties"])),
        rows.signs_in(client, changes),
        table.get("certain", True),
        table.get("says", ""),
    )


CALLS = [
    _call(name, table) for name, table in tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8")).items()
]
