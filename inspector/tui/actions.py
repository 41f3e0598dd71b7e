"""Every action of the main screen: one registry, from which menus, palette, footer, help, keys and context menus come.

To add an action, add one entry here and one method `action_...` to `inspector.tui.screens.commands`. What is not
built is not registered: no menu shows what cannot be done.
"""

from inspector.tui.action import (
    Action,
    Menu,
    Place,
    with_another_run,
    with_another_session,
    with_detail,
    with_exchanges,
    with_form,
    with_problem,
    with_request,
    with_rule,
    with_run,
    with_runs,
    with_something_to_copy,
)

TABS = {"why": "1 Why", "request": "2 Request", "response": "3 Response", "token": "4 Token", "raw": "5 Raw"}
"""The detail panes with the keys that show them."""

_ROWS = (Place.STEP, Place.PROBLEM, Place.DOCUMENT)

ACTIONS = (
    Action("file.open", "o", "open", "Open...", "Open a session, a HAR file or a mitmproxy flow file", Menu.FILE),
    Action("file.sample", "s", "sample", "Open the sample", "Open a recorded sign-in that fails", Menu.FILE),
    Action(
        "file.next",
        "full_stop",
        "session(1)",
        "Next session",
        "Show the next of the open sessions",
        Menu.FILE,
        with_another_session,
    ),
    Action(
        "file.previous",
        "comma",
        "session(-1)",
        "Previous session",
        "Show the previous of the open sessions",
        Menu.FILE,
        with_another_session,
    ),
    Action(
        "file.export",
        "x",
        "export",
        "Export...",
        "Write a report without secrets: Markdown, HTML, HAR and more",
        Menu.FILE,
        with_run,
        footer=6,
    ),
    Action("file.close", "Q", "close_session", "Close session", "Close this session; its file stays", Menu.FILE),
    Action("app.leave", "q", "app.quit", "Quit", "Leave the inspector", Menu.FILE, footer=8),
    Action(
        "capture.start",
        "C",
        "capture",
        "Capture...",
        "Start, test or stop a capture, with the recipe for your client",
        Menu.CAPTURE,
    ),
    Action(
        "capture.step",
        "S",
        "step",
        "Step mode...",
        "Hold each message of a sign-in until you let it go",
        Menu.CAPTURE,
    ),
    Action(
        "capture.patches",
        "",
        "patches",
        "Wire patches...",
        "Change what the client sends on its way, to try a fix",
        Menu.CAPTURE,
    ),
    Action(
        "capture.scope",
        "",
        "scope",
        "Scope...",
        "What is recorded and why, and what is not",
        Menu.CAPTURE,
    ),
    Action(
        "capture.watch",
        "",
        "watch",
        "Watch the running capture",
        "Show the capture that was started in another terminal",
        Menu.CAPTURE,
    ),
    Action(
        "go.verdict", "0", "verdict", "Verdict", "Show the verdict on the whole run", Menu.FLOW, with_run, places=_ROWS
    ),
    Action(
        "go.next-problem",
        "p",
        "problem(1)",
        "Problem",
        "Go to the next problem, the worst first",
        Menu.FLOW,
        with_problem,
        footer=3,
        places=(Place.VERDICT,),
    ),
    Action(
        "go.previous-problem",
        "P",
        "problem(-1)",
        "Previous problem",
        "Go to the previous problem",
        Menu.FLOW,
        with_problem,
    ),
    Action(
        "go.previous-run",
        "less_than_sign",
        "run(-1)",
        "Previous run",
        "Show the previous sign-in",
        Menu.FLOW,
        with_runs,
    ),
    Action("go.next-run", "greater_than_sign", "run(1)", "Next run", "Show the next sign-in", Menu.FLOW, with_runs),
    Action(
        "flow.walk",
        "w",
        "walk",
        "Walk",
        "Go through the run stop by stop: what happens, and what is wrong",
        Menu.FLOW,
        with_run,
        places=(Place.STEP, Place.VERDICT),
    ),
    Action(
        "flow.compare",
        "c",
        "compare",
        "Compare with...",
        "Show this run beside another one, and where they part first",
        Menu.FLOW,
        with_another_run,
    ),
    Action(
        "go.previous-exchange",
        "left",
        "exchange(-1)",
        "Previous exchange",
        "Show the previous exchange of a folded step",
        Menu.FLOW,
        with_exchanges,
        places=(Place.STEP,),
    ),
    Action(
        "go.next-exchange",
        "right",
        "exchange(1)",
        "Next exchange",
        "Show the next exchange of a folded step",
        Menu.FLOW,
        with_exchanges,
        places=(Place.STEP,),
    ),
    Action(
        "view.filter",
        "f",
        "filter",
        "Filter...",
        "Leave out of the timeline what a filter does not keep",
        Menu.VIEW,
        with_run,
    ),
    Action(
        "edit.search",
        "slash",
        "search",
        "Search...",
        "Look for a text in the focused pane",
        Menu.FLOW,
        with_run,
    ),
    Action(
        "edit.search-next",
        "n",
        "search_next(1)",
        "Search next",
        "Go to the next place that has the text searched for",
        Menu.FLOW,
        with_run,
    ),
    Action(
        "edit.search-previous",
        "N",
        "search_next(-1)",
        "Search previous",
        "Go to the place before that has the text searched for",
        Menu.FLOW,
        with_run,
    ),
    Action(
        "edit.copy",
        "y",
        "copy",
        "Copy",
        "Copy what the cursor is on, secrets hidden",
        Menu.FLOW,
        with_something_to_copy,
        footer=5,
        places=(*_ROWS, Place.VERDICT),
    ),
    Action(
        "edit.copy-as",
        "Y",
        "copy_as",
        "Copy as...",
        "Copy the exchange as curl, raw or JSON, or the finding as Markdown",
        Menu.FLOW,
        with_form,
        places=(Place.STEP, Place.PROBLEM),
    ),
    Action(
        "replay.send",
        "r",
        "send_again",
        "Send again...",
        "Edit this request, send it, and see both answers",
        Menu.REPLAY,
        with_request,
        places=(Place.STEP,),
    ),
    Action(
        "replay.perform",
        "R",
        "perform(0)",
        "Perform again...",
        "Perform this client again at the reference servers",
        Menu.REPLAY,
        with_run,
        places=(Place.VERDICT,),
    ),
    Action(
        "replay.what-if",
        "W",
        "perform(1)",
        "What if...",
        "Perform this client with a fix, to prove the verdict",
        Menu.REPLAY,
        with_run,
        places=(Place.PROBLEM, Place.VERDICT),
    ),
    *(
        Action(
            f"view.{pane}",
            name[0],
            f"tab('{pane}')",
            name[2:],
            f"Show the {name[2:]} pane",
            Menu.VIEW,
            with_detail,
            places=(Place.STEP,),
        )
        for pane, name in TABS.items()
    ),
    Action(
        "view.reveal",
        "v",
        "reveal",
        "Reveal",
        "Show the secrets of this pane until it loses focus",
        Menu.VIEW,
        with_detail,
        footer=7,
        places=(Place.DOCUMENT,),
    ),
    Action(
        "view.zoom",
        "z",
        "zoom",
        "Zoom",
        "Give the focused pane the whole screen, or take it back",
        Menu.VIEW,
        with_run,
        places=_ROWS,
    ),
    Action(
        "view.timeline",
        "l",
        "timeline_style",
        "Diagram or list",
        "Draw the timeline as a sequence diagram, or as a list",
        Menu.VIEW,
        with_run,
        places=(Place.STEP,),
    ),
    Action("view.grow", "plus", "grow(1)", "Larger pane", "Give the focused pane more room", Menu.VIEW, with_detail),
    Action(
        "view.shrink", "minus", "grow(-1)", "Smaller pane", "Give the focused pane less room", Menu.VIEW, with_detail
    ),
    Action("theme.dark", "", "theme('textual-dark')", "Dark theme", "Light text on a dark ground", Menu.VIEW),
    Action("theme.light", "", "theme('textual-light')", "Light theme", "Dark text on a light ground", Menu.VIEW),
    Action(
        "theme.contrast",
        "",
        "theme('high-contrast')",
        "High contrast",
        "White on black, with the strongest colours",
        Menu.VIEW,
    ),
    Action("theme.other", "", "app.change_theme", "Other themes...", "Choose from all colour themes", Menu.VIEW),
    Action("help.keys", "question_mark,f1", "help", "Help", "Show every key", Menu.HELP, footer=1),
    Action(
        "help.rule",
        "d",
        "documentation",
        "Docs",
        "Show the documentation of the rule",
        Menu.HELP,
        with_rule,
        footer=4,
        places=_ROWS,
    ),
    Action("help.palette", "", "app.command_palette", "Commands...", "Find every command by its name", Menu.HELP),
    Action("help.menu", "f10", "menu", "Menu", "Open the menus", footer=2),
    Action("help.context", "m", "context_menu", "Context menu", "Show what can be done with the row at the cursor"),
    Action("go.back", "escape", "back", "Back", "Back to the timeline, then to the verdict; stops reading a file"),
)
"""What can be done on the main screen; within a menu, its entries in their order."""

