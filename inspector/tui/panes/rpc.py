"""Bodies of MCP as the messages they carry: JSON-RPC, alone, in a batch, or in a stream of server-sent events."""

from collections.abc import Iterator, Mapping, Sequence

from textual.content import Content

from inspector.protocol import content
from inspector.protocol.jsonrpc import RpcMessage, rpc_messages
from inspector.rules.model import Finding
from inspector.session.model import Body, Headers
from inspector.tui.body import body_text, json_lines
from inspector.tui.lines import Line, note
from inspector.tui.looks import ERROR, GOOD, MUTED, STRONG
from inspector.tui.masking import Veil

_MOST_EVENTS = 200


def messages_of(headers: Headers, body: Body, veil: Veil, marks: Mapping[str, Sequence[Finding]]) -> list[Line] | None:
    """Each message with its title and its JSON; None when the body is no JSON-RPC."""
    messages = rpc_messages(headers, body)
    if not messages:
        return None
    text, remark = body_text(headers, body)
    lines = [note(remark)] if remark else []
    if content.media_type(headers) != "text/event-stream":
        lines += [_title(message, veil) for message in messages]
        return [*lines, *json_lines(text, veil, marks)]
    events = list(content.event_data(text))
    for number, data in enumerate(events[:_MOST_EVENTS], 1):
        lines += _event(number, data, veil)
    if len(events) > _MOST_EVENTS:
        lines.append(note(f"… {len(events) - _MOST_EVENTS:,} more events."))
    return lines


def _event(number: int, data: str, veil: Veil) -> Iterator[Line]:
    yield note(f"event {number}")
    for message in rpc_messages((("content-type", "application/json"),), Body.whole(data.encode())):
        yield _title(message, veil)
    yield from json_lines(data, veil)


def _title(message: RpcMessage, veil: Veil) -> Line:
    """What kind of message it is, and which one it belongs to (JSON-RPC 2.0 sections 4 and 5)."""
    number = message.raw.get("id")
    belongs = (f"  id {number}", MUTED) if isinstance(number, int | str) else ("", "")
    of_id = veil.text(*belongs)
    if message.method:
        kind = "request" if "id" in message.raw else "notification"
        return Line(Content.assemble((f"{kind} ", MUTED), veil.text(message.method, STRONG), of_id))
    if message.error is not None:
        code = message.error.get("code")
        words = message.error.get("message")
        said = f"{code if isinstance(code, int) else ''} {words if isinstance(words, str) else ''}".strip()
        return Line(Content.assemble(("error ", f"{ERROR} {STRONG}"), veil.text(said, ERROR), of_id))
    return Line(Content.assemble(("result", f"{GOOD} {STRONG}"), of_id))
