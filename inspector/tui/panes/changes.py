"""What was changed on the way between client and server: by whom, and what each end saw."""

from collections.abc import Iterator
from itertools import groupby

from inspector.session.model import Exchange, Translation
from inspector.tui.display import visible
from inspector.tui.lines import Line, field, heading
from inspector.tui.looks import MUTED, aside
from inspector.tui.masking import Veil


def changes_of(exchange: Exchange, side: str = "") -> list[Translation]:
    """What was changed on the way in the `request`, in the `response` or in both; patches and edits come first."""
    changes = [
        each for each in exchange.translations if not side or each.part.startswith("response") is (side == "response")
    ]
    return sorted(changes, key=lambda change: (not change.by, change.by))


def author(change: Translation) -> str:
    """Who made a change: a wire patch, the reader in step mode, or the inspector for its own addresses."""
    if change.by == "step":
        return "you changed it in step mode"
    return f"patch {visible(change.by).plain}" if change.by else "address translated"


def change_lines(exchange: Exchange, side: str, veil: Veil) -> Iterator[Line]:
    """What was changed on the way, by whom, and what each end saw. Everything else is shown as the server saw it."""
    changes = changes_of(exchange, side)
    ends = ("client sent", "server got") if side == "request" else ("client got", "server sent")
    for by, group in groupby(changes, author):
        yield Line()
        yield heading(f"Changed on the way: {by}")
        for change in group:
            part = change.part.partition(".")[2] or change.part
            yield Line(veil.text(f"{part} {change.name}".strip(), MUTED))
            for end, value in zip(ends, (change.client, change.upstream), strict=True):
                yield field(f"  {end}", veil.value(change.name, value) if value else aside("nothing"))
