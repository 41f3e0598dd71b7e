"""What a rule says: findings with places, and the honest third outcome, not observed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from inspector.timeline.message import Message


class Severity(StrEnum):
    """How bad a finding is: an error breaks sign-in or its security, a warning is a risk, info is worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Confidence(StrEnum):
    """How far the capture carries the statement."""

    CERTAIN = "certain"
    LIKELY = "likely"
    GUESS = "guess"


class Party(StrEnum):
    """Who is at fault. Configuration is what an operator set, above all in the authorization server's dashboard."""

    CLIENT = "client"
    MCP_SERVER = "mcp-server"
    AUTHORIZATION_SERVER = "authorization-server"
    CONFIGURATION = "configuration"
    EDGE = "edge"
    UNKNOWN = "unknown"
    NONE = "none"


class Phase(StrEnum):
    """The part of the sign-in a rule looks at."""

    CHALLENGE = "discovery-challenge"
    RESOURCE_METADATA = "protected-resource-metadata"
    SERVER_METADATA = "as-metadata"
    REGISTRATION = "registration"
    AUTHORIZE = "authorize"
    TOKEN = "token"  # noqa: S105 - the name of a phase
    REFRESH = "refresh"
    RESOURCE_ACCESS = "resource-access"
    CORS = "cors"


REASONS = {
    "N1": "that leg was not captured",
    "N2": "the body is not readable in this capture",
    "N3": "metadata was cached or fetched before the capture began",
    "N4": "the access token is opaque",
    "N5": "the request cannot be linked to an MCP server",
    "N6": "the specification revision in force does not ask for it, or is not known",
    "N7": "the parameters are in a pushed request or a request object",
    "N8": "traffic that leaves the server itself was not captured",
    "N9": "the capture changes the URLs that would be compared",
    "N10": "what the client can or wants to do is not known",
    "N11": "it takes two or more events to tell",
    "N12": "the key for the signature was not captured",
}
"""Why a rule must stay silent, by code."""


class NotObserved(Exception):
    """The capture does not decide. Raised when nothing can be said at all, or yielded beside what can."""

    def __init__(self, code: str, what: str = "") -> None:
        """`code` is a key of REASONS; `what` names the missing thing."""
        super().__init__(code, what)
        self.code = code
        self.what = what


def observed[T](found: Sequence[T], code: str, what: str) -> Sequence[T]:
    """Give back what a rule needs, or leave the rule with NotObserved when there is none of it."""
    if not found:
        raise NotObserved(code, what)
    return found


def present[T](found: T | None, code: str, what: str) -> T:
    """Give back the one thing a rule needs, or leave the rule with NotObserved."""
    if found is None:
        raise NotObserved(code, what)
    return found


@dataclass(frozen=True, slots=True)
class Place:
    """Where to look: an exchange, the part of it (query, form, header, claim, json, status) and the name there."""

    exchange: int
    part: str
    name: str = ""
    step: int | None = None


def place(message: Message, part: str, name: str = "") -> Place:
    """Point into a message."""
    return Place(message.id, part, name)


@dataclass(frozen=True, slots=True)
class Fault:
    """What a rule yields when it fails; the runner adds the rule's metadata.

    `places` has the primary place first. What is left None is taken from the rule's declaration.
    """

    message: str
    places: tuple[Place, ...]
    expected: str = ""
    found: str = ""
    severity: Severity | None = None
    confidence: Confidence | None = None
    party: Party | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, complete: ready for a screen, a report and the verdict."""

    rule: str
    title: str
    severity: Severity
    confidence: Confidence
    party: Party
    level: str
    message: str
    expected: str
    found: str
    places: tuple[Place, ...]
    cause: str | None = None

    @property
    def step(self) -> int | None:
        """The step of the primary place."""
        return self.places[0].step if self.places else None

    @property
    def order(self) -> tuple[object, ...]:
        """Worst first, then by step and id: stable output."""
        place_key = (self.places[0].exchange, self.places[0].part, self.places[0].name) if self.places else (0, "", "")
        return (list(Severity).index(self.severity), self.step or 0, self.rule, place_key)


@dataclass(frozen=True, slots=True)
class Silence:
    """A rule that could not decide, with the reason's code."""

    rule: str
    reason: str
    what: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """Everything the rules have to say about a run."""

    findings: tuple[Finding, ...]
    not_observed: tuple[Silence, ...]
    passed: tuple[str, ...]

    def of(self, *rules: str) -> tuple[Finding, ...]:
        """The findings of these rules."""
        return tuple(finding for finding in self.findings if finding.rule in rules)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings of severity error."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)


def joined(values: Iterable[str], nothing: str = "none") -> str:
    """Values for a sentence."""
    return ", ".join(values) or nothing
