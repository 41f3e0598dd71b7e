"""The language of the case files: how a case changes the good run, and what it expects the rules to say.

A case file is TOML, one table per case: `[RULE-ID.CASE]`, where CASE begins with `fail_`, `pass_` or `absent_`.

Where the good run takes place (good.py lists its steps and their parts):
    endpoint, resource, issuer   other URLs for the whole run
    pinned                       the MCP revision to take levels from

Changes, made in this order. A path is `step.part.name`, deeper for nested JSON: `initialize.json.result.tools`.
    copy       [{ step = "prm", name = "root", after = "challenge" }]: another step, equal to the first; `after = ""`
               puts it before all others
    until      the last step that is recorded
    drop_step  steps that are not recorded; their tokens exist all the same
    refuse     steps that are answered 401 with the first challenge, and invalid_token where they carry a token
    drop       paths to take out
    set        path = value; a list repeats a parameter or header

What is expected:
    finds   everything the rules say, and nothing else: a rule id for a consequence, and for the finding under test a
            table with `rule`, `at` (the primary place as a path) and, where it matters, `related` (the other places),
            `severity`, `confidence`, `party`, `level`, `cause`, `expected`, `found`, `message` (a part of it)
    reason  in absent cases: the code of the reason for silence
In `pass_` cases the rule has passed, in `absent_` cases it is not observed; `finds` is then what others say.
"""

import tomllib
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inspector.rules.model import Finding, Place
from inspector.session.model import Exchange
from inspector.verdict.analysis import Analysis
from inspector.verdict.model import Judged
from tests.rules.good import ENDPOINT, ISSUER, Steps, exchanges, good_steps

_CHANGES = {"endpoint", "resource", "issuer", "pinned", "copy", "until", "drop_step", "refuse", "drop", "set"}
_EXPECTATIONS = {"finds", "reason"}
_PARTS = {
    *("wait", "method", "url", "query", "form", "request_header", "sent", "bearer", "status", "header", "location"),
    *("json", "body", "claim", "signed_by", "lost", "translated"),
}
_COMPARED = ("severity", "confidence", "party", "level", "cause", "expected", "found")


@dataclass(frozen=True)
class Case:
    """One table of a case file."""

    rule: str
    name: str
    table: Mapping[str, Any]

    @property
    def finds(self) -> list[dict[str, Any]]:
        """What the rules must say, ids alone as tables too."""
        return [{"rule": entry} if isinstance(entry, str) else entry for entry in self.table.get("finds", ())]


@dataclass(frozen=True)
class Outcome:
    """The one run that a changed recording makes, and the exchanges by the name of their step."""

    judged: Judged
    recorded: Mapping[str, Exchange]

    def path(self, place: Place) -> str:
        """A place in the words of the case files."""
        names = {exchange.id: name for name, exchange in self.recorded.items()}
        return ".".join(part for part in (names[place.exchange], place.part, place.name) if part)

    def says(self, finding: Finding, wanted: Mapping[str, Any]) -> bool:
        """Whether a finding is the one a case describes."""
        paths = [self.path(place) for place in finding.places]
        return (
            all(getattr(finding, name) == wanted[name] for name in _COMPARED if name in wanted)
            and wanted.get("message", "") in finding.message
            and paths[:1] == ([wanted["at"]] if "at" in wanted else paths[:1])
            and paths[1:] == wanted.get("related", paths[1:])
        )


def load_cases(file: Path) -> list[Case]:
    """Every case of a file. ValueError for a word the language does not have."""
    cases = [
        Case(rule, name, table)
        for rule, tables in tomllib.loads(file.read_text()).items()
        for name, table in tables.items()
    ]
    for case in cases:
        if unknown := case.table.keys() - _CHANGES - _EXPECTATIONS:
            raise ValueError(f"{file.name}: {case.rule}.{case.name} has unknown words: {', '.join(sorted(unknown))}")
    return cases


def recording(changes: Mapping[str, Any]) -> dict[str, Exchange]:
    """The good run with these changes, as exchanges by step."""
    steps = good_steps(changes.get("endpoint", ENDPOINT), changes.get("resource"), changes.get("issuer", ISSUER))
    for copy in changes.get("copy", ()):
        steps = _with_copy(steps, **copy)
    names = list(steps)
    dropped = [
        *changes.get("drop_step", ()),
        *(names[names.index(changes["until"]) + 1 :] if "until" in changes else ()),
    ]
    for name in dropped:
        steps[name]["dropped"] = True
    for name in changes.get("refuse", ()):
        steps[name] |= _refusal(steps["challenge"]["header"]["www-authenticate"], "bearer" in steps[name])
    for path in changes.get("drop", ()):
        parent, leaf = _find(steps, path)
        del parent[leaf]
    for path, value in changes.get("set", {}).items():
        parent, leaf = _find(steps, path)
        parent[leaf] = value
    return exchanges(steps)


def outcome(changes: Mapping[str, Any]) -> Outcome:
    """What the program says about the good run with these changes."""
    recorded = recording(changes)
    analysis = Analysis(changes.get("pinned", ""))
    analysis.add(recorded.values())
    (judged,) = analysis.runs
    return Outcome(judged, recorded)


def _refusal(challenge: str, rejected: bool) -> dict[str, Any]:
    reason = 'Bearer error="invalid_token", ' if rejected else "Bearer "
    return {"status": 401, "header": {"www-authenticate": challenge.replace("Bearer ", reason)}, "json": {}}


def _with_copy(steps: Steps, step: str, name: str, after: str) -> Steps:
    if name in steps:
        raise ValueError(f"there is a step {name} already")
    made: Steps = {name: deepcopy(steps[step])} if after == "" else {}
    for known, parts in steps.items():
        made[known] = parts
        if known == after:
            made[name] = deepcopy(steps[step])
    return made


def _find(steps: Steps, path: str) -> tuple[dict[str, Any], str]:
    """The table that holds the last name of a path. KeyError when the step or the part does not exist."""
    step, part, *names = path.split(".")
    if part not in _PARTS:
        raise KeyError(f"{path}: steps have no part {part}")
    keys = [part, *names]
    parent: dict[str, Any] = steps[step]
    for key in keys[:-1]:
        parent = parent.setdefault(key, {})
    return parent, keys[-1]
