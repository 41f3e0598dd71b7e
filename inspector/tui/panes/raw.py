"""The Raw pane: request and response as they were on the wire, content codings undone."""

from collections.abc import Iterator

from textual.content import Content

from inspector.session.model import Body, Headers
from inspector.session.undo import as_client_sent
from inspector.tui.body import body_text, text_lines
from inspector.tui.lines import Line, heading, note
from inspector.tui.looks import KEY
from inspector.tui.masking import Veil
from inspector.tui.view import RunView, Selection


def raw_lines(view: RunView, selection: Selection, veil: Veil) -> list[Line]:
    """Both messages of the selected exchange."""
    message = view.message_of(selection)
    if message is None:
        return [note("Choose a step that was captured in the timeline.")]
    exchange = message.exchange
    start = f"{exchange.method} {exchange.url} {exchange.http_version}"
    lines = [heading("Request"), Line(veil.text(start))]
    lines += _message(exchange.request_headers, exchange.request_body, veil)
    sent = as_client_sent(exchange)
    if sent is not exchange:
        lines[0] = heading("Request as the server got it")
        lines += [Line(), heading("Request as the client sent it")]
        lines.append(Line(veil.text(f"{sent.method} {sent.url} {sent.http_version}")))
        lines += _message(sent.request_headers, sent.request_body, veil)
    if exchange.status is not None:
        lines += [Line(), heading("Response")]
        lines.append(Line(veil.text(f"{exchange.http_version} {exchange.status} {exchange.reason}")))
        lines += _message(exchange.response_headers, exchange.response_body, veil)
    return lines


def _message(headers: Headers, body: Body, veil: Veil) -> Iterator[Line]:
    for name, value in headers:
        yield Line(Content.assemble(veil.text(f"{name}: ", KEY), veil.header(name, value)))
    if body.size:
        yield Line()
        text, remark = body_text(headers, body)
        if remark:
            yield note(remark)
        yield from text_lines(text, veil)
