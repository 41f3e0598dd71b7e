"""Writes every exchange of the inspected conversation to the session, at each step of its life and at once."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from mitmproxy.http import HTTPFlow

from addons.guard import harmless
from addons.scope import Scope, is_authorization_server_metadata, is_event_stream
from addons.tee import Coalesced, Tee
from addons.wire import KEPT_BODY, body_of, content_length, content_of, exchange_of
from inspector.session.model import Body, Exchange, State, Translation
from inspector.session.writer import SessionWriter

KEPT_STREAM = 256 * 1024
"""Bytes kept of a stream of server-sent events, which may never end."""

BUFFERED = 4 * 1024 * 1024
"""A body announced as longer than this many bytes is passed on as it comes instead of being held until its end."""

STREAM_UPDATE_INTERVAL = 0.25
"""Seconds between two writes of a stream that is still running."""


NO_BODY = Body()


@dataclass(slots=True)
class _Flight:
    """A flow that is not over: the row it has in the session (0: none), and its bodies as far as they are known."""

    flow: HTTPFlow
    row: int = 0
    request: Body | Tee = NO_BODY
    response: Body | Tee = NO_BODY
    updates: Coalesced | None = None


class Recorder:
    """Follows each flow from hook to hook and keeps its row in the session up to date."""

    def __init__(self, writer: SessionWriter, scope: Scope, announce: Callable[[int], None]) -> None:
        self._writer = writer
        self._scope = scope
        self._announce = announce
        self._flights: dict[str, _Flight] = {}

    def follows(self, flow: HTTPFlow) -> bool:
        """Whether the flow is being recorded and not over."""
        return flow.id in self._flights and self._flights[flow.id].row > 0

    @harmless
    def requestheaders(self, flow: HTTPFlow) -> None:
        """Pass a large upload, or one of unknown length, on as it comes."""
        flight = self._flights[flow.id] = _Flight(flow)
        length = content_length(flow.request)
        if "transfer-encoding" in flow.request.headers or (length or 0) > BUFFERED:
            flow.request.stream = flight.request = Tee(KEPT_BODY)

    @harmless
    def request(self, flow: HTTPFlow) -> None:
        """Write the request."""
        if flow.id not in self._flights:
            return  # an upload that goes on although the server has answered
        flight = self._flights[flow.id]
        if isinstance(flight.request, Body):
            flight.request = body_of(flow.request.raw_content)
        exchange = _snapshot(flight, State.RESPONDING if flow.response else State.REQUEST)
        self._scope.learn_from_request(exchange)
        if flight.row or self._scope.covers(exchange):
            self._write(flight, exchange)

    @harmless
    def responseheaders(self, flow: HTTPFlow) -> None:
        """Write the response headers, and decide whether the body is held or passed on as it comes."""
        assert flow.response is not None
        # First of all: a stream that is held because something below went wrong would hang the client.
        has_events = is_event_stream(flow.response.headers.get("content-type"))
        flow.response.stream = has_events
        flight = self._flights[flow.id]
        exchange = _snapshot(flight, State.RESPONDING)
        self._scope.learn_from_response(exchange)
        if not flight.row and not self._scope.covers(exchange):
            flow.response.stream = True
            return
        length = content_length(flow.response)
        if has_events:
            flight.updates = Coalesced(partial(self._update, flight), STREAM_UPDATE_INTERVAL)
            flow.response.stream = flight.response = Tee(KEPT_STREAM, flight.updates.poke)
        elif not is_authorization_server_metadata(exchange.url) and (length is None or length > BUFFERED):
            # Metadata is held whole: it may be edited.
            flow.response.stream = flight.response = Tee(KEPT_BODY)
        self._write(flight, exchange)

    @harmless
    def response(self, flow: HTTPFlow, translations: tuple[Translation, ...] = ()) -> None:
        """Write the whole exchange as upstream answered it, with what the client will see otherwise."""
        assert flow.response is not None
        flight = self._flights.pop(flow.id)
        if not flight.row:
            return
        _stop(flight)
        if isinstance(flight.response, Body):
            flight.response = body_of(flow.response.raw_content)
        exchange = _snapshot(flight, State.COMPLETE)
        self._scope.learn_from_response(exchange, lambda: content_of(exchange))
        self._write(flight, replace(exchange, translations=translations))

    @harmless
    def error(self, flow: HTTPFlow) -> None:
        """Write how far the exchange got and what broke it."""
        flight = self._flights.pop(flow.id)
        _stop(flight)
        exchange = _snapshot(flight, State.FAILED)
        if flight.row or self._scope.covers(exchange):
            self._write(flight, replace(exchange, error=flow.error.msg if flow.error else "The connection broke."))

    @harmless
    def add(self, exchange: Exchange) -> None:
        """Write an exchange that is no flow of its own."""
        self._announce(self._writer.record(exchange).changed)

    @harmless
    def incident(self, kind: str, host: str, text: str, at: float) -> None:
        """Write down what stopped traffic before there was an exchange."""
        self._announce(self._writer.incident(kind, host, text, at).changed)

    @harmless
    def close(self) -> None:
        """Mark what is still open as cut off by the end of the proxy."""
        for flight in self._flights.values():
            _stop(flight)
            if flight.row:
                exchange = _snapshot(flight, State.FAILED)
                self._write(flight, replace(exchange, error="The inspector's proxy was stopped while this was open."))
        self._flights.clear()

    @harmless
    def _update(self, flight: _Flight) -> None:
        self._write(flight, _snapshot(flight, State.RESPONDING))

    def _write(self, flight: _Flight, exchange: Exchange) -> None:
        written = self._writer.record(exchange)
        flight.row = written.id
        self._announce(written.changed)


def _snapshot(flight: _Flight, state: State) -> Exchange:
    request_is_whole = flight.flow.request.timestamp_end is not None
    return exchange_of(
        flight.flow,
        flight.request.body(whole=request_is_whole) if isinstance(flight.request, Tee) else flight.request,
        flight.response.body(whole=state is State.COMPLETE) if isinstance(flight.response, Tee) else flight.response,
        state,
        flight.row,
    )


def _stop(flight: _Flight) -> None:
    if flight.updates is not None:
        flight.updates.cancel()
