"""Parameters of a query or a form, in order and with repeats, as OAuth messages carry them."""

from dataclasses import dataclass
from urllib.parse import parse_qsl


@dataclass(frozen=True, slots=True)
class Params:
    """Decoded name and value pairs in wire order (application/x-www-form-urlencoded)."""

    pairs: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, encoded: str) -> "Params":
        """Decode a query string or form body; blank values are kept, bad UTF-8 becomes U+FFFD."""
        return cls(tuple(parse_qsl(encoded, keep_blank_values=True, errors="replace")))

    def __contains__(self, name: str) -> bool:
        return any(key == name for key, _ in self.pairs)

    def __bool__(self) -> bool:
        return bool(self.pairs)

    def get(self, name: str) -> str | None:
        """The first value of that name, None when absent."""
        return next((value for key, value in self.pairs if key == name), None)

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of that name."""
        return tuple(value for key, value in self.pairs if key == name)
