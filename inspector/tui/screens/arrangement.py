"""How the panes share the window: which of the layouts it has room for, and where the edges between panes are."""

from math import ceil

from textual.screen import Screen
from textual.widget import Widget

from inspector.tui.preferences import Preferences, within_limits
from inspector.tui.widgets.split import Split

WIDTHS = [(0, "-tiny"), (60, "-stacked"), (100, "-beside"), (150, "-spread")]
HEIGHTS = [(0, "-short"), (20, "-tall")]
RIGHT = ("response", "token", "raw")
"""The panes that take turns at the lower right, where panes stand side by side."""

_BODY = {"stacked": 50, "beside": 42, "spread": 38}
_WHY = 50
_STEP = 4


class Arrangement:
    """Applies the remembered edges to a screen, and moves them."""

    def __init__(self, screen: Screen[None], preferences: Preferences) -> None:
        self._screen = screen
        self._preferences = preferences

    @property
    def layout(self) -> str:
        """`tiny`, `stacked`, `beside` or `spread`."""
        has = self._screen.has_class
        return next((name for name in _BODY if has(f"-{name}")), "tiny")

    @property
    def has_room(self) -> bool:
        """Whether the detail is in sight at all."""
        return self.layout != "tiny" and not self._screen.has_class("-short")

    def apply(self) -> None:
        """Put every edge where it belongs in the present layout."""
        layout, shares = self.layout, self._preferences
        beside = layout in ("beside", "spread")
        body = self._split("body")
        share = shares.split(layout, _BODY.get(layout, 50))
        body.divide(self._widget("lists"), share, row=beside, movable=self.has_room)
        problems = shares.split("problems", 60) if "problems" in shares.splits else None
        self._split("lists").divide(self._widget("timeline"), problems, row=False, movable=beside)
        spread = layout == "spread" and self.has_room
        self._split("panes").divide(self._widget("why"), shares.split("why", _WHY), row=False, movable=spread)

    def move(self, split: Split, share: int, *, remember: bool) -> None:
        """Move an edge; `remember` it once the reader is done with it."""
        self._preferences.splits[self._name_of(split)] = within_limits(share)
        self.apply()
        if remember:
            self._preferences.save()

    def grow(self, pane: Widget, by: int) -> None:
        """Give a pane more room, or less, by moving the edge that is nearest to it."""
        in_lists = self._widget("lists") in pane.ancestors
        if pane.id == "problems":
            split, sign = self._split("lists"), -1
        elif in_lists:
            split, sign = self._split("body"), 1
        elif self.layout == "spread":
            split, sign = self._split("panes"), 1 if pane.id == "why" else -1
        else:
            split, sign = self._split("body"), -1
        size = split.region.width if split.row else split.region.height
        step = max(_STEP, ceil(150 / max(1, size)))  # a row of a small window is more than a few percent
        self.move(split, self._share_of(split) + by * sign * step, remember=True)

    def _name_of(self, split: Split) -> str:
        return {"body": self.layout, "lists": "problems", "panes": "why"}[split.id or ""]

    def _share_of(self, split: Split) -> int:
        name = self._name_of(split)
        if name == "problems" and name not in self._preferences.splits:
            timeline, lists = self._widget("timeline").region.height, split.region.height
            return round(100 * timeline / lists) if lists else 60
        return self._preferences.split(name, _BODY.get(name, _WHY))

    def _split(self, name: str) -> Split:
        return self._screen.query_one(f"#{name}", Split)

    def _widget(self, name: str) -> Widget:
        return self._screen.query_one(f"#{name}")
