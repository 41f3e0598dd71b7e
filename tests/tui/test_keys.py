import inspect
import re
from collections.abc import Iterator
from importlib.resources import files

import pytest
from textual.binding import Binding
from textual.dom import DOMNode

from inspector.tui.app import InspectorApp
from inspector.tui.keys import LIST_KEYS, MAIN_KEYS, TABS, VERDICT_KEYS
from inspector.tui.screens.help import HelpScreen, help_lines, keys_of
from inspector.tui.screens.main import MainScreen
from inspector.tui.screens.rule import RuleScreen
from inspector.tui.widgets.bars import StatusLine, TabBar, VerdictLine
from inspector.tui.widgets.document import DocumentPane
from inspector.tui.widgets.problems import ProblemList
from inspector.tui.widgets.row_list import RowList
from inspector.tui.widgets.timeline import TimelineList

OWNERS: tuple[type[DOMNode], ...] = (
    MainScreen,
    HelpScreen,
    RuleScreen,
    RowList,
    TimelineList,
    ProblemList,
    DocumentPane,
    StatusLine,
    VerdictLine,
    TabBar,
)
# Terminal meanings (ctrl+s stops output, ctrl+h is backspace ...), and what needs AltGr on German and French keyboards.
RESERVED = {"ctrl+s", "ctrl+h", "ctrl+m", "ctrl+i", "ctrl+j", "left_square_bracket", "right_square_bracket"}


def bindings() -> Iterator[tuple[type[DOMNode], Binding]]:
    for owner in OWNERS:
        for binding in owner.__dict__.get("BINDINGS", []):
            assert isinstance(binding, Binding), (owner, binding)
            yield owner, binding


def test_every_binding_has_an_id_a_description_a_tooltip_and_an_action_that_exists() -> None:
    seen = 0
    for owner, binding in bindings():
        seen += 1
        assert binding.id, binding
        assert binding.description, binding
        assert binding.tooltip, binding
        name = binding.action.partition("(")[0]
        target = InspectorApp if name.startswith("app.") else owner
        method = getattr(target, f"action_{name.removeprefix('app.')}", None)
        assert callable(method), binding
        assert inspect.getdoc(method), binding
    assert seen > 20


def test_ids_are_unique() -> None:
    ids = [binding.id for _, binding in bindings()]
    assert len(ids) == len(set(ids))


def test_no_key_is_bound_twice_on_one_screen_and_none_is_reserved() -> None:
    for group in (MAIN_KEYS, LIST_KEYS):
        keys = [key for binding in group for key in binding.key.split(",")]
        assert len(keys) == len(set(keys))
    everything = {key for _, binding in bindings() for key in binding.key.split(",")}
    assert not everything & RESERVED


def test_every_key_is_in_the_help() -> None:
    text = "\n".join(line.plain for line in help_lines((*MAIN_KEYS, *LIST_KEYS, *VERDICT_KEYS)))
    for binding in (*MAIN_KEYS, *LIST_KEYS, *VERDICT_KEYS):
        assert f"{keys_of(binding)}: {binding.tooltip}" in text


def test_every_tab_has_its_digit() -> None:
    for number, (pane, name) in enumerate(TABS.items(), 1):
        assert name.startswith(f"{number} ")
        assert any(binding.key == str(number) and pane in binding.action for binding in MAIN_KEYS)


def test_the_footer_holds_at_most_eight_entries() -> None:
    assert sum(binding.show for binding in MAIN_KEYS) <= 8


@pytest.mark.parametrize("name", ["screens/main.tcss", "screens/dialog.tcss"])
def test_styles_use_theme_tokens_only(name: str) -> None:
    text = files("inspector.tui").joinpath(name).read_text()
    colours = re.findall(r"(?:color|background|border): ([^;]+);", text)
    assert colours
    assert all("$" in value or value == "none" for value in colours)
