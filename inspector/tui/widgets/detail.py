"""The detail: the panes that show a step or the verdict, as tabs or side by side, and which of them reveals secrets."""

from collections.abc import Callable

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.message import Message

from inspector.tui.actions import TABS
from inspector.tui.display import visible
from inspector.tui.lines import Line
from inspector.tui.masking import Veil
from inspector.tui.panes.message import request_lines, response_lines
from inspector.tui.panes.raw import raw_lines
from inspector.tui.panes.token import token_lines
from inspector.tui.panes.why import why_lines
from inspector.tui.view import RunView, Selection
from inspector.tui.widgets.bars import TabBar
from inspector.tui.widgets.document import DocumentPane
from inspector.tui.widgets.split import GridSplit

type LineMaker = Callable[[RunView, Selection, Veil], list[Line]]

MAKERS: dict[str, LineMaker] = {
    "why": why_lines,
    "request": request_lines,
    "response": response_lines,
    "token": token_lines,
    "raw": raw_lines,
}
"""What fills the panes."""

_RIGHT = ("response", "token", "raw")
"""The panes that take turns at the lower right, where panes stand side by side."""


class Detail(Container):
    """The panes. It shows what the selection says; with nothing selected Why shows the verdict on the run."""

    ALLOW_MAXIMIZE = True

    class Covered(Message):
        """A pane that revealed secrets lost the focus, and hides them again."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.tab = "why"
        self._lifted: DocumentPane | None = None
        self._view: RunView | None = None
        self._selection = Selection()
        self._at = Selection()

    def compose(self) -> ComposeResult:
        """Tabs and panes."""
        yield TabBar(TABS, id="tabs")
        with GridSplit(id="panes"):
            for pane in TABS:
                yield DocumentPane(id=pane)

    def on_mount(self) -> None:
        """Begin with Why."""
        for name, title in TABS.items():
            self.pane(name).border_title = title
        self.choose("why")

    @property
    def revealed(self) -> bool:
        """Whether a pane shows secrets."""
        return self._lifted is not None

    def pane(self, name: str) -> DocumentPane:
        """A pane by its name."""
        return self.query_one(f"#{name}", DocumentPane)

    def choose(self, name: str) -> None:
        """Bring a pane to the front."""
        self.tab = name
        right = name if name in _RIGHT else "response"
        for each in TABS:
            self.pane(each).set_class(each == name, "-active")
            self.pane(each).set_class(each == right, "-right")
        self.query_one(TabBar).show(name)

    def show(self, view: RunView | None, selection: Selection, at: Selection, *, stay: bool = False) -> None:
        """Fill the panes in sight: Why with the `selection`, the others with the step or exchange it is `at`."""
        self._view, self._selection, self._at = view, selection, at
        for name in MAKERS:
            if self._in_sight(name):
                self.fill(name, stay=stay)
        step = view.steps.get(at.step) if view and at.step is not None else None
        title = Content.assemble(f"step {step.id}  ", visible(step.title)) if step else Content("no step")
        on_run = self.tab == "why" and selection == Selection()
        self.border_title = Content("Verdict") if on_run else title
        self.pane("why").border_title = Content.assemble("1 Why  ", Content("verdict") if on_run else title)
        self.pane("request").border_title = Content.assemble("2 Request  ", title)

    def fill(self, name: str, *, stay: bool = False) -> None:
        """Fill one pane."""
        if self._view is None:
            return
        pane = self.pane(name)
        selection = self._selection if name == "why" else self._at
        hidden = MAKERS[name](self._view, selection, self._view.veil())
        lifted = pane is self._lifted
        shown = MAKERS[name](self._view, selection, self._view.veil(lifted=True)) if lifted else hidden
        pane.show(shown, to_copy=hidden, stay=stay, at=self._selection.finding)

    def reveal(self, pane: DocumentPane) -> None:
        """Show the secrets of a pane until it loses the focus, or hide them again."""
        self._lifted = None if self._lifted is pane else pane
        pane.focus()
        self.fill(pane.id or "", stay=True)

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """Hide what is revealed in the pane that loses the focus."""
        if event.widget is self._lifted and self._lifted is not None:
            name, self._lifted = self._lifted.id or "", None
            self.fill(name, stay=True)
            self.post_message(self.Covered())

    def _in_sight(self, name: str) -> bool:
        right = self.tab if self.tab in _RIGHT else "response"
        return name in ("why", "request", right) if self.screen.has_class("-spread") else name == self.tab
