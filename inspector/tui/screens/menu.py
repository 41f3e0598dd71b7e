"""A menu that is open: pulled down from the menu bar, or beside the row it is about."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import NULL_OFFSET, Offset
from textual.message import Message
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

from inspector.tui.action import Action, Menu
from inspector.tui.actions import in_menu, menus
from inspector.tui.looks import MUTED
from inspector.tui.widgets.menu_bar import MenuBar, places


class Entries(Widget, can_focus=True):
    """The entries of a menu, each with its key at the right."""

    class Marked(Message):
        """Another entry is marked."""

    class Taken(Message):
        """The reader chose the marked entry."""

    def __init__(self, keys: Mapping[str, str], *, id: str) -> None:
        super().__init__(id=id)
        self._keys = keys
        self.actions: Sequence[Action] = ()
        self.marked = 0
        self._reasons: dict[str, str] = {}
        self._letters: dict[str, int] = {}

    @property
    def action(self) -> Action:
        """The marked entry."""
        return self.actions[self.marked]

    @property
    def reason(self) -> str:
        """Why the marked entry cannot be chosen; empty when it can."""
        return self._reasons.get(self.action.id, "")

    def show(self, actions: Sequence[Action], reasons: dict[str, str]) -> None:
        """Show other entries; `reasons` tells of those that cannot be chosen."""
        self.actions, self._reasons = actions, reasons
        self._letters = _letters(actions)
        self.marked = next((number for number, action in enumerate(actions) if not reasons.get(action.id)), 0)
        self.styles.width = self.needed_width
        self.styles.height = len(actions) + 2
        self.post_message(self.Marked())
        self.refresh(layout=True)

    @property
    def needed_width(self) -> int:
        """Columns with border: name, gap, key."""
        longest = max(cell_len(action.title) + 3 + cell_len(self._key(action)) for action in self.actions)
        return longest + 4

    def render(self) -> Content:
        """The entries: the letter that chooses one underlined, what cannot be done dimmed."""
        width = self.content_size.width
        underlined = {number: letter for letter, number in self._letters.items()}
        rows = []
        for number, action in enumerate(self.actions):
            text = f" {action.title}"
            key = f"{self._key(action)} "
            row = Content(text + " " * max(1, width - cell_len(text) - cell_len(key)))
            if letter := underlined.get(number):
                at = text.lower().index(letter)
                row = row.stylize("underline", at, at + 1)
            row = row + Content.styled(key, "" if number == self.marked else MUTED)
            if self._reasons.get(action.id):
                row = row.stylize("dim")
            rows.append(row.stylize("reverse") if number == self.marked else row)
        return Content("\n").join(rows)

    def _key(self, action: Action) -> str:
        return next(iter(action.names(self._keys)), "")

    def mark(self, number: int) -> None:
        """Mark an entry, around the ends."""
        number %= len(self.actions)
        if number != self.marked:
            self.marked = number
            self.refresh()
            self.post_message(self.Marked())

    def letter(self, letter: str) -> bool:
        """Choose the entry of a letter; False when there is none."""
        number = self._letters.get(letter.lower())
        if number is not None:
            self.mark(number)
            self.post_message(self.Taken())
        return number is not None

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Mark what the mouse is on."""
        offset = event.get_content_offset(self)
        if offset and offset.y < len(self.actions):
            self.mark(offset.y)

    def on_click(self, event: events.Click) -> None:
        """Choose what was clicked on."""
        event.stop()
        offset = event.get_content_offset(self)
        if offset and offset.y < len(self.actions):
            self.mark(offset.y)
            self.post_message(self.Taken())


