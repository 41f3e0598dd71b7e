"""Choose a file to open: recent sessions, and what a folder holds of the kinds that can be opened."""

import asyncio
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from inspector.session.files import ACCEPTED
from inspector.session.location import state_directory
from inspector.session.schema import SUFFIX
from inspector.tui.display import cut_middle, visible
from inspector.tui.looks import HEADING, MUTED
from inspector.tui.screens.dialog import CANCEL, Choice, Dialog

SUFFIXES = (SUFFIX, ".har", ".mitm", ".flow", ".flows", ".dump")
"""How the names of the files end that are listed. A typed name may end in any way."""

_MOST_RECENT = 6
_MOST_LISTED = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the list: a file, or a folder to go into."""

    path: Path
    label: str
    is_folder: bool = False
    size: int = 0
    modified: float = 0.0


class OpenDialog(Dialog[Path]):
    """Gives back the path of the file chosen."""

    TALL = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "into_list", "List", tooltip="Go to the list", show=False, id="open.list"),
    ]
    heading = "Open"
    keys = "enter open  tab next  esc cancel"
    choices: Sequence[Choice] = (Choice("Open", "open", "Open the file named above", primary=True), CANCEL)

    def __init__(self, recent: Iterable[str], folder: Path | None = None) -> None:
        super().__init__()
        self._recent = tuple(Path(name) for name in recent)
        self._folder = folder or Path.cwd()
        self._entries: dict[str, Entry] = {}

    def body(self) -> ComposeResult:
        """A line for a path, and the list."""
        yield Input(placeholder="Path of a session, a HAR file or a mitmproxy flow file", id="path", compact=True)
        yield OptionList(id="files", compact=True, markup=False)

    def on_mount(self) -> None:
        """List the folder the program was started in, once it is known how wide the list is."""
        self.query_one(OptionList).focus()
        self.call_after_refresh(self._list, self._folder)

    async def _list(self, folder: Path) -> None:
        try:
            inside, recent = await asyncio.to_thread(lambda: (contents(folder), recent_files(self._recent)))
        except OSError as error:
            self.remark(f"{folder} cannot be listed: {error.strerror}", error=True)
            return
        self.remark("")
        self._folder = folder
        files = self.query_one(OptionList)
        files.clear_options()
        self._entries = {}
        if recent:
            files.add_option(Option(Content.styled("Recent", HEADING), disabled=True))
            files.add_options(self._option(f"recent-{number}", entry) for number, entry in enumerate(recent))
        where = cut_middle(visible(str(folder)).plain, self._width - len("Folder "))
        files.add_option(Option(Content.assemble(("Folder ", HEADING), (where, MUTED)), disabled=True))
        files.add_options(self._option(f"entry-{number}", entry) for number, entry in enumerate(inside))
        if not any(not entry.is_folder for entry in inside):
            files.add_option(Option(Content.styled(f"No file here ends in {' '.join(SUFFIXES)}", MUTED), disabled=True))
        files.highlighted = files.get_option_index("recent-0" if recent else "entry-0") if self._entries else None

    def _option(self, name: str, entry: Entry) -> Option:
        self._entries[name] = entry
        facts = "" if entry.is_folder else f"  {_size(entry.size)}  {_when(entry.modified)}"
        label = cut_middle(visible(entry.label).plain, self._width - len("  " + facts))
        return Option(Content.assemble("  ", label, (facts, MUTED)), id=name)

    @property
    def _width(self) -> int:
        """Columns a row of the list has."""
        return max(20, self.query_one(OptionList).scrollable_content_region.width - 2)

    @on(OptionList.OptionSelected)
    async def _entry_chosen(self, event: OptionList.OptionSelected) -> None:
        entry = self._entries[event.option_id or ""]
        if entry.is_folder:
            await self._list(entry.path)
        else:
            self._choose(entry.path)

    @on(Input.Submitted)
    async def action_open(self) -> None:
        """Open what is named, or go into it; without a name, what is marked in the list."""
        text = self.query_one(Input).value.strip()
        files = self.query_one(OptionList)
        if not text:
            files.action_select()
            return
        path = self._folder / _without_tilde(text)
        if await asyncio.to_thread(path.is_dir):
            self.query_one(Input).value = ""
            await self._list(path)
        else:
            self._choose(path)

    def _choose(self, path: Path) -> None:
        """Close with the path, if there is a file; what kind of file is told when it is opened."""
        if path.is_file():
            self.dismiss(path)
        else:
            self.remark(f"{path} does not exist; give {ACCEPTED}.", error=True)

    def action_into_list(self) -> None:
        """From the line for a path to the list."""
        self.query_one(OptionList).focus()


def contents(folder: Path) -> list[Entry]:
    """What a folder holds: the folder above, folders, and files that can be opened. Raises OSError."""
    folders, files = [], []
    with os.scandir(folder) as found:
        for each in found:
            if each.name.startswith("."):
                continue
            with suppress(OSError):
                if each.is_dir():
                    folders.append(Entry(Path(each.path), f"{each.name}/", is_folder=True))
                elif each.name.lower().endswith(SUFFIXES):
                    facts = each.stat()
                    files.append(Entry(Path(each.path), each.name, size=facts.st_size, modified=facts.st_mtime))
    above = [Entry(folder.parent, "../", is_folder=True)] if folder.parent != folder else []
    files.sort(key=lambda entry: entry.label.lower())
    folders.sort(key=lambda entry: entry.label.lower())
    return [*above, *files[:_MOST_LISTED], *folders[:_MOST_LISTED]]


def recent_files(opened: Sequence[Path]) -> list[Entry]:
    """The files opened last that are still there, then the sessions recorded last."""
    found: dict[Path, Entry] = {}
    for path in (*opened, *_recorded()):
        with suppress(OSError):
            facts = path.stat()
            label = path.name if path.parent == state_directory() / "sessions" else str(path)
            found.setdefault(path, Entry(path, label, size=facts.st_size, modified=facts.st_mtime))
    return list(found.values())[:_MOST_RECENT]


def _recorded() -> Iterator[Path]:
    # Their names begin with the time they were made.
    with suppress(OSError):
        yield from sorted((state_directory() / "sessions").glob(f"*{SUFFIX}"), reverse=True)[:_MOST_RECENT]


def _without_tilde(text: str) -> str:
    return os.path.expanduser(text)


def _size(size: int) -> str:
    return f"{size / 1024:.0f} kB" if size < 1024 * 1024 else f"{size / 1024 / 1024:.1f} MB"


def _when(timestamp: float) -> str:
    return f"{datetime.fromtimestamp(timestamp).astimezone():%Y-%m-%d %H:%M}"
