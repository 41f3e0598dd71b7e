"""What an action of the main screen is, when it can be done, and how its keys are written."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from textual.binding import Binding

if TYPE_CHECKING:
    from inspector.tui.screens.main import MainScreen

type Condition = Callable[["MainScreen"], str]
"""Why an action cannot be done just now, as one sentence; empty when it can."""


class Menu(StrEnum):
    """The pull-down menus, in their order. One without an action is not shown."""

    FILE = "File"
    CAPTURE = "Capture"
    FLOW = "Flow"
    REPLAY = "Replay"
    VIEW = "View"
    HELP = "Help"


class Place(StrEnum):
    """What a context menu can be opened on."""

    STEP = "step"
    PROBLEM = "problem"
    DOCUMENT = "document"
    VERDICT = "verdict"


def always(_: "MainScreen") -> str:
    """Nothing stands against it."""
    return ""


def with_run(screen: "MainScreen") -> str:
    """There must be a sign-in to look at."""
    return "" if screen.view else "There is no sign-in to look at yet."


def with_problem(screen: "MainScreen") -> str:
    """There must be a finding."""
    return with_run(screen) or ("" if screen.findings else "No rule found a problem in this run.")


def with_rule(screen: "MainScreen") -> str:
    """What is looked at must have a finding."""
    return with_run(screen) or ("" if screen.rule_here else "No rule has anything to say here; p goes to a problem.")


def with_runs(screen: "MainScreen") -> str:
    """There must be another run to go to."""
    return with_run(screen) or ("" if screen.run_count > 1 else "This recording holds one sign-in only.")


def with_another_run(screen: "MainScreen") -> str:
    """Another run must be open, in this session or another one."""
    return with_run(screen) or ("" if screen.other_runs() else "Only one sign-in is open; o opens another recording.")


def with_exchanges(screen: "MainScreen") -> str:
    """The step must stand for several exchanges."""
    return with_run(screen) or ("" if screen.folded_here else "This step is one exchange.")


def with_detail(screen: "MainScreen") -> str:
    """There must be room for the detail."""
    return with_run(screen) or ("" if screen.has_room else "The window is too small for it; make it larger.")


def with_request(screen: "MainScreen") -> str:
    """The step must have been captured."""
    return with_run(screen) or ("" if screen.message_here else "This step was not captured, so it cannot be sent.")


def with_something_to_copy(screen: "MainScreen") -> str:
    """The cursor must be on something."""
    return "" if screen.to_copy() else "There is nothing to copy here."


def with_form(screen: "MainScreen") -> str:
    """An exchange or a finding must be looked at."""
    return with_run(screen) or ("" if screen.message_here or screen.finding_here else "Choose a step or a problem.")


def with_another_session(screen: "MainScreen") -> str:
    """A second session must be open."""
    return "" if screen.session_count > 1 else "No other session is open; o opens one."


@dataclass(frozen=True, slots=True)
class Action:
    """Something the reader can do.

    `id` is permanent: a user's key map refers to it, and its first word is the group in palette and help. `keys` are
    Textual's key names with commas between, `call` is the method without `action_`, with its arguments. An action
    without a `menu` is done by key or mouse where it belongs. `footer` is its place in the footer, from 1; 0 is none.
    """

    id: str
    keys: str
    call: str
    title: str
    tooltip: str
    menu: Menu | None = None
    when: Condition = always
    footer: int = 0
    places: tuple[Place, ...] = ()

    def names(self, own: Mapping[str, str]) -> tuple[str, ...]:
        """Its keys as they are written on a keyboard; `own` are the keys the reader gave to actions, by id."""
        return key_names(own.get(self.id, self.keys))

    @property
    def group(self) -> str:
        """The first word of the id."""
        return self.id.partition(".")[0]


_KEY_NAMES = {
    "question_mark": "?",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "full_stop": ".",
    "comma": ",",
    "plus": "+",
    "minus": "-",
    "slash": "/",
    "escape": "esc",
    "pagedown": "pgdn",
    "pageup": "pgup",
    "f1": "F1",
    "f10": "F10",
}


def key_names(keys: str) -> tuple[str, ...]:
    """Keys as they are written on a keyboard."""
    return tuple(_KEY_NAMES.get(key.strip(), key.strip()) for key in keys.split(",") if key.strip())


def bindings(actions: tuple[Action, ...], call: Callable[[Action], str]) -> Iterator[Binding]:
    """The actions that have keys, as Textual wants them."""
    for action in actions:
        if action.keys:
            yield Binding(
                action.keys,
                call(action),
                action.title,
                tooltip=action.tooltip,
                show=action.footer > 0,
                key_display=key_names(action.keys)[0],
                id=action.id,
            )
