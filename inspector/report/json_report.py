"""The report as JSON: the document of `check --format json`, without its secrets, and the schema it keeps to."""

import json
from functools import cache
from pathlib import Path
from typing import Any, TextIO

from inspector.report.contract import Report, report_of
from inspector.report.material import Material
from inspector.rules.model import Confidence, Party, Severity
from inspector.rules.registry import all_rules
from inspector.timeline.steps import Status

SCHEMA_FILE = Path(__file__).with_name("check.schema.json")
"""The published JSON Schema; `schema()` makes what stands in it."""


def write(material: Material, out: TextIO) -> None:
    """Write the document."""
    runs = {judged.run.id for judged in material.runs}
    document = report_of(material.source, material.analysis).model_dump(mode="json")
    document["runs"] = [run for run in document["runs"] if run["id"] in runs]
    json.dump(_shown(material, document), out, indent=2, ensure_ascii=False)
    out.write("\n")


def _shown(material: Material, value: object) -> object:
    """A JSON value with its sentences and addresses redacted. Words of the contract stay, whatever a secret is."""
    if isinstance(value, str):
        return value if value in _vocabulary() else material.text(value)
    if isinstance(value, dict):
        return {name: _shown(material, held) for name, held in value.items()}
    return [_shown(material, each) for each in value] if isinstance(value, list) else value


@cache
def _vocabulary() -> frozenset[str]:
    """Rule ids, and every word of an enumeration."""
    found = {rule.id for rule in all_rules()}
    for kind in (Party, Confidence, Severity, Status):
        found.update(each.value for each in kind)
    return frozenset(found)


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the document."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Report.model_json_schema()}
