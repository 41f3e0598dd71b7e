"""What can be done on the main screen beyond choosing what it shows: one method for each entry of the registry."""

from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.geometry import Offset
from textual.screen import Screen
from textual.widget import Widget

from inspector.display import visible
from inspector.tui.action import Action, Menu, Place
from inspector.tui.actions import ACTIONS, find, for_place, menus
from inspector.tui.looks import aside
from inspector.tui.view import RunView, Wanted
from inspector.tui.widgets.bars import StatusLine, VerdictLine
from inspector.tui.widgets.document import DocumentPane
from inspector.tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inspector.capture.proxy import RunningProxy
    from inspector.report.forms import Form
    from inspector.rules.model import Finding
    from inspector.timeline.message import Message
    from inspector.tui.app import InspectorApp
    from inspector.tui.screens.compare import Candidate
    from inspector.tui.screens.replay import Replayed


class Commands(Screen[None]):
    """The main screen's actions. A subclass shows a run and says what of it the reader looks at."""

    view: RunView | None = None
    _sought = ""
    _wanted: Wanted | None = None

    @property
    def rule_here(self) -> str:
        """The rule whose finding is looked at; empty when there is none."""
        raise NotImplementedError

    @property
    def desktop(self) -> "InspectorApp":
        """The application, which holds the open sessions and the preferences."""
        from inspector.tui.app import InspectorApp

        assert isinstance(self.app, InspectorApp)
        return self.app

    # One way for keys, menus, context menus and palette.

    async def action_do(self, action_id: str) -> None:
        """Do what the registry has under this id, or say why that cannot be done."""
        action = find(action_id)
        reason = self.reason_against(action)
        self.say(reason)
        if not reason:
            await self.run_action(action.call)

    def reason_against(self, action: Action) -> str:
        """Why an action cannot be done just now; empty when it can."""
        from inspector.tui.screens.main import MainScreen

        assert isinstance(self, MainScreen)
        return action.when(self)

    def say(self, text: str) -> None:
        """Say one sentence in the status line, for as long as it takes to read it; our own words only."""
        self.query_one(StatusLine).say(text)

    # Menus.

    def action_menu(self) -> None:
        """Open the first menu."""
        self.open_menu(menus()[0])

    def open_menu(self, menu: Menu) -> None:
        """Pull a menu down."""
        from inspector.tui.screens.menu import MenuScreen

        self.app.push_screen(MenuScreen(self._reasons(), self.desktop.preferences.keys, menu=menu), self._chosen)

    def action_context_menu(self) -> None:
        """Open the context menu of the row at the cursor."""
        if self.focused is not None:
            self.open_context_menu(self.focused, _below_cursor(self.focused))

    @on(RowList.MenuRequested)
    @on(VerdictLine.MenuRequested)
    def _right_clicked(self, event: RowList.MenuRequested | VerdictLine.MenuRequested) -> None:
        if event.control is not None:
            self.open_context_menu(event.control, event.at)

    def open_context_menu(self, widget: Widget, at: Offset) -> None:
        """Show what can be done with a widget's row."""
        from inspector.tui.screens.menu import MenuScreen

        place = _place_of(widget)
        if place is not None:
            if widget.focusable:
                widget.focus()
            keys = self.desktop.preferences.keys
            self.app.push_screen(MenuScreen(self._reasons(), keys, actions=for_place(place), at=at), self._chosen)

    def _reasons(self) -> dict[str, str]:
        return {action.id: reason for action in ACTIONS if (reason := self.reason_against(action))}

    async def _chosen(self, action_id: str | None) -> None:
        if action_id:
            await self.action_do(action_id)

    # Sessions.

    def action_open(self) -> None:
        """Choose a file, and open it in a tab of its own."""
        from inspector.tui.screens.open import OpenDialog

        self.app.push_screen(OpenDialog(self.desktop.preferences.recent), self._open)

    def _open(self, path: Path | None) -> None:
        if path is not None:
            self.desktop.open_file(path)

    def action_sample(self) -> None:
        """Open the sample."""
        self.desktop.open_sample()

    def action_watch(self) -> None:
        """Show the capture that runs."""
        self.desktop.open_running()

    def action_capture(self) -> None:
        """Choose client and way, and start, test or stop a capture."""
        from inspector.tui.screens.capture import CaptureDialog

        server = self.view.judged.run.server_url if self.view else ""

        def started(proxy: "RunningProxy | None") -> None:
            if proxy is not None:
                self.desktop.open_capture(proxy)

        self.app.push_screen(CaptureDialog(self.desktop.live, server), started)

    def action_step(self) -> None:
        """Hold each message of a sign-in until it is let go."""
        self.desktop.step_through()

    def action_patches(self) -> None:
        """Show and switch what is changed on the way."""
        from inspector.tui.screens.patches import PatchesDialog

        self.app.push_screen(PatchesDialog(self.desktop.live))

    def action_scope(self) -> None:
        """Show and change what is recorded."""
        from inspector.tui.screens.scope import ScopeDialog

        self.app.push_screen(ScopeDialog(self.desktop.live))

    def action_export(self) -> None:
        """Write a report on the run shown."""
        from inspector.tui.screens.export import ExportDialog

        assert self.view is not None
        self.app.push_screen(ExportDialog(self.desktop.session.feed.recording, self.view.judged.run.id), self._exported)

    def _exported(self, path: Path | None) -> None:
        if path is not None:
            self.notify(visible(f"Wrote {path}."), markup=False)

    async def action_session(self, by: int) -> None:
        """Show the next open session or the one before."""
        await self.desktop.show_session(by=by)

    async def action_close_session(self) -> None:
        """Close the session shown."""
        await self.desktop.close_session()

    # Replays.

    def action_send_again(self) -> None:
        """Edit the request at the cursor, and send it again."""
        from inspector.tui.screens.replay import SendAgainDialog

        assert self.view is not None
        assert self.message_here is not None
        feed = self.desktop.session.feed
        dialog = SendAgainDialog(feed.recording, self.view, self.message_here, may_write=feed.title != "sample")
        self.app.push_screen(dialog, self._replayed)

    def action_perform(self, what_if: int) -> None:
        """Perform the client of the run again, as it was or with a change."""
        from inspector.tui.screens.replay import PerformDialog

        assert self.view is not None
        feed = self.desktop.session.feed
        dialog = PerformDialog(feed.recording, self.view, what_if=bool(what_if), may_write=feed.title != "sample")
        self.app.push_screen(dialog, self._replayed)

    async def _replayed(self, done: "Replayed | None") -> None:
        if done is not None and self.view is not None:
            await self.desktop.show_replays(done, self.view.judged.run.id)

    @property
    def message_here(self) -> "Message | None":
        """The request that is looked at."""
        raise NotImplementedError

    # Searching.

    def action_search(self) -> None:
        """Ask for a text, and go to the first row of the focused pane that has it."""
        from inspector.tui.screens.ask import Ask

        hint = "A text to look for in the focused pane; n goes to the next place, N to the one before."
        self.app.push_screen(Ask("Search", hint=hint, text=self._sought), self._search)

    def _search(self, text: str | None) -> None:
        if text:
            self._sought = text
            self.action_search_next(1)

    def action_filter(self) -> None:
        """Ask for a filter, and leave out of the timeline what it does not keep."""
        from inspector.timeline.filters import LETTERS
        from inspector.tui.screens.ask import Ask

        told = [f"{letter:<4}{what}" for letter, what in LETTERS.items()]
        half = (len(told) + 1) // 2
        letters = "\n".join(f"{left:<32}{right}" for left, right in zip_longest(told[:half], told[half:], fillvalue=""))
        hint = f"Words, or mitmproxy's letters with & | ! and ( ). Empty shows everything.\n\n{letters}"
        text = self._wanted.text if self._wanted else ""
        self.app.push_screen(Ask("Filter", hint=hint, text=text, complaint=_complaint), self._filter)

    def _filter(self, text: str | None) -> None:
        if text is not None:
            from inspector.timeline.filters import parse_filter

            self._wanted = Wanted(text.strip(), parse_filter(text)) if text.strip() else None
            self.filter_changed()

    def filter_changed(self) -> None:
        """Show the run again, with another filter."""
        raise NotImplementedError

    def action_search_next(self, by: int) -> None:
        """Go to the next row that has the text, or the one before."""
        rows = self.focused
        if isinstance(rows, RowList) and not (self._sought and rows.find(self._sought, by)):
            self.say("This pane does not have that text." if self._sought else "Nothing was searched for; / does.")

    # Tours.

    def action_walk(self) -> None:
        """Begin the guided tour at the step at the cursor."""
        from inspector.tui.screens.walk import WalkScreen

        self.app.push_screen(WalkScreen(lambda: self.view, self.step_here), self.go_to_step)

    @property
    def step_here(self) -> int | None:
        """The step at the cursor."""
        raise NotImplementedError

    def go_to_step(self, step: int | None) -> None:
        """Put the cursor on a step."""
        raise NotImplementedError

    def other_runs(self) -> "list[Candidate]":
        """Every run that is open but the one shown, those of this session first."""
        from inspector.tui.screens.compare import candidates

        return candidates(self.desktop.sessions, self.view) if self.view else []

    def action_compare(self) -> None:
        """Choose another run, and show this one beside it."""
        from inspector.tui.screens.compare import ChooseRun, CompareScreen, candidate

        assert self.view is not None
        here = candidate(self.desktop.sessions, self.view)

        def show(other: "Candidate | None") -> None:
            if other is not None:
                self.app.push_screen(CompareScreen(here, other))

        self.app.push_screen(ChooseRun(self.other_runs()), show)

    # Looks and help.

    def action_theme(self, name: str) -> None:
        """Choose a theme."""
        self.app.theme = name

    def action_help(self) -> None:
        """Show every key."""
        from inspector.tui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen(self.desktop.preferences.keys))

    def action_documentation(self) -> None:
        """Show the documentation of the rule whose finding is looked at."""
        from inspector.tui.screens.rule import RuleScreen

        self.app.push_screen(RuleScreen(self.rule_here))

    # Copying.

    def to_copy(self) -> str:
        """What the cursor is on, its secrets hidden."""
        widget = self.focused
        return widget.copied() if isinstance(widget, RowList | VerdictLine) else ""

    def action_copy(self) -> None:
        """Copy what the cursor is on."""
        self.copy(self.to_copy())

    def action_copy_as(self) -> None:
        """Copy the exchange or the finding in a form of the reader's choice."""
        from inspector.tui.screens.copy import CopyDialog

        view, message, finding = self.view, self.message_here, self.finding_here
        assert view is not None

        def make() -> "Sequence[Form]":
            from inspector.report.forms import forms_of

            return forms_of(view.judged, message.exchange if message else None, finding, view.masker.key)

        def chosen(form: "Form | None") -> None:
            if form is not None:
                self.app.copy_to_clipboard(form.text)
                self.notify(f"Copied as {form.name}, {len(form.text)} characters, secrets masked.", markup=False)

        self.app.push_screen(CopyDialog(make), chosen)

    @property
    def finding_here(self) -> "Finding | None":
        """The finding that is looked at."""
        raise NotImplementedError

    def copy(self, text: str) -> None:
        """Copy a text and say how long it is, and how many secrets it hides."""
        self.app.copy_to_clipboard(text)
        masked = text.count(aside("hidden ")[:-1])
        hidden = f", {masked} secret{'s' if masked != 1 else ''} hidden" if masked else ""
        self.notify(f"Copied {len(text)} characters{hidden}.", markup=False)


def _complaint(text: str) -> str:
    """What is wrong with a filter."""
    from inspector.timeline.filters import NoFilter, parse_filter

    try:
        parse_filter(text)
    except NoFilter as error:
        return str(error)
    return ""


def _place_of(widget: Widget) -> Place | None:
    if isinstance(widget, VerdictLine):
        return Place.VERDICT
    if isinstance(widget, DocumentPane):
        return Place.DOCUMENT
    return {"timeline": Place.STEP, "problems": Place.PROBLEM}.get(widget.id or "")


def _below_cursor(widget: Widget) -> Offset:
    region = widget.content_region
    row = widget.cursor - widget.scroll_offset.y if isinstance(widget, RowList) else 0
    return Offset(region.x + 2, region.y + max(0, min(row, region.height - 1)) + 1)
