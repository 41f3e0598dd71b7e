"""Compares what two clients sent, or what a recording and its replay have sent, step by step and part by part."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inspector.replay.encoding import Pairs
from inspector.replay.perform import name_of
from inspector.replay.profile import Profile, ProfileStep


@dataclass(frozen=True, slots=True)
class Difference:
    """One part of one request that differs; a side that lacks it is None. `step` counts from 1."""

    step: int
    request: str
    part: str
    name: str
    one: str | None
    other: str | None

    def sentence(self) -> str:
        """The difference for a person."""
        where = f"step {self.step} ({self.request}), {' '.join(part for part in (self.part, self.name) if part)}"
        if self.one is None:
            return f"{where}: added {self.other}"
        if self.other is None:
            return f"{where}: left out {self.one}"
        return f"{where}: {self.one} became {self.other}"


def compare(one: Sequence[ProfileStep], other: Sequence[ProfileStep]) -> tuple[Difference, ...]:
    """Every difference between two lists of requests, none of which is a correlated value or a mapped origin.

    Those are placeholders in both. How the servers answered is not compared.
    """
    found: list[Difference] = []
    for number, (left, right) in enumerate(zip(one, other, strict=False), 1):
        found += _of_step(number, left, right)
    for number, step in enumerate(one[len(other) :], len(other) + 1):
        found.append(Difference(number, name_of(step), "request", "", "sent", None))
    for number, step in enumerate(other[len(one) :], len(one) + 1):
        found.append(Difference(number, name_of(step), "request", "", None, "sent"))
    return tuple(found)


def changes(before: Profile, after: Profile) -> tuple[Difference, ...]:
    """What a fix has changed."""
    return compare(before.steps, after.steps)


def _of_step(number: int, left: ProfileStep, right: ProfileStep) -> Iterator[Difference]:
    request = name_of(left)
    for part in ("leg", "method", "url", "body", "style"):
        one, other = str(getattr(left, part)), str(getattr(right, part))
        if part == "url":  # where an issuer has no path, nothing of it is to be seen
            one, other = one.replace("${issuer_path}", ""), other.replace("${issuer_path}", "")
        if one != other:
            yield Difference(number, request, part, "", one, other)
    for part in ("query", "headers", "form"):
        yield from _of_pairs(number, request, part, getattr(left, part), getattr(right, part))


def _of_pairs(number: int, request: str, part: str, one: Pairs, other: Pairs) -> Iterator[Difference]:
    lost, won = Counter(one) - Counter(other), Counter(other) - Counter(one)
    gone, come = list(lost.elements()), list(won.elements())
    for name, value in gone:
        new = next((pair for pair in come if pair[0] == name), None)
        if new:
            come.remove(new)
        yield Difference(number, request, part, name, value, new[1] if new else None)
    for name, value in come:
        yield Difference(number, request, part, name, None, value)
    if not gone and not come and one != other:
        yield Difference(
            number, request, f"order of {part}", "", " ".join(n for n, _ in one), " ".join(n for n, _ in other)
        )
