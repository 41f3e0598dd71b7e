"""What of the findings counts in continuous integration: chosen rules, known findings, and how bad is too bad."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path

from inspector.display import visible
from inspector.errors import InspectorError
from inspector.protocol import urls
from inspector.rules.model import Checked, Finding, Severity
from inspector.rules.registry import all_rules
from inspector.verdict.model import Analysed, Judged

NEVER = "never"
FAIL_ON = (*(severity.value for severity in Severity), NEVER)
"""How bad a finding must be to fail, the worst first; with `never` none does."""

_TABLE = "mcp-auth-inspector"
_OWN_FILE = "mcp-auth-inspector.toml"
_MEMBERS: Mapping[str, type] = {"select": list, "ignore": list, "fail-on": str, "baseline": str, "revision": str}


@dataclass(frozen=True, slots=True)
class Gate:
    """Which findings count. `select` and `ignore` are rule ids or patterns such as `resource-*`; empty selects all.

    `known` are lines of a baseline: findings that were there before, which are shown by nobody and fail nothing.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    fail_on: str = Severity.ERROR.value
    known: frozenset[str] = frozenset()

    def checked(self) -> "Gate":
        """This gate, or InspectorError when a pattern matches no rule or `fail_on` is none of FAIL_ON."""
        ids = [rule.id for rule in all_rules()]
        for pattern in (*self.select, *self.ignore):
            if not any(fnmatchcase(each, pattern) for each in ids):
                close = get_close_matches(pattern, ids, n=1)
                advice = f"did you mean {close[0]}?" if close else "`rules` lists them all."
                raise InspectorError(f"No rule is called {visible(pattern)!r}; {advice}")
        if self.fail_on not in FAIL_ON:
            raise InspectorError(f"fail-on is {visible(self.fail_on)!r}; give one of {', '.join(FAIL_ON)}.")
        return self

    def counts(self, judged: Judged, finding: Finding) -> bool:
        """Whether a finding is chosen and new."""
        chosen = not self.select or any(fnmatchcase(finding.rule, pattern) for pattern in self.select)
        ignored = any(fnmatchcase(finding.rule, pattern) for pattern in self.ignore)
        return chosen and not ignored and baseline_line(judged, finding) not in self.known

    def applied(self, judged: Judged) -> Judged:
        """The run with the findings that count; its verdict stays, as it rests on all of them."""
        kept = tuple(finding for finding in judged.checked.findings if self.counts(judged, finding))
        return replace(judged, checked=Checked(kept, judged.checked.not_observed, judged.checked.passed))

    def fails(self, runs: Iterable[Judged]) -> bool:
        """Whether any of these runs, already applied, has a finding that is too bad."""
        if self.fail_on == NEVER:
            return False
        too_bad = FAIL_ON[: FAIL_ON.index(self.fail_on) + 1]
        return any(finding.severity.value in too_bad for judged in runs for finding in judged.checked.findings)


@dataclass(frozen=True, slots=True)
class Gated:
    """A recording with the findings that count."""

    exchange_count: int
    runs: tuple[Judged, ...]
    unlinked: tuple[int, ...]

    @classmethod
    def of(cls, analysed: Analysed, gate: Gate) -> "Gated":
        """What a gate leaves of an analysis."""
        runs = tuple(gate.applied(judged) for judged in analysed.runs)
        return cls(analysed.exchange_count, runs, tuple(analysed.unlinked))


