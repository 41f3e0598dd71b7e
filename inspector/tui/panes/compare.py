"""Two runs beside each other as lines: the steps in pairs, what differs under them, the first difference marked."""

from collections.abc import Iterator

from textual.content import Content

from inspector.timeline.steps import PHASES, Step
from inspector.tui.lines import Line, field, heading, note
from inspector.tui.looks import CROSS, ERROR, GOOD, MUTED, PARTY_NAME, STRONG, TICK, WARNING
from inspector.tui.masking import Veil
from inspector.verdict.compare import Comparison, Difference, Pair
from inspector.verdict.model import Judged

LEFT, RIGHT = "A", "B"
_PART = {"json": "member", "url": "request", "redirect": "redirect back", "claim": "token claim"}
_FIRST = "first difference"
_STAND_INS = {"{server}": "{server} is the MCP server", "{issuer}": "{issuer} the authorization server"}


def compare_lines(comparison: Comparison, left_name: str, right_name: str, veil: Veil) -> list[Line]:
    """The whole comparison; the names say what A and B are."""
    return list(_lines(comparison, left_name, right_name, veil))


def _lines(comparison: Comparison, left_name: str, right_name: str, veil: Veil) -> Iterator[Line]:
    yield field(LEFT, Content.assemble(veil.text(left_name), "  ", _outcome(comparison.left, veil)), style=STRONG)
    yield field(RIGHT, Content.assemble(veil.text(right_name), "  ", _outcome(comparison.right, veil)), style=STRONG)
    yield Line()
    if comparison.first is None:
        yield Line(Content.styled(f"{TICK} Both did the same, and got the same answers.", GOOD))
        yield note("Values made anew for each run, such as codes and tokens, are compared by their presence.")
        return
    yield from _rules(comparison, veil)
    yield from _stand_ins(comparison)
    phase = 0
    for number, pair in enumerate(comparison.pairs):
        step = pair.left or pair.right
        assert step is not None
        if step.phase != phase:
            phase = step.phase
            yield Line()
            yield heading(f"{phase} {PHASES[phase]}")
        yield _pair(pair, step, first=number == comparison.first, veil=veil)
        for difference in pair.differences:
            yield from _difference(difference, veil)


def _outcome(judged: Judged, veil: Veil) -> Content:
    verdict = judged.verdict
    if verdict.party == "none":
        return Content.styled(f"{TICK} no fault found", GOOD)
    cause = veil.text(f", {verdict.cause}", ERROR) if verdict.cause else Content()
    return Content.assemble((f"{CROSS} {PARTY_NAME[verdict.party]}", ERROR), cause)


def _rules(comparison: Comparison, veil: Veil) -> Iterator[Line]:
    for name, rules in ((LEFT, comparison.only_left), (RIGHT, comparison.only_right)):
        if rules:
            yield field(f"only in {name}", veil.text(", ".join(rules), WARNING))


def _stand_ins(comparison: Comparison) -> Iterator[Line]:
    values = [value for pair in comparison.pairs for each in pair.differences for value in (each.left, each.right)]
    used = [words for name, words in _STAND_INS.items() if any(name in value for value in values)]
    if used:
        yield note(f"{' and '.join(used)}, in each run its own.")


def _pair(pair: Pair, step: Step, *, first: bool, veil: Veil) -> Line:
    marked = (f"   {_FIRST}", f"{ERROR} {STRONG}") if first else ("", "")
    if pair.same:
        return Line(Content.assemble((f"{TICK} ", GOOD), veil.text(step.title), (_numbers(pair), MUTED)))
    if pair.left is None or pair.right is None:
        only = f"   only in {LEFT if pair.right is None else RIGHT}"
        return Line(Content.assemble((f"{CROSS} ", ERROR), veil.text(step.title, STRONG), (only, WARNING), marked))
    return Line(Content.assemble((f"{CROSS} ", ERROR), veil.text(step.title, STRONG), (_numbers(pair), MUTED), marked))


def _numbers(pair: Pair) -> str:
    """The steps' numbers, where the two sides count differently both."""
    left, right = (step.id if step else None for step in (pair.left, pair.right))
    return f"   step {left}" if left == right else f"   step {left} in {LEFT}, {right} in {RIGHT}"


def _difference(difference: Difference, veil: Veil) -> Iterator[Line]:
    side = "" if difference.of_request else "answer: "
    part = _PART.get(difference.part, difference.part)
    yield field(f"  {side}{part} {difference.name}".rstrip(), _value(LEFT, difference.left, veil))
    yield field("", _value(RIGHT, difference.right, veil))


def _value(side: str, value: str, veil: Veil) -> Content:
    return Content.assemble((f"{side} ", MUTED), veil.text(value))
