"""The JSON of `check --format json`, version 1: a contract, because other tools read it."""

import re
from dataclasses import asdict
from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator

from inspector.report.difference import difference_in
from inspector.report.tokens import tokens_of
from inspector.rules.model import Finding
from inspector.verdict.model import Analysed, Judged

type Party = Literal["client", "mcp-server", "authorization-server", "configuration", "edge", "unknown", "none"]
type Confidence = Literal["certain", "likely", "guess"]
type Severity = Literal["error", "warning", "info"]
type Reason = Literal["N1", "N2", "N3", "N4", "N5", "N6", "N7", "N8", "N9", "N10", "N11", "N12"]


_SURROGATE = re.compile("[\ud800-\udfff]")
"""Halves of characters, which the JSON of a token may hold alone and which no UTF-8 text can."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _writable(cls, value: object) -> object:
        if isinstance(value, list | tuple):
            return [cls._writable(each) for each in value]
        return _SURROGATE.sub("\ufffd", value) if isinstance(value, str) else value


class ClientPart(_Part):
    """Who the client says it is; empty where it does not say."""

    name: str
    version: str
    user_agent: str


class StepPart(_Part):
    """One row of the timeline. `at` is in seconds since the epoch, `exchanges` are ids in the recording."""

    id: int
    phase: int
    title: str
    exchanges: list[int]
    status: Literal["ok", "refused", "failed", "pending", "not-captured"]
    at: float


class ObservationPart(_Part):
    """A fact the verdict rests on, with the step that shows it."""

    step: int | None
    text: str


class ClearedPart(_Part):
    """A party that did its part."""

    party: Party
    why: str


class RemedyPart(_Part):
    """What a party can do."""

    party: Party
    text: str


class VerdictPart(_Part):
    """Who is wrong; `cause` is the id of the rule that is the first cause."""

    party: Party
    confidence: Confidence
    cause: str | None
    summary: str
    observations: list[ObservationPart]
    cleared: list[ClearedPart]
    remedies: list[RemedyPart]


class PlacePart(_Part):
    """Where to look."""

    step: int | None
    exchange: int
    part: str
    name: str


class ComparisonPart(_Part):
    """How close the found URL is to the expected one; `position` is the first character of `found` that differs."""

    grade: Literal[
        "exact",
        "normalized",
        "loopback-alias",
        "ancestor",
        "descendant",
        "same-origin",
        "scheme-only",
        "other",
    ]
    steps: list[str]
    position: int


class FindingPart(_Part):
    """One failed rule."""

    rule: str
    severity: Severity
    confidence: Confidence
    party: Party
    level: str
    title: str
    message: str
    expected: str
    found: str
    places: list[PlacePart]
    cause: str | None
    comparison: ComparisonPart | None


class RevisionPart(_Part):
    """The revision of MCP that levels are taken from, for each side, and what tells it; `assumed` when nothing does."""

    client: str
    server: str
    assumed: bool
    evidence: list[str]


class TokenPart(_Part):
    """What can be read in an access token. Times are seconds since the epoch; empty or null where it does not say."""

    step: int | None
    format: Literal["jwt", "encrypted", "opaque"]
    signature: Literal["valid", "invalid", "unknown-key", "not-checked", "none"]
    used: int
    refused: int
    algorithm: str
    type: str
    key_id: str
    issuer: str
    audiences: list[str]
    client_id: str
    scope: str
    issued_at: float | None
    not_before: float | None
    expires: float | None


class SilencePart(_Part):
    """One rule that could not decide."""

    rule: str
    reason: Reason


class RunPart(_Part):
    """One attempt of one client at one MCP server."""

    id: int
    client: ClientPart
    server: str
    authorization_server: str
    protocol_version: str
    auth_profile: str
    revision: RevisionPart
    complete: bool
    steps: list[StepPart]
    verdict: VerdictPart
    findings: list[FindingPart]
    tokens: list[TokenPart]
    not_observed: list[SilencePart]


class Report(_Part):
    """The whole document."""

    version: Literal[1]
    source: str
    exchanges: int
    runs: list[RunPart]


def report_of(source: str, analysis: Analysed) -> Report:
    """The document for an analysed recording."""
    return Report(
        version=1,
        source=source,
        exchanges=analysis.exchange_count,
        runs=[_run(judged) for judged in analysis.runs],
    )


def _run(judged: Judged) -> RunPart:
    run, verdict = judged.run, judged.verdict
    client = run.client
    return RunPart(
        id=run.id,
        client=ClientPart(name=client.name, version=client.version, user_agent=client.user_agent),
        server=run.server_url,
        authorization_server=run.issuer or "",
        protocol_version=run.revision.protocol_version,
        auth_profile=run.revision.auth_profile,
        revision=RevisionPart(
            client=run.revision.client,
            server=run.revision.server,
            assumed=run.revision.assumed,
            evidence=list(run.revision.evidence),
        ),
        complete=run.complete,
        steps=[
            StepPart(
                id=step.id,
                phase=step.phase,
                title=step.title,
                exchanges=list(step.exchanges),
                status=step.status.value,
                at=step.at,
            )
            for step in run.steps
        ],
        verdict=VerdictPart(
            party=verdict.party.value,
            confidence=verdict.confidence.value,
            cause=verdict.cause,
            summary=verdict.summary,
            observations=[ObservationPart(step=o.step, text=o.text) for o in verdict.observations],
            cleared=[ClearedPart(party=c.party.value, why=c.why) for c in verdict.cleared],
            remedies=[RemedyPart(party=r.party.value, text=r.text) for r in verdict.remedies],
        ),
        findings=[_finding(finding) for finding in judged.checked.findings],
        tokens=[TokenPart.model_validate(asdict(facts)) for facts in tokens_of(run)],
        not_observed=[
            SilencePart.model_validate({"rule": s.rule, "reason": s.reason}) for s in judged.checked.not_observed
        ],
    )


def _finding(finding: Finding) -> FindingPart:
    return FindingPart(
        rule=finding.rule,
        severity=finding.severity.value,
        confidence=finding.confidence.value,
        party=finding.party.value,
        level=finding.level,
        title=finding.title,
        message=finding.message,
        expected=finding.expected,
        found=finding.found,
        places=[PlacePart(step=p.step, exchange=p.exchange, part=p.part, name=p.name) for p in finding.places],
        cause=finding.cause,
        comparison=_comparison(finding),
    )


def _comparison(finding: Finding) -> ComparisonPart | None:
    found = difference_in(finding)
    if found is None:
        return None
    return ComparisonPart(grade=found.grade.value, steps=list(found.steps), position=found.position)