class MenuScreen(ModalScreen[str | None]):
    """Shows a menu over the main screen and gives back the id of the chosen action.

    `reasons` tells of the actions that cannot be done, `keys` which keys the reader gave to actions. With `menu` it is
    that pull-down menu, and left and right go to its neighbours; else it shows `actions` at `at`.
    """

    CSS_PATH = "menu.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "mark(1)", "Down", tooltip="Mark the next entry", id="menu.down"),
        Binding("up", "mark(-1)", "Up", tooltip="Mark the entry before", id="menu.up"),
        Binding("right", "menu(1)", "Next menu", tooltip="Open the next menu", id="menu.next"),
        Binding("left", "menu(-1)", "Previous menu", tooltip="Open the menu before", id="menu.previous"),
        Binding("enter", "take", "Choose", tooltip="Do what is marked", id="menu.take"),
        Binding("escape,f10", "close", "Close", tooltip="Close the menu", id="menu.close"),
    ]

    def __init__(
        self,
        reasons: dict[str, str],
        keys: Mapping[str, str],
        *,
        menu: Menu | None = None,
        actions: Sequence[Action] = (),
        at: Offset = NULL_OFFSET,
    ) -> None:
        super().__init__()
        self._reasons = reasons
        self._keys = keys
        self._menu = menu
        self._actions = actions
        self._at = at

    def compose(self) -> ComposeResult:
        """The bar, where it is a pull-down menu; the entries; a line that says what the marked one does."""
        if self._menu:
            yield MenuBar(id="menu-bar", opened=self._menu)
        yield Entries(self._keys, id="entries")
        yield Static(id="menu-remark")

    def on_mount(self) -> None:
        """Show the entries."""
        self._show()

    def on_resize(self) -> None:
        """Keep the entries on the screen."""
        self._place()

    def _show(self) -> None:
        actions = in_menu(self._menu) if self._menu else self._actions
        self._entries.show(actions, self._reasons)
        if self._menu:
            self.query_one(MenuBar).show(self._menu)
        self._place()

    def _place(self) -> None:
        entries = self._entries
        at = self._at
        if self._menu:
            at = Offset(next(column for menu, column, _ in places() if menu is self._menu), 1)
        height, width = len(entries.actions) + 2, entries.needed_width
        x = max(0, min(at.x, self.size.width - width))
        y = max(0, min(at.y, self.size.height - 1 - height))
        entries.styles.offset = (x, y)

    @property
    def _entries(self) -> Entries:
        return self.query_one(Entries)

    @on(Entries.Marked)
    def _tell(self) -> None:
        entries = self._entries
        remark = f"{entries.action.title}: {entries.reason}" if entries.reason else entries.action.tooltip
        self.query_one("#menu-remark", Static).update(Content(f" {remark}"))

    @on(Entries.Taken)
    def action_take(self) -> None:
        """Choose the marked entry; one that cannot be done stays where it is, with its reason below."""
        if not self._entries.reason:
            self.dismiss(self._entries.action.id)

    @on(MenuBar.Chosen)
    def _other_menu(self, event: MenuBar.Chosen) -> None:
        if event.menu is self._menu:
            self.dismiss(None)
            return
        self._menu = event.menu
        self._show()

    def action_mark(self, by: int) -> None:
        """Mark the next entry or the one before."""
        self._entries.mark(self._entries.marked + by)

    def action_menu(self, by: int) -> None:
        """Open the next pull-down menu or the one before."""
        if self._menu:
            shown = menus()
            self._menu = shown[(shown.index(self._menu) + by) % len(shown)]
            self._show()

    def action_close(self) -> None:
        """Close without choosing."""
        self.dismiss(None)

    def on_key(self, event: events.Key) -> None:
        """A letter chooses its entry."""
        if event.character and self._entries.letter(event.character):
            event.stop()

    def on_click(self, event: events.Click) -> None:
        """A click beside the menu closes it."""
        if self.get_widget_at(event.screen_x, event.screen_y)[0] is self:
            self.dismiss(None)


def _letters(actions: Sequence[Action]) -> dict[str, int]:
    """A letter for each entry: the first of its title that no entry above it has."""
    found: dict[str, int] = {}
    for number, action in enumerate(actions):
        letter = next((letter for letter in action.title.lower() if letter.isalpha() and letter not in found), None)
        if letter:
            found[letter] = number
    return found
