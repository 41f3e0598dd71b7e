"""A sign-in as a picture in SVG: lanes for the parties, an arrow for each request and for each answer."""

from inspector.report.escape import markup
from inspector.report.sequence import AUTHORIZATION, SERVER, Arrow, arrows, phase_name
from inspector.timeline.steps import Status
from inspector.verdict.model import Judged

_WIDTH = 1040
_LANES = {"": 190, SERVER: 560, AUTHORIZATION: 930}
_TOP = 56
_ROW = 46
_PHASE_ROW = 30
_MOST_ROWS = 200
_LONGEST_LABEL = 62


def picture(judged: Judged) -> str:
    """The picture of one run as an SVG element, drawn with classes: `ok`, `bad`, `doubt`, `line`, `phase`."""
    all_arrows = arrows(judged)
    shown = all_arrows[:_MOST_ROWS]
    parts: list[str] = []
    y, phase = _TOP, 0
    begun = shown[0].at if shown else 0.0
    for arrow in shown:
        if arrow.phase != phase:
            phase = arrow.phase
            parts.append(f'<text class="phase" x="8" y="{y + 18}">{markup(phase_name(arrow))}</text>')
            y += _PHASE_ROW
        parts.append(_row(arrow, y, arrow.at - begun))
        y += _ROW
    if len(all_arrows) > len(shown):
        parts.append(f'<text x="8" y="{y + 18}">{len(all_arrows) - len(shown)} more steps are not drawn</text>')
        y += _PHASE_ROW
    lanes = "".join(
        f'<line class="lane" x1="{x}" y1="34" x2="{x}" y2="{y}"/>'
        f'<text class="party" x="{x}" y="22" text-anchor="middle">{markup(_cut(name, 38))}</text>'
        for x, name in zip(_LANES.values(), _names(judged), strict=True)
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {y + 8}" width="{_WIDTH}" height="{y + 8}" role="img" '
        f'aria-label="Requests and answers of the sign-in in order of time">{lanes}{"".join(parts)}</svg>'
    )


def _names(judged: Judged) -> tuple[str, str, str]:
    return judged.run.client.label, "MCP server", "authorization server"


def _row(arrow: Arrow, y: int, seconds: float) -> str:
    left, right = _LANES[""], _LANES[arrow.target]
    kind = "bad" if arrow.broken else "doubt" if arrow.rules else "ok"
    faint = " faint" if arrow.status is Status.NOT_CAPTURED else ""
    refused = arrow.status in (Status.REFUSED, Status.FAILED)
    answer = " refused" if refused else ""
    mark = {"bad": "\u2717", "doubt": "!", "ok": ""}[kind]
    middle = (left + right) // 2
    return (
        f'<g class="{kind}{faint}"><title>{markup(f"step {arrow.step}: {arrow.request} - {arrow.answer}")}</title>'
        f'<text class="number" x="8" y="{y + 17}">{mark} {arrow.step}</text>'
        f'<text class="time" x="{left - 12}" y="{y + 17}" text-anchor="end">+{seconds:.2f} s</text>'
        f'<text x="{middle}" y="{y + 12}" text-anchor="middle">{markup(_cut(arrow.request, _LONGEST_LABEL))}</text>'
        f'<path class="line" d="M{left} {y + 16}H{right - 2}m-7 -4l7 4l-7 4"/>'
        f'<path class="line back{answer}" d="M{right} {y + 24}H{left + 2}m7 -4l-7 4l7 4"/>'
        f'<text class="answer" x="{middle}" y="{y + 38}" text-anchor="middle">'
        f"{markup(_cut(arrow.answer, _LONGEST_LABEL))}</text></g>"
    )


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}\u2026"
