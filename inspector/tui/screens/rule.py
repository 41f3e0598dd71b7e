"""The documentation of a rule, over the main screen."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from inspector.display import visible
from inspector.protocol.revisions import REVISIONS
from inspector.rules.registry import find_rule
from inspector.tui.lines import Line, heading, note, prose
from inspector.tui.looks import STRONG
from inspector.tui.screens.dialog import Dialog
from inspector.tui.widgets.document import DocumentPane


class RuleScreen(Dialog[None]):
    """A rule's title, levels and documentation; it works offline."""

    TALL = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,d", "close", "Close", tooltip="Back to the run", id="rule.close"),
    ]

    def __init__(self, rule_id: str) -> None:
        super().__init__()
        self._rule_id = rule_id
        self.heading = visible(rule_id)

    def body(self) -> ComposeResult:
        """One pane of text."""
        yield DocumentPane(id="document")

    def on_mount(self) -> None:
        """Fill it."""
        self.query_one(DocumentPane).show(rule_lines(self._rule_id))


def rule_lines(rule_id: str) -> Sequence[Line]:
    """A rule's documentation as lines."""
    rule = find_rule(rule_id)
    if rule is None:
        return [note("There is no documentation: this is no rule, but a fault in the inspector itself.")]
    lines = [
        Line(Content.styled(rule.title, STRONG)),
        note(f"{rule.severity} · {rule.confidence} · fault: {rule.party} · phase: {rule.phase}"),
        note("  ·  ".join(f"{revision} {rule.levels.at(revision)}" for revision in REVISIONS)),
    ]
    for title, text in rule.documentation.items():
        lines += [Line(), heading(title)]
        lines += [Line(prose(paragraph)) for paragraph in text.split("\n\n")]
    return lines
