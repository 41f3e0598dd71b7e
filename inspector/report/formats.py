"""Every form a report can take, in one list; commands and dialogs are made from it."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, TextIO

from inspector.errors import InspectorError

if TYPE_CHECKING:
    from inspector.report.material import Material


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write a report. The module of that name beside this one holds `write(material, out)`."""

    name: str
    title: str
    suffix: str
    media_type: str
    module: str

    def write(self, material: "Material", out: TextIO) -> None:
        """Write the report as it is made, so that a long one never stands in memory as a whole."""
        # Loaded when used: listing the formats must cost nothing.
        writer: Callable[[Material, TextIO], None] = import_module(f"inspector.report.{self.module}").write
        writer(material, out)


FORMATS = (
    Format("markdown", "Markdown for an issue, addressed to the party at fault", ".md", "text/markdown", "markdown"),
    Format("html", "web page with pictures, opens offline", ".html", "text/html", "web"),
    Format("har", "HAR 1.2 for browsers and proxies", ".har", "application/json", "har"),
    Format("json", "JSON for programs, as `check` prints it", ".json", "application/json", "json_report"),
    Format("sarif", "SARIF 2.1.0 for code scanning", ".sarif", "application/sarif+json", "sarif"),
    Format("junit", "JUnit XML for continuous integration", ".xml", "application/xml", "junit"),
    Format("mermaid", "sequence diagram in Mermaid syntax", ".mmd", "text/vnd.mermaid", "mermaid"),
    Format("curl", "shell script that sends the requests again", ".sh", "application/x-sh", "curl"),
    Format("otlp-json", "OpenTelemetry spans, one trace for each run", ".json", "application/json", "otlp"),
)
"""In the order they are offered."""


def format_named(name: str) -> Format:
    """The format of that name. Raises InspectorError naming them all when there is none."""
    for each in FORMATS:
        if each.name == name:
            return each
    raise InspectorError(f"There is no format {name!r}; choose one of {', '.join(each.name for each in FORMATS)}.")
