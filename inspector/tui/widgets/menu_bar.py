"""The menu bar: the names of the menus in one line."""

from collections.abc import Iterator

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from inspector.tui.action import Menu
from inspector.tui.actions import menus
from inspector.tui.looks import MUTED


def places() -> Iterator[tuple[Menu, int, int]]:
    """Each menu with the column its name begins at and how many columns it takes, the blanks around it included."""
    column = 0
    for menu in menus():
        width = len(menu) + 2
        yield menu, column, width
        column += width


def menu_at(column: int) -> Menu | None:
    """The menu whose name is at a column."""
    return next((menu for menu, start, width in places() if start <= column < start + width), None)


class MenuBar(Widget):
    """The names of the menus; a click, or F10, opens one."""

    class Chosen(Message):
        """The reader clicked on a menu."""

        def __init__(self, menu: Menu) -> None:
            super().__init__()
            self.menu = menu

    def __init__(self, *, id: str, opened: Menu | None = None) -> None:
        super().__init__(id=id)
        self.opened = opened
        self.tooltip = "Click a menu, or press F10"

    def show(self, opened: Menu | None) -> None:
        """Mark the menu that is open."""
        self.opened = opened
        self.refresh()

    def render(self) -> Content:
        """The names, the open one reversed."""
        return Content("").join(
            Content.styled(f" {menu} ", "reverse" if menu is self.opened else MUTED) for menu, _, _ in places()
        )

    def on_click(self, event: events.Click) -> None:
        """Find the menu under the mouse."""
        event.stop()
        offset = event.get_content_offset(self)
        if offset and (menu := menu_at(offset.x)):
            self.post_message(self.Chosen(menu))
