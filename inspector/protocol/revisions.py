"""The revisions of the MCP specification and the force a requirement has in each."""

from bisect import bisect_right
from dataclasses import dataclass

REVISIONS = ("2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28")
DEFAULT_REVISION = "2025-11-25"
"""What levels are taken from while neither side has shown which revision it follows."""

NOT_DEFINED = "-"


@dataclass(frozen=True, slots=True)
class Levels:
    """The requirement's force per revision.

    MUST, SHOULD, MAY and their negations are the text of that MCP revision; with `rfc-` in front they come from a
    specification the revision tells the party to implement; `diag` is diagnosis without a norm; `-` does not apply.
    """

    by_revision: tuple[str, str, str, str]

    @classmethod
    def parse(cls, text: str) -> "Levels":
        """Read four levels separated by ` | `, oldest revision first. ValueError when there are not four."""
        parts = tuple(part.strip() for part in text.split("|"))
        if len(parts) != 4:
            raise ValueError(f"{len(parts)} levels in {text!r}, one is needed for each of {', '.join(REVISIONS)}")
        return cls((parts[0], parts[1], parts[2], parts[3]))

    def at(self, revision: str) -> str:
        """The level under a revision."""
        return self.by_revision[position(revision)]


def position(revision: str) -> int:
    """Which of REVISIONS it is; one that is not known reads as the known one before it, or as the oldest."""
    return max(bisect_right(REVISIONS, revision) - 1, 0)
