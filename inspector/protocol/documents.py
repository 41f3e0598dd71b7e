"""JSON documents of the sign-in: metadata, registrations, token responses. Raw values only, nothing coerced."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON object with tolerant access: a member of the wrong type reads as absent, `raw` shows what it was."""

    raw: Mapping[str, object]

    @classmethod
    def of(cls, value: object) -> "Document | None":
        """Wrap a parsed JSON value; None unless it is an object."""
        return cls(value) if isinstance(value, dict) else None

    def __contains__(self, name: str) -> bool:
        return name in self.raw

    def text(self, name: str) -> str | None:
        """A member when it is a string."""
        value = self.raw.get(name)
        return value if isinstance(value, str) else None

    def texts(self, name: str) -> tuple[str, ...] | None:
        """A member when it is an array: its strings. None when the member is absent or no array."""
        value = self.raw.get(name)
        return tuple(entry for entry in value if isinstance(entry, str)) if isinstance(value, list) else None
