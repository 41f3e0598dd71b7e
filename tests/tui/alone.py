"""A timeline alone on the screen, without the frame around it."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.strip import Strip

from inspector.session.model import Exchange, Incident
from inspector.tui.masking import Masker
from inspector.tui.view import RunView
from inspector.tui.widgets.row_list import RowList
from inspector.tui.widgets.timeline import TimelineList
from inspector.verdict.analysis import Analysis

KEY = b"a key for fingerprints that stay the same"


def view_of(exchanges: Iterable[Exchange]) -> RunView:
    """The first run of these exchanges, judged."""
    analysis = Analysis()
    analysis.add(exchanges)
    return RunView(analysis.runs[0], Masker(KEY))


class AloneApp(App[None]):
    """Shows one timeline and keeps what it says."""

    CSS = "TimelineList { height: 1fr; scrollbar-size-vertical: 1; overflow-x: hidden; }"

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[RowList.Moved] = []

    def compose(self) -> ComposeResult:
        yield TimelineList(id="timeline")

    def on_row_list_moved(self, event: RowList.Moved) -> None:
        self.heard.append(event)

    def on_row_list_opened(self, event: RowList.Opened) -> None:
        self.heard.append(event)

    def on_row_list_menu_requested(self, event: RowList.MenuRequested) -> None:
        self.heard.append(event)


@dataclass
class Alone:
    """A running timeline."""

    app: AloneApp
    pilot: Pilot[None]
    heard: list[RowList.Moved] = field(default_factory=list)

    @property
    def timeline(self) -> TimelineList:
        return self.app.query_one(TimelineList)

    @property
    def strips(self) -> list[Strip]:
        """What is on the screen, with its styles."""
        return list(self.app.screen._compositor.render_strips())

    @property
    def rows(self) -> list[str]:
        """What is on the screen, row by row."""
        return [strip.text for strip in self.strips]

    def row_with(self, words: str) -> int:
        """The number of the first row of the screen that holds these words."""
        return next(number for number, row in enumerate(self.rows) if words in row)


@asynccontextmanager
async def alone(
    exchanges: Sequence[Exchange], size: tuple[int, int], *, incidents: Sequence[Incident] = (), live: bool = False
) -> AsyncGenerator[Alone]:
    """Show the first run of these exchanges."""
    app = AloneApp()
    async with app.run_test(size=size, tooltips=True) as pilot:
        here = Alone(app, pilot, app.heard)
        here.timeline.show(view_of(exchanges), live=live, incidents=incidents)
        here.timeline.focus()
        await pilot.pause()
        yield here
