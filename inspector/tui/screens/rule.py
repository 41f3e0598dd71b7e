"""The documentation of a rule, over the main screen."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen

from inspector.protocol.revisions import REVISIONS
from inspector.rules.registry import find_rule
from inspector.tui.lines import Line, heading, note, prose
from inspector.tui.looks import STRONG
from inspector.tui.widgets.document import DocumentPane


class RuleScreen(ModalScreen[None]):
    """A rule's title, levels and documentation; it works offline."""

    CSS_PATH = "dialog.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,d", "dismiss", "Close", tooltip="Back to the run", id="rule.close"),
    ]

    def __init__(self, rule_id: str) -> None:
        super().__init__()
        self._rule_id = rule_id

    def compose(self) -> ComposeResult:
        """One pane of text."""
        yield DocumentPane(id="document")

    def on_mount(self) -> None:
        """Fill it."""
        pane = self.query_one(DocumentPane)
        pane.border_title = Content(self._rule_id)
        pane.border_subtitle = Content("esc close")
        pane.show(rule_lines(self._rule_id))


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
