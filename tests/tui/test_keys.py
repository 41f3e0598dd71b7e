"""The registry of actions, walked from end to end, and what is made from it."""

import inspect
import re
from collections.abc import Iterator
from importlib.resources import files

import pytest
from textual.binding import Binding
from textual.dom import DOMNode

from inspector.tui.action import Action, Menu, Place, key_names
from inspector.tui.actions import ACTIONS, LIST_ACTIONS, VERDICT_ACTIONS, find, for_place, in_footer, in_menu, menus
from inspector.tui.app import InspectorApp
from inspector.tui.keys import LIST_KEYS, MAIN_KEYS, TABS, VERDICT_KEYS
from inspector.tui.screens.dialog import Dialog
from inspector.tui.screens.help import HelpScreen, help_lines
from inspector.tui.screens.main import MainScreen
from inspector.tui.screens.menu import MenuScreen
from inspector.tui.screens.open import OpenDialog
from inspector.tui.screens.rule import RuleScreen
from inspector.tui.widgets.bars import VerdictLine
from inspector.tui.widgets.row_list import RowList

SCOPES: tuple[tuple[type[DOMNode], tuple[Action, ...]], ...] = (
    (MainScreen, ACTIONS),
    (RowList, LIST_ACTIONS),
    (VerdictLine, VERDICT_ACTIONS),
)
DIALOGS: tuple[type[DOMNode], ...] = (Dialog, HelpScreen, RuleScreen, OpenDialog, MenuScreen)
EVERY_ACTION = (*ACTIONS, *LIST_ACTIONS, *VERDICT_ACTIONS)
# What needs AltGr on a German or a French keyboard.
WITH_ALTGR = {
    *("at", "left_square_bracket", "right_square_bracket", "left_curly_bracket", "right_curly_bracket"),
    *("backslash", "vertical_line", "tilde", "number_sign", "grave_accent", "circumflex_accent"),
}


def dialog_bindings() -> Iterator[tuple[type[DOMNode], Binding]]:
    for owner in DIALOGS:
        for binding in owner.__dict__.get("BINDINGS", []):
            assert isinstance(binding, Binding), (owner, binding)
            yield owner, binding


def keys_of(actions: tuple[Action, ...]) -> list[str]:
    return [key for action in actions for key in action.keys.split(",") if key]


def test_every_action_can_be_called_and_says_what_it_does() -> None:
    for owner, actions in SCOPES:
        for action in actions:
            name = action.call.partition("(")[0]
            target = InspectorApp if name.startswith("app.") else owner
            method = getattr(target, f"action_{name.removeprefix('app.')}", None)
            assert callable(method), action
            assert inspect.getdoc(method), action
            assert action.title, action
            assert 10 < len(action.tooltip) <= 72, action
            assert not action.tooltip.endswith("."), action
            assert action.menu or action.keys, action


def test_every_binding_of_a_dialog_has_an_id_a_tooltip_and_an_action_that_exists() -> None:
    for owner, binding in dialog_bindings():
        assert binding.id, binding
        assert binding.tooltip, binding
        assert inspect.getdoc(getattr(owner, f"action_{binding.action.partition('(')[0]}")), binding


def test_ids_are_unique() -> None:
    ids = [action.id for action in EVERY_ACTION]
    ids += [binding.id or "" for _, binding in dialog_bindings()]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z]+\.[a-z-]+", each) for each in ids)
    assert all(find(action.id) is action for action in EVERY_ACTION)


def test_a_key_does_one_thing_in_its_scope() -> None:
    for _, actions in SCOPES:
        keys = keys_of(actions)
        assert len(keys) == len(set(keys))
    # A list takes its keys before the screen sees them.
    assert not set(keys_of(LIST_ACTIONS)) & set(keys_of(ACTIONS))


def test_no_key_needs_altgr_or_has_a_meaning_in_terminals() -> None:
    keys = {*keys_of(EVERY_ACTION), *(key for _, binding in dialog_bindings() for key in binding.key.split(","))}
    assert not keys & WITH_ALTGR
    assert {key for key in keys if key.startswith("ctrl+")} <= {"ctrl+p", "ctrl+q", "ctrl+c"}


def test_every_entry_of_a_menu_has_a_letter_of_its_own_and_no_menu_is_empty() -> None:
    from inspector.tui.screens.menu import _letters

    assert menus()[0] is Menu.FILE
    for menu in menus():
        assert in_menu(menu)
        assert len(_letters(in_menu(menu))) == len(in_menu(menu))
    assert all(for_place(place) for place in Place)


def test_every_action_is_in_the_help() -> None:
    text = "\n".join(line.plain for line in help_lines({}))
    for action in EVERY_ACTION:
        keys = " ".join(key_names(action.keys)) or "menu only"
        assert f"{keys}: {action.tooltip}" in text


def test_keys_are_shown_as_they_stand_on_a_keyboard() -> None:
    assert not [name for action in EVERY_ACTION for name in key_names(action.keys) if "_" in name]


def test_every_tab_has_its_digit() -> None:
    for number, (pane, name) in enumerate(TABS.items(), 1):
        assert name.startswith(f"{number} ")
        assert find(f"view.{pane}").keys == str(number)


def test_the_footer_holds_at_most_eight_entries_in_an_order_of_their_own() -> None:
    places = [action.footer for action in ACTIONS if action.footer]
    assert sorted(places) == list(range(1, len(places) + 1))
    assert len(places) <= 8
    assert [action.title for action in in_footer()][:2] == ["Help", "Menu"]


def test_bindings_are_made_from_the_registry() -> None:
    for made, actions in ((MAIN_KEYS, ACTIONS), (LIST_KEYS, LIST_ACTIONS), (VERDICT_KEYS, VERDICT_ACTIONS)):
        assert {binding.id for binding in made} == {action.id for action in actions if action.keys}


@pytest.mark.parametrize("name", ["main.tcss", "dialog.tcss", "menu.tcss"])
def test_styles_use_theme_tokens_only(name: str) -> None:
    text = files("inspector.tui.screens").joinpath(name).read_text()
    colours = re.findall(r"(?:color|background|border): ([^;]+);", text)
    assert colours
    assert all("$" in value or value == "none" for value in colours)
