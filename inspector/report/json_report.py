"""The report as JSON: the document of `check --format json`, without its secrets, and the schema it keeps to."""

import json
from pathlib import Path
from typing import Any, TextIO

from inspector.report.contract import Report, report_of
from inspector.report.material import Material

SCHEMA_FILE = Path(__file__).with_name("check.schema.json")
"""The published JSON Schema; `schema()` makes what stands in it."""


def write(material: Material, out: TextIO) -> None:
    """Write the document."""
    runs = {judged.run.id for judged in material.runs}
    document = report_of(material.source, material.analysis).model_dump(mode="json")
    document["runs"] = [run for run in document["runs"] if run["id"] in runs]
    if material.redactor:
        document = material.redactor.tree(document)
    json.dump(document, out, indent=2, ensure_ascii=False)
    out.write("\n")


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the document."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Report.model_json_schema()}
