"""Faults of clients that their maintainers know about, to point to when a verdict has found one of them."""

import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from inspector.timeline.client import Client
from inspector.verdict.model import Remedy, Verdict

_FILE = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True, slots=True)
class KnownIssue:
    """One entry of the data file; `client` is matched against name and User-Agent, `rules` against the cause."""

    client: re.Pattern[str]
    rules: frozenset[str]
    date: str
    source: str
    text: str

    def matches(self, client: Client, cause: str) -> bool:
        """Whether this client is known for this fault. Versions are not compared, the capture has proved the fault."""
        return cause in self.rules and any(self.client.search(said) for said in (client.name, client.user_agent))


@cache
def load_known_issues() -> tuple[KnownIssue, ...]:
    """Every entry of the data file."""
    import tomllib

    entries = tomllib.loads(_FILE.read_text(encoding="utf-8"))["issue"]
    return tuple(
        KnownIssue(
            re.compile(entry["client"], re.IGNORECASE),
            frozenset(entry["rules"]),
            entry["date"].isoformat(),
            entry["source"],
            entry["text"],
        )
        for entry in entries
    )


def with_known_issue(verdict: Verdict, client: Client) -> Verdict:
    """The verdict with one line about the issue it is an instance of, also as advice to the party; else unchanged."""
    if verdict.cause is None:
        return verdict
    known = next((issue for issue in load_known_issues() if issue.matches(client, verdict.cause)), None)
    if known is None:
        return verdict
    line = f"Known since {known.date}: {known.text} {known.source}"
    return replace(verdict, known_issue=line, remedies=(*verdict.remedies, Remedy(verdict.party, line)))
