"""Every key of the main screen: one registry, from which bindings, footer, help and palette are made.

The first word of an id is the group under which help and palette show it. A user's keymap refers to these ids.
"""

from textual.binding import Binding

TABS = {"why": "1 Why", "request": "2 Request", "response": "3 Response", "token": "4 Token", "raw": "5 Raw"}
"""The detail panes with the keys that show them."""

MAIN_KEYS = (
    Binding("question_mark,f1", "help", "Help", tooltip="Show every key", key_display="?", id="help.keys"),
    Binding("0", "verdict", "Verdict", tooltip="Show the verdict on the whole run", id="view.verdict"),
    Binding("p", "problem(1)", "Problem", tooltip="Go to the next problem, the worst first", id="go.next-problem"),
    Binding(
        "P",
        "problem(-1)",
        "Previous problem",
        tooltip="Go to the previous problem",
        show=False,
        id="go.previous-problem",
    ),
    Binding("d", "documentation", "Docs", tooltip="Show the documentation of the rule", id="help.rule"),
    Binding("y", "copy", "Copy", tooltip="Copy what the cursor is on, secrets hidden", id="edit.copy"),
    Binding("v", "reveal", "Reveal", tooltip="Show the secrets of this pane until it loses focus", id="view.reveal"),
    Binding("z", "zoom", "Zoom", tooltip="Give the focused pane the whole screen, or take it back", id="view.zoom"),
    *(
        Binding(
            name[0],
            f"tab('{pane}')",
            name[2:],
            tooltip=f"Show the {name[2:]} pane",
            show=False,
            id=f"view.{pane}",
        )
        for pane, name in TABS.items()
    ),
    Binding(
        "less_than_sign",
        "run(-1)",
        "Previous run",
        tooltip="Show the previous sign-in",
        show=False,
        key_display="<",
        id="go.previous-run",
    ),
    Binding(
        "greater_than_sign",
        "run(1)",
        "Next run",
        tooltip="Show the next sign-in",
        show=False,
        key_display=">",
        id="go.next-run",
    ),
    Binding(
        "left",
        "exchange(-1)",
        "Previous exchange",
        tooltip="Show the previous exchange of a folded step",
        show=False,
        id="go.previous-exchange",
    ),
    Binding(
        "right",
        "exchange(1)",
        "Next exchange",
        tooltip="Show the next exchange of a folded step",
        show=False,
        id="go.next-exchange",
    ),
    Binding("escape", "back", "Back", tooltip="Back to the timeline, then to the verdict", show=False, id="go.back"),
    Binding("q", "app.quit", "Quit", tooltip="Leave the inspector", id="app.leave"),
)

LIST_KEYS = (
    Binding("down,j", "move(1)", "Next row", tooltip="Move the cursor down", show=False, id="move.down"),
    Binding("up,k", "move(-1)", "Previous row", tooltip="Move the cursor up", show=False, id="move.up"),
    Binding("pagedown", "page(1)", "Next page", tooltip="Move a page down", show=False, id="move.page-down"),
    Binding("pageup", "page(-1)", "Previous page", tooltip="Move a page up", show=False, id="move.page-up"),
    Binding("home,g", "edge(0)", "First row", tooltip="Move to the first row", show=False, id="move.first"),
    Binding("end,G", "edge(-1)", "Last row", tooltip="Move to the last row", show=False, id="move.last"),
    Binding("enter", "open", "Open", tooltip="Open what the cursor is on", show=False, id="move.open"),
)

VERDICT_KEYS = (Binding("enter", "open", "Verdict", tooltip="Show the whole verdict", show=False, id="verdict.open"),)
