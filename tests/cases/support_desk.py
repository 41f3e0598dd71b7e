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
    values: Changes = {}
    for copy in table.get("copy", ()):
        # Copied steps are the client's, too; a browser sends the authorization request.
        part = {"authorize": "query", "token": "form", "refresh": "form"}.get(copy["step"])
        if copy["step"] != "authorize":
            values[f"{copy['name']}.request_header.user-agent"] = client.agent
        if part:
            values[f"{copy['name']}.{part}.client_id"] = client.client_id
        if copy["step"] in ("authorize", "token"):
            values[f"{copy['name']}.{part}.redirect_uri"] = client.redirect_uri
    values |= table.get("set", {})
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
