"""WWW-Authenticate challenges (RFC 9110 section 11.6.1), several in one header and several headers."""

import re
from collections import Counter
from dataclasses import dataclass

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105 - the grammar's word for a run of characters, no credential
_SCHEME = re.compile(rf"({_TOKEN})(?:[ \t]+|(?=,)|$)")
_PARAMETER = re.compile(rf"({_TOKEN})[ \t]*=[ \t]*")
_TOKEN68 = re.compile(r"([A-Za-z0-9\-._~+/]+=*)[ \t]*(?=,|$)")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_LOOSE = re.compile(r"[^,\s]*")
_JUNK = re.compile(rf"(?:{_TOKEN})?[^,\s!#$%&'*+\-.^_`|~0-9A-Za-z]*")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge: its scheme as sent, its parameters in order with repeats, and what its syntax breaks."""

    scheme: str
    parameters: tuple[tuple[str, str], ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def is_bearer(self) -> bool:
        """Whether this is a Bearer challenge; schemes are case-insensitive (RFC 9110 section 11.1)."""
        return self.scheme.lower() == "bearer"

    def get(self, name: str) -> str | None:
        """The first parameter of that name, any case, None when absent."""
        return next((value for key, value in self.parameters if key.lower() == name), None)


def parse_challenges(header_values: tuple[str, ...]) -> tuple[Challenge, ...]:
    """Parse every WWW-Authenticate header value; bad syntax is noted in `problems` and read as far as possible."""
    found: list[Challenge] = []
    for value in header_values:
        found.extend(_parse_one(value))
    return tuple(found)


def _parse_one(text: str) -> list[Challenge]:
    challenges: list[Challenge] = []
    scheme, parameters, problems = "", list[tuple[str, str]](), list[str]()
    position, separated, readable = 0, True, True

    def close() -> None:
        if scheme:
            counted = Counter(name.lower() for name, _ in parameters)
            repeated = [f"{name} is given more than once" for name, count in sorted(counted.items()) if count > 1]
            challenges.append(Challenge(scheme, tuple(parameters), tuple(dict.fromkeys((*problems, *repeated)))))

    while position < len(text):
        if text[position] in ", \t\r\n":
            separated = separated or text[position] == ","
            position += 1
            continue
        if scheme and (match := _PARAMETER.match(text, position)):
            if not separated:
                problems.append(f"no comma before {match[1]}")
            value, position, problem = _value(text, match.end(), match[1])
            parameters.append((match[1], value))
            if problem:
                problems.append(problem)
            separated = False
        elif match := _SCHEME.match(text, position):
            if not separated:
                problems.append(f"no comma before {match[1]}")
            close()
            scheme, parameters, problems, readable = match[1], [], [], True
            position, separated = match.end(), True
            if token68 := _TOKEN68.match(text, position):
                position = token68.end()
        else:
            if readable:
                problems.append(f"unreadable at character {position + 1}")
            readable = False
            junk = _QUOTED.match(text, position) or _JUNK.match(text, position)
            position = junk.end() if junk and junk.end() > position else len(text)
    close()
    return challenges


def _value(text: str, position: int, name: str) -> tuple[str, int, str]:
    if quoted := _QUOTED.match(text, position):
        return re.sub(r"\\(.)", r"\1", quoted[1]), quoted.end(), ""
    if text.startswith('"', position):
        return text[position + 1 :], len(text), f"the quotes of {name} are not closed"
    loose = _LOOSE.match(text, position)
    value = loose[0] if loose else ""
    problem = "" if re.fullmatch(_TOKEN, value) else f"{name} must be in quotes"
    return value, position + len(value), problem
