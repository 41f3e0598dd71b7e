"""SARIF 2.1.0: the findings for code scanning and for editors."""

import hashlib
import json
from typing import Any, TextIO
from urllib.parse import quote

from inspector.display import visible
from inspector.report.material import Material
from inspector.rules.model import Finding, Severity
from inspector.rules.registry import find_rule
from inspector.verdict.model import Judged

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def write(material: Material, out: TextIO) -> None:
    """Write one log with one run of the tool; the sign-ins are told apart by their results' properties."""
    name, _, version = material.tool.partition(" ")
    findings = [(judged, finding) for judged in material.runs for finding in judged.checked.findings]
    rules = list(dict.fromkeys(finding.rule for _, finding in findings))
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": name, "version": version, "rules": [_rule(id) for id in rules]}},
                "artifacts": [{"location": {"uri": _uri(material)}, "roles": ["analysisTarget"]}],
                "invocations": [{"executionSuccessful": True}],
                "columnKind": "unicodeCodePoints",
                "results": [_result(material, judged, finding, rules) for judged, finding in findings],
            }
        ],
    }
    json.dump(log, out, indent=2)
    out.write("\n")


def _rule(id: str) -> dict[str, Any]:
    rule = find_rule(id)
    if rule is None:
        return {"id": id, "shortDescription": {"text": "A rule of this program failed"}}
    pages = {heading: " ".join(text.split()) for heading, text in rule.documentation.items()}
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": pages["What it checks"]},
        "help": {"text": "\n\n".join(f"{heading}: {text}" for heading, text in pages.items())},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"tags": [rule.phase.value, rule.party.value], "precision": "high"},
    }


def _result(material: Material, judged: Judged, finding: Finding, rules: list[str]) -> dict[str, Any]:
    told = [finding.message]
    told += [f"Expected: {finding.expected}"] if finding.expected else []
    told += [f"Found: {finding.found}"] if finding.found else []
    places = [
        {
            "name": place.name or place.part,
            "fullyQualifiedName": f"run {judged.run.id}, exchange {place.exchange}, {place.part} {place.name}".strip(),
            "kind": "member",
        }
        for place in finding.places
    ]
    return {
        "ruleId": finding.rule,
        "ruleIndex": rules.index(finding.rule),
        "level": _LEVELS[finding.severity],
        "message": {"text": visible(" ".join(told))},
        "locations": [
            {
                # Code scanning shows nothing that has no file and line; a recording has no lines but the first.
                "physicalLocation": {"artifactLocation": {"uri": _uri(material)}, "region": {"startLine": 1}},
                "logicalLocations": [{key: visible(text) for key, text in each.items()} for each in places[:1]],
            }
        ],
        "partialFingerprints": {"finding/v1": _fingerprint(judged, finding)},
        "properties": {
            "party": finding.party.value,
            "level": finding.level,
            "run": judged.run.id,
            "client": visible(judged.run.client.label),
            "server": visible(judged.run.server_url),
        },
    }


def _fingerprint(judged: Judged, finding: Finding) -> str:
    """Equal for the same finding about the same two parties in another recording, so that it is reported once."""
    same = "\n".join((finding.rule, finding.party.value, judged.run.client.name, judged.run.server_url))
    return hashlib.sha256(same.encode(errors="replace")).hexdigest()[:32]


def _uri(material: Material) -> str:
    return quote(material.source, errors="replace")
