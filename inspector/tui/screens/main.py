"""The main screen: timeline, problems and detail of one run, under the menus and lines for its origin and verdict."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content

from inspector.rules.model import Finding
from inspector.timeline.message import Message
from inspector.tui.keys import MAIN_KEYS
from inspector.tui.masking import Masker
from inspector.tui.panes.start import start_lines
from inspector.tui.panes.status import Origin, status_parts, verdict_text
from inspector.tui.preferences import Preferences
from inspector.tui.recording import Recording
from inspector.tui.screens.arrangement import HEIGHTS, WIDTHS, Arrangement
from inspector.tui.screens.room import Room
from inspector.tui.view import RunView, Selection
from inspector.tui.widgets.bars import ProgressLine, SessionTabs, StatusLine, TabBar, VerdictLine
from inspector.tui.widgets.detail import Detail
from inspector.tui.widgets.document import DocumentPane
from inspector.tui.widgets.key_bar import KeyBar
from inspector.tui.widgets.menu_bar import MenuBar
from inspector.tui.widgets.problems import ProblemList
from inspector.tui.widgets.row_list import RowList
from inspector.tui.widgets.split import Split
from inspector.tui.widgets.timeline import TimelineList
from inspector.verdict.model import Judged

if TYPE_CHECKING:
    from inspector.tui.live import CaptureState


class MainScreen(Room):
    """Shows a recording and follows what the reader chooses."""

    CSS_PATH = "main.tcss"
    AUTO_FOCUS = ""
    ALLOW_IN_MAXIMIZED_VIEW = "#bars, KeyBar"
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS

    BINDINGS: ClassVar[list[BindingType]] = [*MAIN_KEYS]

    def __init__(self, origin: Origin, masker: Masker, preferences: Preferences) -> None:
        super().__init__()
        self._origin = origin
        self._masker = masker
        self._preferences = preferences
        self._arrangement = Arrangement(self, preferences)
        self._zoom_wanted = preferences.zoom
        self._recording = Recording()
        self._capture: CaptureState | None = None
        self._chosen_run: int | None = None
        self._touched = False
        self.selection = Selection()
        self.session_count = 1

    def compose(self) -> ComposeResult:
        """The bars, the lists, the detail, and what stands there while nothing is captured."""
        with Vertical(id="bars"):
            yield MenuBar(id="menu-bar")
            yield SessionTabs(id="sessions")
            yield StatusLine(id="status")
            yield VerdictLine(id="verdict")
            yield ProgressLine(id="progress")
        with Split(id="body"):
            with Split(id="lists"):
                yield TimelineList(id="timeline")
                yield ProblemList(id="problems")
            yield Detail(id="detail")
        yield DocumentPane(id="start")
        yield KeyBar(self._preferences.keys, self.reason_against, id="key-bar")

    def on_mount(self) -> None:
        """Show what is known: nothing yet."""
        self._start.border_title = "Start here"
        self._timeline.as_diagram = self._preferences.timeline != "list"
        self.show(self._recording)

    # What the desktop tells.

    @property
    def is_whole(self) -> bool:
        """Whether its widgets are there: not before it is composed, and not any more while the program ends."""
        return len(self.query("#progress, #timeline, #problems, #why, #start")) == 5

    def show_sessions(self, names: Sequence[str], active: int) -> None:
        """Show which sessions are open; a single one needs no tabs."""
        self.session_count = len(names)
        self.query_one(SessionTabs).show(names, active)

    def show_progress(self, share: float | None) -> None:
        """Show how far the reading of the recording is; None when it is over."""
        self.query_one(ProgressLine).show(share)

    def show_capture(self, state: "CaptureState") -> None:
        """Show what the capture holds and changes, and why nothing arrives."""
        why_silent = self._capture.silence if self._capture else ()
        self._capture = state
        if self.view is None and state.silence != why_silent:
            self._start.show(start_lines(self._origin, self._recording, state.silence), stay=True)
        self._show_bars()

    def show(self, recording: Recording) -> None:
        """Show the recording as it is now."""
        same_incidents = recording.incidents == self._recording.incidents
        self._recording = recording
        judged = self._judged()
        self.set_class(judged is None, "-empty")
        if judged is None:
            silence = self._capture.silence if self._capture else ()
            self._start.show(start_lines(self._origin, recording, silence), stay=True)
        elif self.view is None or self.view.judged is not judged or not same_incidents:
            self._show_run(judged)
        self._show_bars()
        self.call_after_refresh(self._settle)

    def _settle(self) -> None:
        """Have the keys go to something that is in sight, and the pane zoomed that was when the reader left."""
        self._keep_focus()
        self.zoom_again()

    def _keep_focus(self) -> None:
        """Have the keys go to something that is in sight."""
        if self.focused not in self.focus_chain:
            self.set_focus(self._start if self.view is None else self._timeline)

    # Which run, and what of it.

    def _judged(self) -> Judged | None:
        """The run the reader chose; before that the newest while live, else the first with an error, else the last."""
        runs = self._recording.runs
        if self._chosen_run is not None:
            return next((judged for judged in runs if judged.run.id == self._chosen_run), None)
        with_errors = [judged for judged in runs if judged.checked.errors and not self._origin.live]
        return next(iter(with_errors or runs[-1:]), None)

    def _show_run(self, judged: Judged) -> None:
        same_run = self.view is not None and self.view.judged.run.id == judged.run.id
        at_exchange = self._at.exchange if same_run else None
        self.view = RunView(judged, self._masker, self._wanted)
        # Who looks at a problem does not want to be led away from it.
        live = self._origin.live and not self._recording.ended and not (same_run and self.selection.finding)
        self._timeline.show(self.view, live=live, incidents=self._recording.incidents)
        self._problems.show(self.view)
        if not same_run:
            self.selection = Selection()
        elif self.selection.finding:
            self.selection = self.view.again(self.selection.finding)
        elif self.selection.step is not None:
            self.selection = Selection(self._timeline.step_id, at_exchange)
        cause = self.view.cause_step
        if cause is not None and not self._origin.live and not self._touched:
            self._timeline.go_to(cause)
        self._show_detail(stay=same_run)

    @property
    def _at(self) -> Selection:
        """What the panes beside Why show: the selection, or with nothing selected the step at the cursor."""
        return self.selection if self.selection.step is not None else Selection(self._timeline.step_id)

    def select(self, selection: Selection) -> None:
        """Look at something; from then on no newer run takes its place."""
        self._touched = True
        self._chosen_run = self.view.judged.run.id if self.view else None
        self.selection = selection
        if selection.step is not None and selection.step != self._timeline.step_id:
            self._timeline.go_to(selection.step)
        self._problems.choose(selection.finding)
        self._show_detail()
        self.query_one(KeyBar).refresh()

    # What is on the screen.

    @on(Detail.Covered)
    def _show_bars(self) -> None:
        number = self._recording.runs.index(self.view.judged) + 1 if self.view else 0
        revealed = self._detail.revealed
        parts = status_parts(self._origin, self._recording, self.view, number, revealed, self._capture)
        self.query_one(StatusLine).show(parts)
        self.query_one(VerdictLine).show(verdict_text(self._origin, self._recording, self.view))
        self.query_one(KeyBar).refresh()
        self._timeline.border_subtitle = Content("< > run") if len(self._recording.runs) > 1 else None

    def _show_detail(self, *, stay: bool = False) -> None:
        self._detail.show(self.view, self.selection, self._at, stay=stay)

    @property
    def _start(self) -> DocumentPane:
        return self.query_one("#start", DocumentPane)

    @property
    def _problems(self) -> ProblemList:
        return self.query_one(ProblemList)

    # What the reader does.

    def on_resize(self) -> None:
        """Other panes may be in sight now."""
        self._arrangement.apply()
        self.call_after_refresh(self._show_detail, stay=True)
        self.call_after_refresh(self._keep_focus)

    @on(Split.Dragged)
    def _edge_dragged(self, event: Split.Dragged) -> None:
        self._arrangement.move(event.split, event.share, remember=event.over)

    @on(MenuBar.Chosen)
    def _menu_clicked(self, event: MenuBar.Chosen) -> None:
        self.open_menu(event.menu)

    @on(KeyBar.Chosen)
    async def _key_clicked(self, event: KeyBar.Chosen) -> None:
        await self.action_do(event.action.id)

    @on(SessionTabs.Chosen)
    async def _session_clicked(self, event: SessionTabs.Chosen) -> None:
        await self.desktop.show_session(event.number)

    @on(RowList.Moved, "#timeline")
    def _step_chosen(self) -> None:
        self.select(Selection(self._timeline.step_id))

    @on(RowList.Opened, "#timeline")
    def _step_opened(self, event: RowList.Opened) -> None:
        self.select(Selection(self._timeline.step_id))
        if event.by_key:
            self.action_tab(self._detail.tab)

    @on(RowList.Opened, "#problems")
    def _problem_opened(self, event: RowList.Opened) -> None:
        self._select_problem()
        if event.by_key:
            self._detail.pane("why").focus()

    @on(RowList.Moved, "#problems")
    def _select_problem(self) -> None:
        if finding := self._problems.finding:
            self._detail.choose("why")
            self.select(Selection.of(finding))

    @on(RowList.Opened)
    def _link_followed(self, event: RowList.Opened) -> None:
        if isinstance(event.rows, DocumentPane) and (target := event.rows.target):
            if target.finding and not self.has_class("-spread"):
                self.action_tab("why")
            self.select(target)

    @on(TabBar.Chosen)
    def _tab_clicked(self, event: TabBar.Chosen) -> None:
        self.action_tab(event.pane)

    def action_tab(self, name: str) -> None:
        """Show a detail pane and go there."""
        if not self._arrangement.has_room:
            return
        self._detail.choose(name)
        self._detail.fill(name)
        self._detail.pane(name).focus()

    @on(VerdictLine.Opened)
    def action_verdict(self) -> None:
        """Show the verdict on the whole run."""
        self.select(Selection())
        self.action_tab("why")

    def action_problem(self, by: int) -> None:
        """Go to the next or previous problem, around the end."""
        findings = self._problems.findings
        current = self.selection.finding
        start = findings.index(current) if current in findings else (-1 if by > 0 else 0)
        self._detail.choose("why")
        self.select(Selection.of(findings[(start + by) % len(findings)]))

    def action_run(self, by: int) -> None:
        """Show the next or previous run."""
        runs = self._recording.runs
        if self.view is None:
            return
        self._touched = False
        judged = runs[(runs.index(self.view.judged) + by) % len(runs)]
        self._chosen_run = judged.run.id
        self._show_run(judged)
        self._show_bars()

    def action_exchange(self, by: int) -> None:
        """Show the next or previous exchange of a step that stands for several."""
        message = self.view.message_of(self._at) if self.view else None
        step = self._timeline.step
        if step and message and message.id in step.exchanges:
            number = step.exchanges.index(message.id) + by
            if 0 <= number < len(step.exchanges):
                self.select(Selection(step.id, step.exchanges[number]))

    def action_reveal(self) -> None:
        """Show the secrets of the focused detail pane, or hide them again."""
        pane = self.focused if isinstance(self.focused, DocumentPane) else self._detail.pane(self._detail.tab)
        self._detail.reveal(pane)
        self._show_bars()

    def action_back(self) -> None:
        """Take a zoomed pane back, else go to the timeline, else to the verdict."""
        if self.query_one(ProgressLine).share is not None:
            self.desktop.stop_reading()
        elif self.maximized is not None:
            self.minimize()
            self._remember_zoom("")
        elif self.view is None:
            return
        elif self.focused is not self._timeline:
            self._timeline.focus()
        else:
            self._detail.choose("why")
            self.select(Selection())

    # What the registry asks to know whether an action can be done.

    @property
    def findings(self) -> Sequence[Finding]:
        """The findings on the run shown."""
        return self._problems.findings

    @property
    def run_count(self) -> int:
        """How many runs the recording holds."""
        return len(self._recording.runs)

    @property
    def has_room(self) -> bool:
        """Whether the window has room for the detail."""
        return self._arrangement.has_room

    @property
    def folded_here(self) -> bool:
        """Whether the step at the cursor stands for several exchanges."""
        return self._timeline.step is not None and len(self._timeline.step.exchanges) > 1

    @property
    def message_here(self) -> Message | None:
        """The request that is looked at."""
        return self.view.message_of(self._at) if self.view else None

    def filter_changed(self) -> None:
        """Show the run again, with another filter."""
        if self.view is not None:
            self._show_run(self.view.judged)

    @property
    def step_here(self) -> int | None:
        """The step at the cursor."""
        return self._timeline.step_id

    def go_to_step(self, step: int | None) -> None:
        """Put the cursor on a step."""
        if step is not None and self.view is not None and step in self.view.steps:
            self.select(Selection(step))

    @property
    def rule_here(self) -> str:
        """The rule whose finding is looked at; empty when there is none."""
        if self.view is None:
            return ""
        if finding := self.finding_here:
            return finding.rule
        cause = self.view.judged.verdict.cause if self.selection.step is None else None
        return cause or ""

    @property
    def finding_here(self) -> Finding | None:
        """The finding that is looked at, at a step its worst one."""
        if self.selection.finding or self.view is None or self.selection.step is None:
            return self.selection.finding
        return next(iter(self.view.step_findings.get(self.selection.step, ())), None)
