"""What a check says: a line, and where it is not well the cure."""

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """How it stands: `bad` keeps something from working, `note` is worth knowing, `absent` is not on this machine."""

    GOOD = "ok"
    NOTE = "note"
    BAD = "bad"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of `doctor`. `cure` is one sentence, empty where there is nothing to cure."""

    name: str
    health: Health
    says: str
    cure: str = ""
