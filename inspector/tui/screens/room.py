"""How much room each pane of the main screen has, and how the timeline is drawn; what is chosen is remembered."""

from textual.widget import Widget

from inspector.tui.actions import TABS
from inspector.tui.preferences import Preferences
from inspector.tui.screens.arrangement import Arrangement
from inspector.tui.screens.commands import Commands
from inspector.tui.widgets.detail import Detail
from inspector.tui.widgets.row_list import RowList
from inspector.tui.widgets.timeline import TimelineList


class Room(Commands):
    """The actions on panes themselves."""

    _preferences: Preferences
    _arrangement: Arrangement
    _zoom_wanted = ""

    @property
    def _detail(self) -> Detail:
        return self.query_one(Detail)

    @property
    def _timeline(self) -> TimelineList:
        return self.query_one(TimelineList)

    def zoom_again(self) -> None:
        """Zoom the pane that was when the reader left, once there is something in it."""
        if self._zoom_wanted and self.view is not None:
            wanted, self._zoom_wanted = self._zoom_wanted, ""
            if wanted in (*TABS, "timeline", "problems") and self._arrangement.has_room:
                self._zoom(self.query_one(f"#{wanted}"))

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
            self._detail.choose(name)
            self._detail.fill(name, stay=True)
        pane.focus()
        tabbed = name in TABS and not self.has_class("-spread")
        self.maximize(self._detail if tabbed else pane, container=False)
        self._remember_zoom(name)

    def _remember_zoom(self, name: str) -> None:
        self._preferences.zoom = name
        self._preferences.save()

    def action_timeline_style(self) -> None:
        """Draw the timeline as a sequence diagram, or as a plain list."""
        self._timeline.as_diagram = not self._timeline.as_diagram
        self._preferences.timeline = "diagram" if self._timeline.as_diagram else "list"
        self._preferences.save()

    def action_grow(self, by: int) -> None:
        """Give the focused pane more room, or less."""
        if isinstance(self.focused, RowList) and self.maximized is None:
            self._arrangement.grow(self.focused, by)
