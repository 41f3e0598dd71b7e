"""The main screen: timeline, problems and detail of one run, under the menus and lines for its origin and verdict."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widget import Widget

from inspector.rules.model import Finding
from inspector.tui.actions import TABS
from inspector.tui.display import visible
from inspector.tui.keys import MAIN_KEYS
from inspector.tui.lines import Line
from inspector.tui.masking import Masker, Veil
from inspector.tui.panes.message import request_lines, response_lines
from inspector.tui.panes.raw import raw_lines
from inspector.tui.panes.start import start_lines
from inspector.tui.panes.status import Origin, status_parts, verdict_text
from inspector.tui.panes.token import token_lines
from inspector.tui.panes.why import why_lines
from inspector.tui.preferences import Preferences
from inspector.tui.recording import Recording
from inspector.tui.screens.arrangement import HEIGHTS, RIGHT, WIDTHS, Arrangement
from inspector.tui.screens.commands import Commands
from inspector.tui.view import RunView, Selection
from inspector.tui.widgets.bars import ProgressLine, SessionTabs, StatusLine, TabBar, VerdictLine
from inspector.tui.widgets.document import DocumentPane
from inspector.tui.widgets.key_bar import KeyBar
from inspector.tui.widgets.menu_bar import MenuBar
from inspector.tui.widgets.problems import ProblemList
from inspector.tui.widgets.row_list import RowList
from inspector.tui.widgets.split import GridSplit, Split
from inspector.tui.widgets.timeline import TimelineList
from inspector.verdict.model import Judged

type LineMaker = Callable[[RunView, Selection, Veil], list[Line]]

MAKERS: dict[str, LineMaker] = {
    "why": why_lines,
    "request": request_lines,
    "response": response_lines,
    "token": token_lines,
    "raw": raw_lines,
}
"""What fills the detail panes."""


class Detail(Container):
    """The detail panes, as tabs or side by side."""

    ALLOW_MAXIMIZE = True


class MainScreen(Commands):
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
        self._zoom_wanted = preferences.zoom
        self._arrangement = Arrangement(self, preferences)
        self._recording = Recording()
        self._chosen_run: int | None = None
        self._touched = False
        self._tab = "why"
        self._lifted: DocumentPane | None = None
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
            with Detail(id="detail"):
                yield TabBar(TABS, id="tabs")
                with GridSplit(id="panes"):
                    for pane in TABS:
                        yield DocumentPane(id=pane)
        yield DocumentPane(id="start")
        yield KeyBar(self._preferences.keys, id="key-bar")

    def on_mount(self) -> None:
        """Show what is known: nothing yet."""
        for pane, name in TABS.items():
            self._pane(pane).border_title = name
        self._pane("start").border_title = "Start here"
        self._choose_tab("why")
        self.show(self._recording)

    # What the desktop tells.

    def show_sessions(self, names: Sequence[str], active: int) -> None:
        """Show which sessions are open; a single one needs no tabs."""
        self.session_count = len(names)
        self.query_one(SessionTabs).show(names, active)

    def show_progress(self, share: float | None) -> None:
        """Show how far the reading of the recording is; None when it is over."""
        self.query_one(ProgressLine).show(share)

    def show(self, recording: Recording) -> None:
        """Show the recording as it is now."""
        self._recording = recording
        judged = self._judged()
        self.set_class(judged is None, "-empty")
        if judged is None:
            self._pane("start").show(start_lines(self._origin, recording), stay=True)
        elif self.view is None or self.view.judged is not judged:
            self._show_run(judged)
        self._show_bars()
        self.call_after_refresh(self._settle)

    def _settle(self) -> None:
        """Have the keys go to something that is in sight, and the pane zoomed that was when the reader left."""
        self._keep_focus()
        if self._zoom_wanted and self.view is not None:
            wanted, self._zoom_wanted = self._zoom_wanted, ""
            if wanted in (*TABS, "timeline", "problems") and self._arrangement.has_room:
                self._zoom(self.query_one(f"#{wanted}"))

    def _keep_focus(self) -> None:
        """Have the keys go to something that is in sight."""
        if self.focused not in self.focus_chain:
            self.set_focus(self._pane("start") if self.view is None else self._timeline)

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
        self.view = RunView(judged, self._masker)
        self._timeline.show(self.view, live=self._origin.live and not self._recording.ended)
        self._problems.show(self.view)
        if not same_run:
            self.selection = Selection()
        elif self.selection.finding:
            self.selection = self._again(self.selection.finding)
        elif self.selection.step is not None:
            self.selection = Selection(self._timeline.step_id, at_exchange)
        if not self._origin.live and not self._touched:
            self._go_to_cause(self.view)
        self._show_detail(stay=same_run)

    def _again(self, finding: Finding) -> Selection:
        """A finding after newer exchanges came: the same one, though its step may have another number by now."""
        assert self.view is not None
        for other in self.view.judged.checked.findings:
            if (other.rule, other.message) == (finding.rule, finding.message):
                return Selection.of(other)
        return Selection()

    def _go_to_cause(self, view: RunView) -> None:
        verdict = view.judged.verdict
        causes = [finding.step for finding in view.judged.checked.findings if finding.rule == verdict.cause]
        steps = [step for step in (*causes, *(seen.step for seen in verdict.observations)) if step is not None]
        if steps:
            self._timeline.go_to(steps[0])

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

    # What is on the screen.

    def _show_bars(self) -> None:
        number = self._recording.runs.index(self.view.judged) + 1 if self.view else 0
        revealed = self._lifted is not None
        self.query_one(StatusLine).show(status_parts(self._origin, self._recording, self.view, number, revealed))
        self.query_one(VerdictLine).show(verdict_text(self._origin, self._recording, self.view))
        self._timeline.border_subtitle = Content("< > run") if len(self._recording.runs) > 1 else None

    def _show_detail(self, *, stay: bool = False) -> None:
        for name in MAKERS:
            if self._is_shown(name):
                self._show_pane(name, stay=stay)
        step = self.view.steps.get(self._at.step) if self.view and self._at.step is not None else None
        title = Content.assemble(f"step {step.id}  ", visible(step.title)) if step else Content("no step")
        on_run = self._tab == "why" and self.selection == Selection()
        self.query_one(Detail).border_title = Content("Verdict") if on_run else title
        self._pane("why").border_title = Content.assemble("1 Why  ", Content("verdict") if on_run else title)
        self._pane("request").border_title = Content.assemble("2 Request  ", title)

    def _show_pane(self, name: str, *, stay: bool = False) -> None:
        if self.view is None:
            return
        pane = self._pane(name)
        selection = self.selection if name == "why" else self._at
        hidden = MAKERS[name](self.view, selection, self.view.veil())
        shown = MAKERS[name](self.view, selection, self.view.veil(lifted=True)) if pane is self._lifted else hidden
        pane.show(shown, to_copy=hidden, stay=stay, at=self.selection.finding)

    def _is_shown(self, name: str) -> bool:
        spread = self.has_class("-spread")
        right = self._tab if self._tab in RIGHT else "response"
        return name in ("why", "request", right) if spread else name == self._tab

    def _choose_tab(self, name: str) -> None:
        self._tab = name
        right = name if name in RIGHT else "response"
        for each in TABS:
            self._pane(each).set_class(each == name, "-active")
            self._pane(each).set_class(each == right, "-right")
        self.query_one(TabBar).show(name)

    def _pane(self, name: str) -> DocumentPane:
        return self.query_one(f"#{name}", DocumentPane)

    @property
    def _timeline(self) -> TimelineList:
        return self.query_one(TimelineList)

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
            self.action_tab(self._tab)

    @on(RowList.Moved, "#problems")
    def _problem_chosen(self) -> None:
        self._select_problem()

    @on(RowList.Opened, "#problems")
    def _problem_opened(self, event: RowList.Opened) -> None:
        self._select_problem()
        if event.by_key:
            self._pane("why").focus()

    def _select_problem(self) -> None:
        if finding := self._problems.finding:
            self._choose_tab("why")
            self.select(Selection.of(finding))

    @on(RowList.Opened)
    def _link_followed(self, event: RowList.Opened) -> None:
        if isinstance(event.rows, DocumentPane) and (target := event.rows.target):
            if target.finding and not self.has_class("-spread"):
                self.action_tab("why")
            self.select(target)

    @on(VerdictLine.Opened)
    def _verdict_opened(self) -> None:
        self.action_verdict()

    @on(TabBar.Chosen)
    def _tab_clicked(self, event: TabBar.Chosen) -> None:
        self.action_tab(event.pane)

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """Secrets revealed in a pane are hidden when it loses the focus."""
        if event.widget is self._lifted and self._lifted is not None:
            name, self._lifted = self._lifted.id or "", None
            self._show_pane(name, stay=True)
            self._show_bars()

    def action_tab(self, name: str) -> None:
        """Show a detail pane and go there."""
        if not self._arrangement.has_room:
            return
        self._choose_tab(name)
        self._show_pane(name)
        self._pane(name).focus()

    def action_verdict(self) -> None:
        """Show the verdict on the whole run."""
        self.select(Selection())
        self.action_tab("why")

    def action_problem(self, by: int) -> None:
        """Go to the next or previous problem, around the end."""
        findings = self._problems.findings
        if not findings:
            return
        current = self.selection.finding
        start = findings.index(current) if current in findings else (-1 if by > 0 else 0)
        self._choose_tab("why")
        self.select(Selection.of(findings[(start + by) % len(findings)]))

    def action_run(self, by: int) -> None:
        """Show the next or previous run."""
        runs = self._recording.runs
        if self.view is None or len(runs) < 2:
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
        pane = self.focused if isinstance(self.focused, DocumentPane) else self._pane(self._tab)
        if self.view is None or pane.id not in MAKERS:
            return
        self._lifted = None if self._lifted is pane else pane
        pane.focus()
        self._show_pane(pane.id, stay=True)
        self._show_bars()

    def action_zoom(self) -> None:
        """Give the focused pane the whole screen, or take it back."""
        if self.maximized is not None:
            self.minimize()
            self._remember_zoom("")
        elif isinstance(self.focused, RowList):
            self._zoom(self.focused)

    def _zoom(self, pane: Widget) -> None:
        name = pane.id or ""
        if name in TABS:
            self._choose_tab(name)
            self._show_pane(name, stay=True)
        pane.focus()
        tabbed = name in TABS and not self.has_class("-spread")
        self.maximize(self.query_one(Detail) if tabbed else pane, container=False)
        self._remember_zoom(name)

    def _remember_zoom(self, name: str) -> None:
        self._preferences.zoom = name
        self._preferences.save()

    def action_grow(self, by: int) -> None:
        """Give the focused pane more room, or less."""
        if isinstance(self.focused, RowList) and self.maximized is None:
            self._arrangement.grow(self.focused, by)

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
            self._choose_tab("why")
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
        finding = self.selection.finding
        if finding is None and self.selection.step is not None:
            finding = next(iter(self.view.step_findings.get(self.selection.step, ())), None)
        if finding is not None:
            return finding.rule
        cause = self.view.judged.verdict.cause if self.selection.step is None else None
        return cause or ""