@dataclass(frozen=True, slots=True)
class Settings:
    """What a configuration file says about `check`. `baseline` is a path as written, `folder` where it is from."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    fail_on: str = ""
    baseline: str = ""
    revision: str = ""
    folder: Path = Path()


def find_settings(start: Path) -> Settings:
    """The settings of the nearest folder from `start` upwards that has any: its own file, or a table in pyproject.toml.

    Raises InspectorError when the file cannot be read or says something unknown.
    """
    for folder in (start, *start.parents):
        own = folder / _OWN_FILE
        if own.is_file():
            return _settings(own, _read(own))
        project = folder / "pyproject.toml"
        if project.is_file():
            tool = _read(project).get("tool")
            table = tool.get(_TABLE) if isinstance(tool, dict) else None
            if isinstance(table, dict):
                return _settings(project, table)
    return Settings()


def read_settings(path: Path) -> Settings:
    """The settings of a file the user named; a pyproject.toml is read from its own table."""
    table = _read(path)
    if path.name == "pyproject.toml":
        tool = table.get("tool")
        found = tool.get(_TABLE) if isinstance(tool, dict) else None
        table = found if isinstance(found, dict) else {}
    return _settings(path, table)


def _read(path: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InspectorError(f"{path} cannot be read ({error.strerror}); check the path.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InspectorError(f"{path} is no TOML ({error}); mend that line.") from None


def _settings(path: Path, table: Mapping[str, object]) -> Settings:
    for name, value in table.items():
        kind = _MEMBERS.get(name)
        if kind is None:
            raise InspectorError(f"{path}: {visible(name)!r} is no setting; there are {', '.join(_MEMBERS)}.")
        if not isinstance(value, kind) or (isinstance(value, list) and not all(isinstance(v, str) for v in value)):
            wanted = "a list of rule ids" if kind is list else "a text"
            raise InspectorError(f"{path}: {name} must be {wanted}.")
    texts = {name: str(table.get(name, "")) for name, kind in _MEMBERS.items() if kind is str}
    lists = {name: tuple(map(str, value)) for name, value in table.items() if isinstance(value, list)}
    return Settings(
        lists.get("select", ()),
        lists.get("ignore", ()),
        texts["fail-on"],
        texts["baseline"],
        texts["revision"],
        path.parent,
    )


def baseline_line(judged: Judged, finding: Finding) -> str:
    """How a finding is known again in another recording: the rule, and where; no value, which would be another."""
    place = finding.places[0] if finding.places else None
    message = next((m for m in judged.run.messages if place and m.id == place.exchange), None)
    where = f"{message.exchange.method} {urls.path_of(message.url) or '/'}" if message else "-"
    part = f" {place.part} {place.name}".rstrip() if place else ""
    return visible(f"{finding.rule} {where}{part}")


def baseline_text(runs: Sequence[Judged]) -> str:
    """A baseline of these runs: one finding a line, sorted, so that a change of it reads well."""
    lines = {baseline_line(judged, finding) for judged in runs for finding in judged.checked.findings}
    head = (
        "# Findings that are known: `check --baseline` counts none of them. Take a line out to have it counted again."
    )
    return "\n".join((head, *sorted(lines))) + "\n"


def read_baseline(path: Path) -> frozenset[str]:
    """The lines of a baseline. Raises InspectorError when it cannot be read."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise InspectorError(
            f"{path} cannot be read as a baseline; write one with `check --write-baseline {path} RECORDING`."
        ) from None
    lines = (line.strip() for line in text.splitlines())
    return frozenset(line for line in lines if line and not line.startswith("#"))


def github_annotations(recording: str, runs: Iterable[Judged]) -> Iterator[str]:
    """The findings as workflow commands of GitHub Actions: one line each, shown at the run and on the summary."""
    kinds = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
    for judged in runs:
        for finding in judged.checked.findings:
            step = f"step {finding.step}, " if finding.step is not None else ""
            detail = "; ".join(
                part
                for part in (
                    finding.message,
                    f"expected {finding.expected}" if finding.expected else "",
                    f"found {finding.found}" if finding.found else "",
                )
                if part
            )
            title = f"{finding.rule} ({finding.party})"
            properties = f"file={_property(recording)},title={_property(title)}"
            yield f"::{kinds[finding.severity]} {properties}::{_data(visible(step + detail))}"


def _data(text: str) -> str:
    """Text of a workflow command, from which no second command can begin."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(visible(text)).replace(":", "%3A").replace(",", "%2C")
