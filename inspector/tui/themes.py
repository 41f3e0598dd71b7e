"""The theme of our own, and which themes the menu offers by name."""

from textual.theme import Theme

DEFAULT = "textual-dark"

HIGH_CONTRAST = Theme(
    name="high-contrast",
    primary="#4fc3ff",
    secondary="#ffffff",
    accent="#ffd54a",
    warning="#ffd54a",
    error="#ff8080",
    success="#5dff8f",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#1c1c1c",
    dark=True,
    text_alpha=1.0,
    variables={
        "foreground-muted": "#ffffff",
        "border": "#ffffff",
        "primary-muted": "#003c8f",
        "footer-key-foreground": "#ffd54a",
    },
)
"""White on black, and every colour at least 7:1 against it (WCAG 2.2, 1.4.6)."""
