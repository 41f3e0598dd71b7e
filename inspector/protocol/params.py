"""Parameters of a query or a form, in order and with repeats, as OAuth messages carry them."""

from dataclasses import dataclass
from functools import cached_property
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Params:
    """Decoded name and value pairs in wire order (application/x-www-form-urlencoded)."""

    pairs: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, encoded: str) -> "Params":
        """Decode a query string or form body; blank values are kept, bad UTF-8 becomes U+FFFD."""
        if not encoded:
            return _NONE
        return cls(tuple(parse_qsl(encoded, keep_blank_values=True, errors="replace")))

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def __bool__(self) -> bool:
        return bool(self.pairs)

    def get(self, name: str) -> str | None:
        """The first value of that name, None when absent."""
        values = self._by_name.get(name)
        return values[0] if values else None

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of that name."""
        return tuple(self._by_name.get(name, ()))

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, value in self.pairs:
            found.setdefault(name, []).append(value)
        return found


_NONE = Params()
