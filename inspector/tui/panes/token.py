"""The Token pane: what the tokens of an exchange say, and what is known about their signature."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

from textual.content import Content

from inspector.protocol import jwt
from inspector.protocol.jwt import Jwt, Signature
from inspector.protocol.meanings import vocabulary
from inspector.rules.model import Finding
from inspector.timeline.message import Message
from inspector.timeline.relations import Relation, with_expected
from inspector.tui.lines import Line, field, heading, note
from inspector.tui.looks import EMPTY, ERROR, FULL, GOOD, MUTED, WARNING, aside
from inspector.tui.masking import Veil
from inspector.tui.panes.explained import explained
from inspector.tui.view import RunView, Selection, seconds

_LONGEST_VALUE = 2000
_CLOCK_CELLS = 20
_TIMES = ("exp", "iat", "nbf", "auth_time", "updated_at")
_SIGNATURE = {
    Signature.VALID: ("valid, checked with a captured key", GOOD),
    Signature.INVALID: ("does not match the captured key of this kid", ERROR),
    Signature.UNKNOWN_KEY: ("not checked: no captured key has this kid", WARNING),
    Signature.NOT_CHECKED: ("not checked: no key set was captured", MUTED),
    Signature.NONE: ("none: the token is not signed", ERROR),
}


def token_lines(view: RunView, selection: Selection, veil: Veil) -> list[Line]:
    """The tokens of the selected exchange; without any, those of the run's last token response."""
    message = view.message_of(selection)
    found = list(_tokens(message)) if message else []
    lines: list[Line] = []
    if not found:
        issued = [exchange for exchange in view.judged.run.token_exchanges if exchange.access_token]
        if not issued:
            return [note("No token was issued or used in this run so far.")]
        message = issued[-1].request
        found = list(_tokens(message))
        step = view.judged.run.step_of(message)
        if selection.step is not None:
            lines.append(note("This exchange carries no token. The last one issued in this run:"))
        lines.append(field("issued at", f"step {step}", target=Selection(step, message.id)))
        lines.append(Line())
    for name, token in found:
        if message:
            lines += [*_token(view, message, name, token, veil), Line()]
    return lines[:-1]


def _tokens(message: Message) -> Iterator[tuple[str, str]]:
    answer = message.good_document
    for name in ("access_token", "id_token", "refresh_token"):
        if answer and (token := answer.text(name)):
            yield name, token
    if message.bearer:
        yield "authorization", message.bearer
    for name in ("refresh_token", "token", "subject_token"):
        if token := message.form.get(name):
            yield name, token


def _token(view: RunView, message: Message, name: str, token: str, veil: Veil) -> Iterator[Line]:
    titles = {"authorization": "Token of the Authorization header", "id_token": "ID token"}
    yield heading(titles.get(name, name.replace("_", " ").capitalize()))
    yield field("token", veil.value("token", token))
    decoded = jwt.decode(token)
    if decoded is None:
        yield note("Opaque: not a JWT, so its audience is known to the authorization server alone.")
        return
    marks = _claim_marks(view, message) if name in ("access_token", "authorization") else {}
    words, style = _SIGNATURE[jwt.verify(token, view.judged.run.keys)]
    yield field("signature", Content.styled(words, style))
    yield from _lifetime(decoded, message)
    yield Line()
    yield heading("Claims")
    meanings = vocabulary("claims")
    for claim, value in decoded.claims.items():
        shown, about = _claim(claim, value, message, veil), marks.pop(claim, ())
        relation = _audience(view, decoded) if claim == "aud" and name != "id_token" else None
        yield from explained(claim, shown, meaning=meanings.get(claim), relation=relation, veil=veil, findings=about)
    for absent, findings in marks.items():
        nothing = Content.styled(aside("not in the token"), WARNING)
        yield from explained(absent, nothing, meaning=meanings.get(absent), veil=veil, findings=findings)
    yield Line()
    yield heading("Header")
    for each, value in decoded.header.items():
        yield from explained(each, veil.text(_text(value)), meaning=meanings.get(each), veil=veil)


def _claim_marks(view: RunView, message: Message) -> dict[str, list[Finding]]:
    marks: dict[str, list[Finding]] = {}
    for finding in view.judged.checked.findings:
        for place in finding.places:
            if place.exchange == message.id and place.part == "claim":
                marks.setdefault(place.name, []).append(finding)
    return marks


def _audience(view: RunView, decoded: Jwt) -> Relation | None:
    """What the audience was compared with."""
    expected = view.judged.run.expected_resource
    if expected is None or decoded.audiences is None:
        return None
    return with_expected(expected, decoded.audiences)


def _lifetime(decoded: Jwt, message: Message) -> Iterator[Line]:
    """How much of the token's life was left at the exchange, as a clock (RFC 7519 section 4.1.4)."""
    at, issued, ends = message.exchange.response_end or message.at, decoded.number("iat"), decoded.number("exp")
    if not at or ends is None:
        return
    left = ends - at
    words = f"{seconds(left)} left" if left > 0 else f"over since {seconds(-left)}"
    style = GOOD if left > 0 else ERROR
    if issued is None or ends <= issued:
        yield field("lifetime", Content.styled(f"{words} at this exchange", style))
        return
    whole = ends - issued
    full = round(_CLOCK_CELLS * min(1.0, max(0.0, left / whole)))
    yield field(
        "lifetime",
        Content.assemble(
            (FULL * full, style),
            (EMPTY * (_CLOCK_CELLS - full), MUTED),
            "  ",
            (words, style),
            (f" of {seconds(whole)} at this exchange", MUTED),
        ),
    )


def _claim(claim: str, value: object, message: Message, veil: Veil) -> Content:
    if claim in _TIMES and isinstance(value, int | float) and not isinstance(value, bool):
        return _time(value, message)
    return veil.text(_text(value))


def _time(value: float, message: Message) -> Content:
    """A NumericDate in UTC and as seen from the exchange: that moment decides, not the one of reading."""
    try:
        moment = datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        return Content(f"{value} (no date)")
    text = Content(f"{moment:%Y-%m-%d %H:%M:%SZ}")
    at = message.exchange.response_end or message.at
    if not at:
        return text
    apart = value - at
    when = f"{seconds(abs(apart))} {'after' if apart >= 0 else 'before'} this exchange"
    return Content.assemble(text, (f"  {when}", MUTED))


def _text(value: object) -> str:
    text = value if isinstance(value, str) else _json(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}… ({len(text):,} characters)"


def _json(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "(nested too deep to show)"
