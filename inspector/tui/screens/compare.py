"""Two runs beside each other: choose the other one, then see step by step where they part."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from inspector.session.model import Source
from inspector.tui.display import visible
from inspector.tui.panes.compare import compare_lines
from inspector.tui.screens.dialog import CANCEL, CLOSE, Choice, Dialog
from inspector.tui.view import RunView
from inspector.tui.widgets.document import DocumentPane
from inspector.verdict.compare import compare
from inspector.verdict.model import Judged

if TYPE_CHECKING:
    from inspector.tui.sessions import OpenSession


@dataclass(frozen=True, slots=True)
class Candidate:
    """A run that can be compared with, and what it is called: captured text in it is shown by `visible`."""

    name: str
    view: RunView


def candidates(sessions: Sequence["OpenSession"], shown: RunView) -> list[Candidate]:
    """Every open run but the one shown, those of its own session first."""
    found = [
        (session, Candidate(_name(sessions, session, judged), RunView(judged, shown.masker)))
        for session in sessions
        for judged in session.recording.runs
        if judged is not shown.judged
    ]
    return [each for _, each in sorted(found, key=lambda pair: shown.judged not in pair[0].recording.runs)]


def candidate(sessions: Sequence["OpenSession"], shown: RunView) -> Candidate:
    """The run shown, by its name."""
    session = next((each for each in sessions if shown.judged in each.recording.runs), None)
    return Candidate(_name(sessions, session, shown.judged), shown)


def _name(sessions: Sequence["OpenSession"], session: "OpenSession | None", judged: Judged) -> str:
    file = f"{session.name}, " if session and len(sessions) > 1 else ""
    run = judged.run
    replay = f", {run.messages[0].exchange.listener}" if run.source is Source.REPLAY else ""
    return f"{file}run {run.id}, {run.client.label}{replay}"


class ChooseRun(Dialog[Candidate]):
    """Gives the run to compare with."""

    heading = "Compare with"
    choices = (CANCEL,)
    keys = "enter compare  esc close"

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        super().__init__()
        self._candidates = candidates

    def body(self) -> ComposeResult:
        """The runs."""
        yield OptionList(*(Option(visible(candidate.name)) for candidate in self._candidates), id="runs")

    def on_mount(self) -> None:
        """Have the keys go to the list."""
        self.query_one(OptionList).focus()

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._candidates[event.option_index])


class CompareScreen(Dialog[None]):
    """The comparison of two runs."""

    TALL = True
    heading = "Compare"
    choices = (Choice("Swap", "swap", "Exchange A and B"), CLOSE)
    keys = "s swap  y copy  esc close"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "swap", "Swap", tooltip="Exchange A and B", id="compare.swap"),
        Binding("y", "copy", "Copy", tooltip="Copy the comparison, secrets hidden", id="compare.copy"),
        Binding("q", "close", "Close", tooltip="Back to the run", id="compare.close"),
    ]

    def __init__(self, left: Candidate, right: Candidate) -> None:
        super().__init__()
        self._sides = (left, right)

    def body(self) -> ComposeResult:
        """One pane of text."""
        yield DocumentPane(id="comparison")

    def on_mount(self) -> None:
        """Compare."""
        self._show()
        self.query_one(DocumentPane).focus()

    def _show(self) -> None:
        left, right = self._sides
        comparison = compare(left.view.judged, right.view.judged)
        self._lines = compare_lines(comparison, left.name, right.name, left.view.veil_with(right.view))
        self.query_one(DocumentPane).show(self._lines)

    def action_swap(self) -> None:
        """Exchange A and B."""
        self._sides = self._sides[::-1]
        self._show()

    def action_copy(self) -> None:
        """Copy the whole comparison."""
        self.app.copy_to_clipboard("\n".join(line.plain for line in self._lines))
        self.remark("Copied, secrets hidden.")
