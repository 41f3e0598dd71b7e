"""How a rule is declared: a plain function under a decorator that carries its metadata; the docstring documents it."""

import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from inspector.protocol.revisions import Levels
from inspector.rules.model import Confidence, Fault, NotObserved, Party, Phase, Severity
from inspector.timeline.run import Run

type Check = Callable[[Run], Iterator[Fault | NotObserved]]

HEADINGS = ("What it checks", "Why it matters", "How to fix", "When it is a false alarm", "References")
"""The parts of a rule's documentation, in order."""

_LONGEST_TITLE = 90
_MODULES = (
    "unauthorized",
    "challenge",
    "bearer_errors",
    "discovery",
    "resource_metadata",
    "resource_identity",
    "server_metadata",
    "server_capabilities",
    "registration",
    "client_identity",
    "authorize",
    "authorization_request",
    "scope",
    "resource_indicator",
    "token",
    "token_endpoint",
    "audience",
    "token_use",
    "refresh",
    "resource_access",
    "fresh_token",
    "transport",
    "cors",
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A declared rule: its permanent id, what it says by default, and the function that decides."""

    id: str
    title: str
    phase: Phase
    party: Party
    severity: Severity
    confidence: Confidence
    levels: Levels
    check: Check

    @property
    def documentation(self) -> dict[str, str]:
        """The docstring by heading."""
        return _sections(inspect.getdoc(self.check) or "")


_RULES: dict[str, Rule] = {}


def rule(
    rule_id: str,
    *,
    title: str,
    phase: Phase,
    party: Party,
    severity: Severity,
    levels: str,
    confidence: Confidence = Confidence.CERTAIN,
) -> Callable[[Check], Check]:
    """Declare a rule. `levels` is the force per revision, oldest first, separated by ` | `.

    Refuses at import what would only show later: a duplicate or odd id, a long title, missing documentation.
    """

    def register(check: Check) -> Check:
        declared = Rule(rule_id, title, phase, party, severity, confidence, Levels.parse(levels), check)
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule_id):
            raise ValueError(f"rule id {rule_id!r} is not in kebab case")
        if rule_id in _RULES:
            raise ValueError(f"rule {rule_id} is declared twice")
        if len(title) > _LONGEST_TITLE or title.endswith("."):
            raise ValueError(f"the title of {rule_id} must be one short sentence without a full stop")
        missing = [heading for heading in HEADINGS if not declared.documentation.get(heading)]
        if missing:
            raise ValueError(f"the docstring of {rule_id} lacks: {', '.join(missing)}")
        _RULES[rule_id] = declared
        return check

    return register


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule, in the order of the phases and then as declared."""
    for module in _MODULES:
        importlib.import_module(f"inspector.rules.{module}")
    return tuple(sorted(_RULES.values(), key=_order))


def _order(declared: Rule) -> tuple[int, int]:
    """Not the order of import: a module that something else needs is imported before its turn."""
    module = declared.check.__module__.rpartition(".")[2]
    return list(Phase).index(declared.phase), _MODULES.index(module) if module in _MODULES else len(_MODULES)


def find_rule(rule_id: str) -> Rule | None:
    """The rule of that id, None when there is none."""
    return next((declared for declared in all_rules() if declared.id == rule_id), None)


def _sections(docstring: str) -> dict[str, str]:
    pattern = rf"^({'|'.join(HEADINGS)}):[ \t]*"
    parts = re.split(pattern, docstring, flags=re.MULTILINE)
    return {heading: inspect.cleandoc(text).strip() for heading, text in zip(parts[1::2], parts[2::2], strict=True)}
