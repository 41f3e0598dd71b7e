"""What replays say on the screen: a request sent again, a client performed again, and what a change to it proved."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from inspector.tui.lines import Line, field, heading, note
from inspector.tui.looks import CROSS, ERROR, GOOD, MUTED, STRONG, TICK, WARNING
from inspector.tui.masking import Veil
from inspector.tui.panes.compare import compare_lines
from inspector.tui.view import RunView, seconds
from inspector.verdict.compare import compare

if TYPE_CHECKING:
    from inspector.replay.answers import AnswerDifference
    from inspector.replay.fixes import Fix
    from inspector.replay.mirror import Mirror
    from inspector.replay.perform import Progress
    from inspector.replay.profile import Profile
    from inspector.replay.reenact import Attempt
    from inspector.replay.single import SentAgain
    from inspector.session.model import Exchange
    from inspector.verdict.proof import Proof

_SAYS = {
    "confirmed": (TICK, GOOD, "Proven"),
    "refuted": (CROSS, ERROR, "Refuted"),
    "undecided": ("?", WARNING, "Not decided"),
}


def sent_lines(sent: "SentAgain", veil: Veil) -> list[Line]:
    """A request sent again, with its answer beside the recorded one."""
    from inspector.replay.leaving import shown_url
    from inspector.replay.single import request_changes

    def all_lines() -> Iterator[Line]:
        yield field("sent", veil.text(f"{sent.now.method} {shown_url(sent.now.url)}"))
        yield _answer("recorded", sent.recorded, veil)
        yield _answer("now", sent.now, veil)
        yield Line()
        changes = tuple(request_changes(sent.recorded, sent.now))
        if changes:
            yield heading("Changed in the request")
            yield from _both(changes, veil)
        else:
            yield note("The request is the recorded one, byte for byte but for Host.")
        yield Line()
        if sent.differences:
            yield heading(f"Different in the answer ({len(sent.differences)})")
            yield from _both(sent.differences, veil)
        else:
            yield Line(Content.styled(f"{TICK} The answer is the same.", GOOD))

    return list(all_lines())


def _answer(name: str, exchange: "Exchange", veil: Veil) -> Line:
    from inspector.replay.answers import status_in_words, took

    lasted = took(exchange)
    good = exchange.status is not None and exchange.status < 400
    time = f"  {seconds(lasted)}" if lasted is not None else ""
    return field(name, Content.assemble(veil.text(status_in_words(exchange), GOOD if good else ERROR), (time, MUTED)))


def _both(differences: "Iterable[AnswerDifference]", veil: Veil) -> Iterator[Line]:
    for each in differences:
        yield field(each.title, _side("recorded", each.recorded, veil))
        yield field("", _side("now", each.now, veil))


def _side(side: str, value: str | None, veil: Veil) -> Content:
    said = Content.styled("none", MUTED) if value is None else veil.text(value.replace("\n", " · "))
    return Content.assemble((f"{side:<9}", MUTED), said)


def choice_lines(profile: "Profile", mirror: "Mirror", fix: "Fix | None", steps: int, veil: Veil) -> list[Line]:
    """What would be performed, and where; `steps` is how many requests that is."""

    def all_lines() -> Iterator[Line]:
        if fix is None:
            yield Line(Content.styled("Perform it again as it was", STRONG))
            yield note("This shows whether the fault comes back at other servers that behave alike.")
        else:
            yield Line(Content.assemble(("What if the client did this: ", STRONG), fix.description))
            yield note("It is performed twice, as it was and with this one change; what then differs is the proof.")
        yield Line()
        yield field("client", veil.text(profile.client))
        yield field("requests", str(steps))
        yield field("sent to", "the reference servers inside this program; nothing leaves this machine")
        for words, sentences in (("seen", mirror.seen), ("assumed", mirror.assumed), ("note", profile.notes)):
            for sentence in sentences:
                yield field(words, veil.text(sentence))

    return list(all_lines())


def progress_line(progress: "Progress", veil: Veil) -> Line:
    """One step that was performed."""
    good = progress.outcome.startswith("2") or progress.outcome == "code"
    glyph, style = (TICK, GOOD) if good else ("·", MUTED)
    text = f"{progress.done:>2}/{progress.total} {progress.what}  {progress.outcome or 'no answer'}"
    return Line(Content.assemble((f"{glyph} ", style), veil.text(text)))


def performed_lines(
    original: RunView, profile: "Profile", attempts: "Sequence[Attempt]", proof: "Proof | None", veil: Veil
) -> list[Line]:
    """What came of it: the proof, how faithful it was, and the runs beside each other."""

    def all_lines() -> Iterator[Line]:
        if proof is not None:
            glyph, style, words = _SAYS[proof.says]
            yield Line(Content.styled(f"{glyph} {words}", f"{style} {STRONG}"))
            yield Line(veil.text(proof.sentence))
            if proof.first_difference:
                yield field("parts at", veil.text(proof.first_difference))
            yield Line()
        yield from _fidelity(profile, attempts[0], veil)
        for attempt in attempts:
            if attempt.performance.ended:
                yield field(attempt.label, veil.text(attempt.performance.ended, WARNING))
        yield Line()
        names = ("as it was", "with the change") if len(attempts) > 1 else ("recorded", "performed again")
        left, right = (a.judged for a in attempts) if len(attempts) > 1 else (original.judged, attempts[0].judged)
        if left is None or right is None:
            yield note("No request reached the MCP server, so there is nothing to compare.")
            return
        views = (RunView(left, original.masker), RunView(right, original.masker))
        yield from compare_lines(compare(left, right), *names, views[0].veil_with(views[1]))

    return list(all_lines())


def _fidelity(profile: "Profile", attempt: "Attempt", veil: Veil) -> Iterator[Line]:
    differences = attempt.differences(profile)
    count = len(profile.recorded)
    if not differences:
        yield note(f"Sent as recorded: all {count} requests, correlated values and addresses aside.")
        return
    yield field("not as recorded", Content.styled(f"{len(differences)} differences in {count} requests", WARNING))
    for difference in differences[:10]:
        yield field("", veil.text(difference.sentence()))
