"""Glyphs and theme colours by meaning. Every glyph is one cell wide and stands beside a word or a number."""

from inspector.rules.model import Severity

ERROR = "$text-error"
WARNING = "$text-warning"
GOOD = "$text-success"
INFO = "$text-primary"
MUTED = "$foreground 70%"
KEY = "$foreground 70%"
STRONG = "bold"
LINK = "$text-primary"
HEADING = "$text-accent bold"
ESCAPED = "reverse"
HIDDEN = "$foreground 70% italic"

CROSS = "✗"
TICK = "✓"
PENDING = "…"
UNSEEN = "┄"
NEUTRAL = "·"
CURSOR = "▌"

LANE = "│"
LANE_PAUSED = "┊"
SHAFT = "─"
SHAFT_HERE = "━"
SHAFT_UNSEEN = "┄"
CROSSING = "┼"
CROSSING_HERE = "┿"
TAIL_RIGHT = "├"
TAIL_LEFT = "┤"
TAIL_RIGHT_HERE = "┝"
TAIL_LEFT_HERE = "┥"
HEAD_RIGHT = "►"
HEAD_LEFT = "◄"
REWRITTEN = "~"
REPLAYED = "R"

ASCII_FORMS = str.maketrans(
    "".join(
        (
            *(CROSS, TICK, PENDING, NEUTRAL, CURSOR, LANE, LANE_PAUSED, SHAFT, SHAFT_HERE, SHAFT_UNSEEN, CROSSING),
            *(CROSSING_HERE, TAIL_RIGHT, TAIL_LEFT, TAIL_RIGHT_HERE, TAIL_LEFT_HERE, HEAD_RIGHT, HEAD_LEFT),
        )
    ),
    "x+~.>|:-=.++||||><",
)
"""What stands for a glyph where a terminal or a font has none but those of ASCII; one cell for one cell."""
FULL = "━"
EMPTY = "─"

SEVERITY_GLYPH = {Severity.ERROR: CROSS, Severity.WARNING: "!", Severity.INFO: "i"}
SEVERITY_STYLE = {Severity.ERROR: ERROR, Severity.WARNING: WARNING, Severity.INFO: INFO}

PARTY_NAME = {
    "client": "client",
    "mcp-server": "MCP server",
    "authorization-server": "authorization server",
    "configuration": "configuration",
    "edge": "edge (proxy, CDN or firewall)",
    "unknown": "unknown",
    "none": "nobody",
}
"""How a party is called in a sentence."""


def aside(words: str) -> str:
    """Our own words where a captured value would stand, in single angle quotes, which no header or JSON uses."""
    return f"\u2039{words}\u203a"
