"""How close a found URL is to the expected one, and where the two part: for every report that shows both."""

from dataclasses import dataclass

from inspector.protocol import urls
from inspector.rules.model import Finding

_QUALIFIED = (" = ", "=")
"""What stands between a name and its value in what findings expect and found: `aud = ...`, `resource=...`."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The comparison of two URLs. `position` counts the characters of the found text, name included, from 0."""

    grade: urls.Grade
    steps: tuple[str, ...]
    position: int

    @property
    def words(self) -> str:
        """The grade, and for what is equal after normalisation the steps it takes."""
        return f"{self.grade}: {', '.join(self.steps)}" if self.steps else str(self.grade)


def difference(expected: str, found: str) -> Difference | None:
    """Compare two URLs that differ, such as `aud = URL`; None for what is not one URL on either side, or is equal."""
    wanted, seen = _value(expected), _value(found)
    if wanted == seen or not (_is_one_url(wanted) and _is_one_url(seen)):
        return None
    comparison = urls.compare(wanted, seen)
    within = urls.first_difference(wanted, seen) or 0
    return Difference(comparison.grade, comparison.steps, len(found) - len(seen) + within)


def difference_in(finding: Finding) -> Difference | None:
    """The comparison behind a finding, where it is one of two URLs."""
    return difference(finding.expected, finding.found)


def _value(text: str) -> str:
    """What is left without the name: it is one word, and a URL has its colon before any equals sign."""
    for sign in _QUALIFIED:
        name, found, value = text.partition(sign)
        if found and name.replace("_", "").isalpha():
            return value
    return text


def _is_one_url(text: str) -> bool:
    return "://" in text and urls.is_absolute(text) and not any(character.isspace() for character in text)
