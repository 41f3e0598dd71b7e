"""The list of problems, worst first."""

from textual.content import Content

from inspector.rules.model import Finding, Severity
from inspector.tui.display import cut_middle, visible
from inspector.tui.looks import GOOD, MUTED, PARTY_NAME, SEVERITY_GLYPH, SEVERITY_STYLE, TICK
from inspector.tui.view import RunView
from inspector.tui.widgets.row_list import RowList


class ProblemList(RowList):
    """One finding a row: rule, step, and the party at fault."""

    BORDER_TITLE = "Problems"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.findings: tuple[Finding, ...] = ()
        self._view: RunView | None = None
        self._chosen = False
        self._step_width = self._party_width = 0

    @property
    def row_count(self) -> int:
        """The findings, or one row that says there are none."""
        return len(self.findings) or 1

    @property
    def finding(self) -> Finding | None:
        """The finding at the cursor."""
        return self.findings[self.cursor] if self.cursor < len(self.findings) else None

    @property
    def shows_cursor(self) -> bool:
        """Only where there is something to choose."""
        return bool(self.findings) and (self._chosen or self.has_focus)

    def show(self, view: RunView) -> None:
        """Show the findings of a run."""
        before = self.finding
        self._view = view
        self.findings = view.judged.checked.findings
        self._step_width = max(map(len, map(_step, self.findings)), default=0)
        self._party_width = max(map(len, map(_party, self.findings)), default=0)
        self.border_title = Content(_counted(self.findings))
        self.rows_changed(cursor=self.findings.index(before) if before in self.findings else 0)

    def choose(self, finding: Finding | None) -> None:
        """Put the cursor on a finding, or take it away."""
        self._chosen = finding in self.findings
        if finding in self.findings:
            self.place_cursor(self.findings.index(finding))
        self.refresh()

    def copied(self) -> str:
        """The finding in one line, its secrets hidden."""
        if self.finding is None or self._view is None:
            return ""
        return self._view.veil().text(f"{self.finding.rule}: {self.finding.message}").plain

    def row(self, index: int, width: int) -> Content:
        """Rule, step and party."""
        if not self.findings:
            return Content.styled(f"{TICK} none", GOOD)
        finding = self.findings[index]
        tail = f" {_step(finding):<{self._step_width}}  {_party(finding):<{self._party_width}} "
        room = max(8, width - 2 - len(tail))
        rule = cut_middle(visible(finding.rule).plain, room)
        return Content.assemble(
            (f"{SEVERITY_GLYPH[finding.severity]} ", SEVERITY_STYLE[finding.severity]),
            Content(rule).pad_right(room - len(rule)),
            (tail, MUTED),
        )


def _step(finding: Finding) -> str:
    return f"step {finding.step}" if finding.step is not None else ""


def _party(finding: Finding) -> str:
    return PARTY_NAME[finding.party].partition(" (")[0]


def _counted(findings: tuple[Finding, ...]) -> str:
    """The title with what there is of each severity."""
    parts = []
    for severity, name in ((Severity.ERROR, "error"), (Severity.WARNING, "warning"), (Severity.INFO, "note")):
        if number := sum(finding.severity is severity for finding in findings):
            parts.append(f"{number} {name}{'s' if number != 1 else ''}")
    return " · ".join(("Problems", *parts))
