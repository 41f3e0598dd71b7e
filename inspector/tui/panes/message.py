"""The Request and Response panes: what was sent, with each problem marked at the line it is about."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from textual.content import Content

from inspector.protocol import content, urls
from inspector.protocol.meanings import vocabulary
from inspector.protocol.params import Params
from inspector.rules.model import Finding
from inspector.session.model import Exchange, State
from inspector.timeline.message import Kind, Message
from inspector.timeline.relations import Relations, relations
from inspector.tui.body import body_lines
from inspector.tui.lines import Line, field, heading, note
from inspector.tui.looks import ERROR, GOOD, MUTED, REWRITTEN, STRONG, WARNING, aside
from inspector.tui.masking import Veil
from inspector.tui.panes.changes import author, change_lines, changes_of
from inspector.tui.panes.explained import explained, explained_members
from inspector.tui.panes.rpc import messages_of
from inspector.tui.view import RunView, Selection, duration_of

type Marks = dict[tuple[str, str], list[Finding]]
"""Findings of one exchange by part and name; taken out as they are shown."""

_EXPLAINED = (Kind.AUTHORIZE, Kind.TOKEN, Kind.CALLBACK, Kind.INTROSPECT, Kind.REVOKE)
_DOCUMENTS = {
    Kind.RESOURCE_METADATA: "resource_metadata",
    Kind.SERVER_METADATA: "server_metadata",
    Kind.REGISTER: "registration",
    Kind.TOKEN: "token_response",
}
_REQUEST_PARTS = ("query", "form", "url")
_NOT_CAPTURED = "This leg was not captured, so there is nothing to show."


def request_lines(view: RunView, selection: Selection, veil: Veil) -> list[Line]:
    """The request of the selected exchange."""
    message = view.message_of(selection)
    return list(_request(view, message, veil)) if message else [note(_nothing(selection))]


def response_lines(view: RunView, selection: Selection, veil: Veil) -> list[Line]:
    """The response of the selected exchange."""
    message = view.message_of(selection)
    return list(_response(view, message, veil)) if message else [note(_nothing(selection))]


def _nothing(selection: Selection) -> str:
    return "Choose a step in the timeline." if selection.step is None else _NOT_CAPTURED


def _request(view: RunView, message: Message, veil: Veil) -> Iterator[Line]:
    exchange = message.exchange
    marks = _marks(view, message, on_request=True)
    # The parameters follow one by one; the whole URL is in the Raw pane.
    url = Content.assemble(veil.text(exchange.method, STRONG), " ", veil.text(message.url))
    yield Line(url, findings=tuple(marks.pop(("url", ""), ())))
    yield note(f"{veil.text(exchange.http_version).plain}  ·  exchange {exchange.id}{_listener(exchange, veil)}")
    ties = relations(view.judged.run, message)
    if message.query or any(part == "query" for part, _ in marks):
        yield from _parameters("Query parameters", "query", message, ties, marks, veil)
    if message.form or any(part == "form" for part, _ in marks):
        yield from _parameters("Form parameters", "form", message, ties, marks, veil)
    yield from change_lines(exchange, "request", veil)
    yield from _headers(exchange.request_headers, marks, veil)
    if exchange.request_body.size and not message.form:
        yield from _body(message, "json", marks, veil, of_request=True)
    yield from _left_over(marks)


def _response(view: RunView, message: Message, veil: Veil) -> Iterator[Line]:
    exchange = message.exchange
    marks = _marks(view, message, on_request=False)
    yield Line(_status(exchange, veil), findings=tuple(marks.pop(("status", ""), ())))
    if exchange.error:
        yield Line(veil.text(exchange.error, ERROR))
    taken = duration_of(message)
    size = f"{exchange.response_body.size:,} bytes"
    yield note("  ·  ".join(part for part in (taken, size) if part))
    yield from _challenges(message, marks, veil)
    if message.location:
        yield from _redirect(message.location, veil)
    if exchange.response_body.size:
        yield from _body(message, "json", marks, veil, of_request=False)
    yield from change_lines(exchange, "response", veil)
    yield from _headers(exchange.response_headers, marks, veil)
    yield from _left_over(marks)


def _marks(view: RunView, message: Message, *, on_request: bool) -> Marks:
    """The findings about one side of an exchange; rules name the part, and the part tells the side."""
    marks: Marks = defaultdict(list)
    for finding in view.judged.checked.findings:
        for place in finding.places:
            if place.exchange == message.id and _is_of_request(message, place.part, place.name) is on_request:
                part = "json" if place.part == "claim" else place.part
                name = _token_member(message) if place.part == "claim" else place.name
                if finding not in marks[part, name]:
                    marks[part, name].append(finding)
    return dict(marks)


def _is_of_request(message: Message, part: str, name: str) -> bool:
    if part in _REQUEST_PARTS:
        return True
    if part == "header":
        return message.exchange.request_header(name) is not None or name == "authorization"
    if part == "claim":
        return message.bearer is not None
    if part == "json":
        in_answer = message.document is not None and name in message.document
        return not in_answer and message.sent is not None and name in message.sent
    return False


def _token_member(message: Message) -> str:
    return "authorization" if message.bearer else "access_token"


def _parameters(title: str, part: str, message: Message, ties: Relations, marks: Marks, veil: Veil) -> Iterator[Line]:
    yield Line()
    yield heading(title)
    meanings = vocabulary("parameters") if message.kind in _EXPLAINED else {}
    params = message.form if part == "form" else message.query
    sent = {name for name, _ in params.pairs}
    for absent in [name for marked, name in marks if marked == part and name not in sent]:
        nothing = Content.styled(aside("not sent"), WARNING)
        found = marks.pop((part, absent))
        yield from explained(absent, nothing, meaning=meanings.get(absent), veil=veil, findings=found)
    for name, value in params.pairs:
        found = marks.pop((part, name), [])
        shown = veil.value(name, value)
        yield from explained(
            name, shown, meaning=meanings.get(name), relation=ties.get(name), veil=veil, findings=found
        )
        for change in changes_of(message.exchange, "request"):
            if change.by and (change.name, change.upstream) == (name, value):
                theirs = veil.value(name, change.client) if change.client else Content("nothing")
                ours = Content.styled(f"{REWRITTEN} {author(change)}; the client sent ", WARNING)
                yield field("", ours + theirs)


def _headers(headers: Sequence[tuple[str, str]], marks: Marks, veil: Veil) -> Iterator[Line]:
    if not headers:
        return
    yield Line()
    yield heading("Headers")
    present = {name.lower() for name, _ in headers}
    for name, value in headers:
        found = marks.pop(("header", name.lower()), ())
        if name.lower() == "authorization":
            found = [*found, *marks.pop(("json", "authorization"), ())]
        yield field(name, veil.header(name, value), findings=found)
    for absent in [name for part, name in marks if part == "header" and name not in present]:
        yield field(absent, Content.styled(aside("not sent"), WARNING), findings=marks.pop(("header", absent)))


def _body(message: Message, part: str, marks: Marks, veil: Veil, *, of_request: bool) -> Iterator[Line]:
    exchange = message.exchange
    headers = exchange.request_headers if of_request else exchange.response_headers
    body = exchange.request_body if of_request else exchange.response_body
    names = [name for marked, name in marks if marked == part and name != "authorization"]
    own = {name: marks.pop((part, name)) for name in names}
    media = content.media_type(headers)
    yield Line()
    yield heading("Body")
    if media:
        yield note(veil.text(media).plain)
    lines = messages_of(headers, body, veil, own) if message.kind is Kind.MCP else None
    words = vocabulary(_DOCUMENTS[message.kind]) if message.kind in _DOCUMENTS else {}
    yield from explained_members(lines or body_lines(headers, body, veil, own), words)


def _challenges(message: Message, marks: Marks, veil: Veil) -> Iterator[Line]:
    """What a refusal asks for, parameter by parameter (RFC 9110 section 11.6.1)."""
    for challenge in message.challenges:
        yield Line()
        yield heading("Challenge")
        yield field("scheme", veil.text(challenge.scheme), findings=marks.pop(("header", "www-authenticate"), ()))
        for name, value in challenge.parameters:
            meaning = vocabulary("challenge").get(name)
            yield from explained(name, veil.value(name, value), meaning=meaning, veil=veil)
        for problem in challenge.problems:
            yield field("syntax", veil.text(problem, WARNING))


def _redirect(location: str, veil: Veil) -> Iterator[Line]:
    yield Line()
    yield heading("Redirects to")
    yield Line(veil.text(urls.without_query(location)))
    for name, value in Params.parse(urls.query_of(location)).pairs:
        meaning = vocabulary("parameters").get(name)
        yield from explained(name, veil.value(name, value), meaning=meaning, veil=veil)


def _left_over(marks: Marks) -> Iterator[Line]:
    for (part, name), findings in marks.items():
        yield field(f"{part} {name}".strip(), "", findings=findings)


def _status(exchange: Exchange, veil: Veil) -> Content:
    if exchange.status is None:
        waiting = {
            State.FAILED: "No response: the connection broke",
            State.RECORDED: "The recorder keeps requests only",
        }
        return Content.styled(waiting.get(exchange.state, "No response yet"), MUTED)
    good = exchange.status < 400
    return Content.assemble(
        (str(exchange.status), f"{GOOD if good else ERROR} {STRONG}"), " ", veil.text(exchange.reason)
    )


def _listener(exchange: Exchange, veil: Veil) -> str:
    """The way it took, where that is another than the plain proxy."""
    through = exchange.listener not in ("", "regular")
    return f"  ·  through {veil.text(exchange.listener).plain}" if through else ""
