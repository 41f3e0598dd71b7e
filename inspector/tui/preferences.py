"""What the reader chose and the next start should know: theme, layout, timeline style, recent files; and own keys.

`preferences.toml` is written by the program, `keys.toml` only by the reader. Both are in the state directory.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from inspector.display import visible
from inspector.session.files import make_private_folders
from inspector.session.location import state_directory
from inspector.tui.actions import ACTIONS, LIST_ACTIONS, VERDICT_ACTIONS
from inspector.tui.themes import DEFAULT

_MOST_RECENT = 10
_SMALLEST, _LARGEST = 15, 85
_CTRL_ALLOWED = frozenset({"ctrl+p", "ctrl+q", "ctrl+c"})


@dataclass(slots=True)
class Preferences:
    """The choices. `splits` are shares in percent by the name of the boundary, `zoom` the pane that has the screen."""

    theme: str = DEFAULT
    timeline: str = "diagram"
    zoom: str = ""
    splits: dict[str, int] = field(default_factory=dict)
    recent: list[str] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)
    """What of the files was ignored, one sentence each."""
    folder: Path | None = None
    """Where to keep them; None keeps nothing."""

    def split(self, name: str, default: int) -> int:
        """The share of a boundary."""
        return within_limits(self.splits.get(name, default))

    def opened(self, path: Path) -> None:
        """Remember a file as the most recent one."""
        name = str(path.absolute())
        self.recent = [name, *(each for each in self.recent if each != name)][:_MOST_RECENT]
        self.save()

    def save(self) -> None:
        """Write them down; where that is not possible, they last until the program ends."""
        if self.folder is None:
            return
        import tomli_w

        chosen = {"theme": self.theme, "timeline": self.timeline, "zoom": self.zoom, "recent": self.recent}
        text = tomli_w.dumps({**chosen, "splits": self.splits})
        try:
            make_private_folders(self.folder)
            draft = self.folder / f".preferences-{os.getpid()}.toml"
            draft.write_text(text, encoding="utf-8")
            draft.replace(self.folder / "preferences.toml")
        except OSError:
            self.folder = None


def within_limits(share: int) -> int:
    """The nearest share that leaves both sides usable."""
    return max(_SMALLEST, min(_LARGEST, share))


def load() -> Preferences:
    """The preferences of this user. What is broken or of the wrong kind is left out, and told in `troubles`."""
    preferences = Preferences(folder=state_directory())
    chosen = _table("preferences.toml", preferences)
    for name in ("theme", "timeline", "zoom"):
        if isinstance(value := chosen.get(name), str):
            setattr(preferences, name, value)
    if isinstance(splits := chosen.get("splits"), dict):
        preferences.splits = {str(name): share for name, share in splits.items() if type(share) is int}
    if isinstance(recent := chosen.get("recent"), list):
        preferences.recent = [name for name in recent if isinstance(name, str)][:_MOST_RECENT]
    _take_keys(_table("keys.toml", preferences), preferences)
    return preferences


def _table(name: str, preferences: Preferences) -> Mapping[str, object]:
    assert preferences.folder is not None
    path = preferences.folder / name
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        preferences.troubles.append(visible(f"{path} is ignored, it cannot be read: {reason}"))
        return {}


def _take_keys(table: Mapping[str, object], preferences: Preferences) -> None:
    """The reader's keys by action id; what would take away a key that is needed is refused."""
    scopes = [{action.id: action.keys for action in actions} for actions in (ACTIONS, LIST_ACTIONS, VERDICT_ACTIONS)]
    for action_id, keys in table.items():
        scope = next((scope for scope in scopes if action_id in scope), None)
        if scope is None:
            trouble = "there is no such action; ? lists the actions"
        elif not isinstance(keys, str) or not keys.strip():
            trouble = 'give the key in quotes, such as "n" or "f5"'
        else:
            trouble = _objection(action_id, keys, scope)
        if trouble:
            preferences.troubles.append(visible(f"keys.toml: {action_id} is ignored: {trouble}"))
        elif scope is not None and isinstance(keys, str):
            preferences.keys[action_id] = keys
            scope[action_id] = keys


def _objection(action_id: str, keys: str, scope: Mapping[str, str]) -> str:
    for key in (key.strip() for key in keys.split(",")):
        if key.startswith("ctrl+"):
            taken = "belongs to the program" if key in _CTRL_ALLOWED else "has a meaning of its own in terminals"
            return f"{key} {taken}; choose a key without ctrl"
        for other, others in scope.items():
            if other != action_id and key in (each.strip() for each in others.split(",")):
                return f"{key} is the key of {other}; give that one another key above it"
    return ""
