"""The keys of screen, lists and verdict line, made from the registry of actions."""

from inspector.tui.action import bindings
from inspector.tui.actions import ACTIONS, LIST_ACTIONS, TABS, VERDICT_ACTIONS

__all__ = ["LIST_KEYS", "MAIN_KEYS", "TABS", "VERDICT_KEYS"]

MAIN_KEYS = tuple(bindings(ACTIONS, lambda action: f"do('{action.id}')"))
"""Each goes through the screen's `action_do`, which says why where something cannot be done."""

LIST_KEYS = tuple(bindings(LIST_ACTIONS, lambda action: action.call))

VERDICT_KEYS = tuple(bindings(VERDICT_ACTIONS, lambda action: action.call))
