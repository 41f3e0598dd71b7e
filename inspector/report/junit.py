"""JUnit XML: each rule is a test, so that a CI server shows what failed and what could not be decided."""

from collections.abc import Iterator
from typing import TextIO

from inspector.report.escape import markup
from inspector.report.material import Material
from inspector.rules.model import REASONS, Finding, Severity
from inspector.verdict.model import Judged


def write(material: Material, out: TextIO) -> None:
    """Write one test suite for each run."""
    out.write('<?xml version="1.0" encoding="UTF-8"?>\n')
    suites = [_Suite(judged) for judged in material.runs]
    tests, failures = (sum(suite.counts[column] for suite in suites) for column in (0, 1))
    out.write(f'<testsuites name="mcp-auth-inspector" tests="{tests}" failures="{failures}">\n')
    for suite in suites:
        out.writelines(suite.lines())
    out.write("</testsuites>\n")


class _Suite:
    def __init__(self, judged: Judged) -> None:
        self._judged = judged
        self._failed: dict[str, list[Finding]] = {}
        self._noted: dict[str, list[Finding]] = {}
        for finding in judged.checked.findings:
            # A note is nothing that a build should fail for.
            kept = self._noted if finding.severity is Severity.INFO else self._failed
            kept.setdefault(finding.rule, []).append(finding)
        self._noted = {rule: found for rule, found in self._noted.items() if rule not in self._failed}

    @property
    def counts(self) -> tuple[int, int, int]:
        """Tests, failures, skipped."""
        checked = self._judged.checked
        told = len(self._failed) + len(self._noted)
        return told + len(checked.passed) + len(checked.not_observed), len(self._failed), len(checked.not_observed)

    def lines(self) -> Iterator[str]:
        """The suite as XML."""
        run, checked = self._judged.run, self._judged.checked
        tests, failures, skipped = self.counts
        name = markup(f"run {run.id}: {run.client.label} -> {run.server_url or 'unknown MCP server'}")
        yield f'  <testsuite name="{name}" tests="{tests}" failures="{failures}" errors="0" skipped="{skipped}">\n'
        for rule, findings in self._failed.items():
            yield f"    {_case(rule, run.id)}>\n"
            kind = findings[0].severity.value
            told = "\n".join(map(_told, findings))
            yield f'      <failure type="{kind}" message="{markup(findings[0].message)}">{told}</failure>\n'
            yield "    </testcase>\n"
        for rule, findings in self._noted.items():
            told = "\n".join(map(_told, findings))
            yield f"    {_case(rule, run.id)}>\n      <system-out>{told}</system-out>\n    </testcase>\n"
        for rule in checked.passed:
            yield f"    {_case(rule, run.id)}/>\n"
        for silence in checked.not_observed:
            why = markup(silence.what or REASONS[silence.reason])
            yield f"    {_case(silence.rule, run.id)}>\n      <skipped>{why}</skipped>\n    </testcase>\n"
        yield f"    <system-out>{markup(self._judged.verdict.summary)}</system-out>\n  </testsuite>\n"


def _case(rule: str, run: int) -> str:
    return f'<testcase classname="mcp-auth-inspector.run-{run}" name="{markup(rule)}" time="0"'


def _told(finding: Finding) -> str:
    lines = [
        finding.message,
        f"party     {finding.party.value}",
        f"expected  {finding.expected}",
        f"found     {finding.found}",
        f"level     {finding.level}",
    ]
    where = ", ".join(f"exchange {place.exchange} {place.part} {place.name}".strip() for place in finding.places)
    return "\n".join(map(markup, (*lines, f"where     {where}")))
