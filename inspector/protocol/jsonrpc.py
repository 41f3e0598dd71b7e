"""JSON-RPC messages of MCP, from plain JSON bodies, batches and event streams."""

from collections.abc import Mapping
from dataclasses import dataclass

from inspector.protocol import content
from inspector.session.model import Body, Headers


@dataclass(frozen=True, slots=True)
class RpcMessage:
    """One JSON-RPC 2.0 object: a request or notification has `method`, an answer has `result` or `error`."""

    raw: Mapping[str, object]

    @property
    def method(self) -> str:
        """The method name, empty for an answer."""
        value = self.raw.get("method")
        return value if isinstance(value, str) else ""

    @property
    def params(self) -> Mapping[str, object]:
        """Named parameters; empty when there are none."""
        return _mapping(self.raw.get("params"))

    @property
    def result(self) -> Mapping[str, object] | None:
        """The result object of a successful answer."""
        value = self.raw.get("result")
        return value if isinstance(value, dict) else None

    @property
    def error(self) -> Mapping[str, object] | None:
        """The error object of a failed answer."""
        value = self.raw.get("error")
        return value if isinstance(value, dict) else None

    @property
    def meta(self) -> Mapping[str, object]:
        """`params._meta`, where the stateless revision puts what a handshake used to say (MCP 2026-07-28)."""
        return _mapping(self.params.get("_meta"))


def rpc_messages(headers: Headers, body: Body) -> tuple[RpcMessage, ...]:
    """Every JSON-RPC object of a body; a truncated event stream yields the events that were kept."""
    parsed = content.json_value(headers, body)
    values = parsed if isinstance(parsed, list) else [parsed]
    # No event stream is JSON as a whole, so that the media type need not be looked at for every body.
    if parsed is None and body.data and content.media_type(headers) == "text/event-stream":
        stream = content.beginning(headers, body).decode(errors="replace")
        values = [content.parse_json(data) for data in content.event_data(stream)]
    return tuple([RpcMessage(value) for value in values if isinstance(value, dict) and value.get("jsonrpc") == "2.0"])


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
