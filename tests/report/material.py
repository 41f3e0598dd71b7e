"""A recording made by hand as material for a report."""

import io
from collections.abc import Sequence

from inspector.report.formats import format_named
from inspector.report.material import Material
from inspector.report.redaction import find_secrets
from inspector.session.importing import ImportedRecording
from inspector.session.model import Exchange
from tests.tui.story import story

KEY = bytes(range(32))


def material(
    exchanges: Sequence[Exchange] | None = None,
    *,
    redact: bool = True,
    source: str = "story.mcpauth",
    run: int | None = None,
) -> Material:
    recording = ImportedRecording(source, story() if exchanges is None else exchanges, (), {})
    return Material(recording, find_secrets(recording.exchanges(), KEY) if redact else None, run=run)


def exported(name: str, exchanges: Sequence[Exchange] | None = None, *, redact: bool = True) -> str:
    """What a format writes."""
    out = io.StringIO()
    format_named(name).write(material(exchanges, redact=redact), out)
    return out.getvalue()