LIST_ACTIONS = (
    Action("move.down", "down,j", "move(1)", "Next row", "Move the cursor down"),
    Action("move.up", "up,k", "move(-1)", "Previous row", "Move the cursor up"),
    Action("move.page-down", "pagedown", "page(1)", "Next page", "Move a page down"),
    Action("move.page-up", "pageup", "page(-1)", "Previous page", "Move a page up"),
    Action("move.first", "home,g", "edge(0)", "First row", "Move to the first row"),
    Action("move.last", "end,G", "edge(-1)", "Last row", "Move to the last row"),
    Action("move.open", "enter", "open", "Open", "Open what the cursor is on"),
)
"""What can be done in a list or pane that has the focus."""

VERDICT_ACTIONS = (Action("verdict.open", "enter", "open", "Verdict", "Show the whole verdict"),)
"""What can be done on the verdict line when it has the focus."""


def find(action_id: str) -> Action:
    """The action with this id. Raises KeyError when there is none."""
    return _BY_ID[action_id]


def in_menu(menu: Menu) -> tuple[Action, ...]:
    """The entries of a menu."""
    return tuple(action for action in ACTIONS if action.menu is menu)


def for_place(place: Place) -> tuple[Action, ...]:
    """The entries of a context menu."""
    return tuple(action for action in ACTIONS if place in action.places)


def in_footer() -> tuple[Action, ...]:
    """The actions of the footer."""
    return tuple(sorted((action for action in ACTIONS if action.footer), key=lambda action: action.footer))


def menus() -> tuple[Menu, ...]:
    """The menus that have entries."""
    return tuple(menu for menu in Menu if in_menu(menu))


_BY_ID = {action.id: action for action in (*ACTIONS, *LIST_ACTIONS, *VERDICT_ACTIONS)}
