"""Writes every exchange of the inspected conversation to the session, before the client gets to know its end."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from mitmproxy.http import HTTPFlow, Message

from addons.guard import harmless
from addons.incidents import broken_sentence
from addons.journal import Journal
from addons.scope import Scope, is_event_stream
from addons.tee import Coalesced, Tee
from addons.wire import KEPT_BODY, NO_BODY, body_of, content_length, content_of, exchange_of, headers_of
from inspector.session.model import Body, Exchange, Headers, State, Translation

KEPT_STREAM = 256 * 1024
"""Bytes kept of a stream of server-sent events, which may never end."""

BUFFERED = 4 * 1024 * 1024
"""A body announced as longer than this many bytes is passed on as it comes instead of being held until its end."""

UNFINISHED_AFTER = 0.02
"""Seconds until an exchange is written although it is not over; most are by then, and so are written once."""

UPDATE_INTERVAL = 0.25
"""Seconds between two writes of an exchange that is not over."""

_STOPPED = "The inspector's proxy was stopped while this was open."


@dataclass(slots=True)
class _Flight:
    """A flow that is not over, its bodies as far as they are known, and its row in the session (0: none yet).

    `response_headers` are those of upstream, whatever the client is given later.
    """

    flow: HTTPFlow
    recorded: bool = False
    row: int = 0
    request: Body | Tee = NO_BODY
    response: Body | Tee = NO_BODY
    response_headers: Headers = ()
    translations: list[Translation] = field(default_factory=list)
    updates: Coalesced | None = None
    is_timed: bool = True


class Recorder:
    """Follows each flow from hook to hook and keeps its row in the session up to date."""

    def __init__(self, journal: Journal, scope: Scope) -> None:
        self._journal = journal
        self._scope = scope
        self._flights: dict[str, _Flight] = {}

    def follows(self, flow: HTTPFlow) -> bool:
        """Whether the flow is being recorded and not over."""
        return flow.id in self._flights and self._flights[flow.id].recorded

    @harmless
    def requestheaders(self, flow: HTTPFlow, *, hold: bool = False) -> None:
        """Pass a large upload, or one of unknown length, on as it comes, unless it is to be held for an edit."""
        flight = self._flights[flow.id] = _Flight(flow)
        length = content_length(flow.request)
        if not hold and ("transfer-encoding" in flow.request.headers or (length or 0) > BUFFERED):
            flow.request.stream = flight.request = Tee(KEPT_BODY)

    @harmless
    def request(self, flow: HTTPFlow) -> None:
        """Take notice of the request; it is written at once only if it ends here."""
        if flow.id not in self._flights:
            return  # an upload that goes on although the server has answered
        flight = self._flights[flow.id]
        if isinstance(flight.request, Body):
            flight.request = body_of(flow.request.raw_content)
        exchange = _snapshot(flight, State.REQUEST)
        self._scope.learn_from_request(exchange)
        if flight.recorded or self._scope.covers(exchange):
            self._expect_more(flight)

    @harmless
    def responseheaders(self, flow: HTTPFlow, *, hold: bool = False) -> None:
        """Decide whether the body is held or passed on as it comes; `hold` it for an edit."""
        assert flow.response is not None
        # First of all: a stream that is held because something below went wrong would hang the client.
        has_events = is_event_stream(flow.response.headers.get("content-type"))
        flow.response.stream = has_events
        flight = self._flights[flow.id]
        flight.response_headers = headers_of(flow.response.headers)
        if not flight.recorded:
            exchange = _snapshot(flight, State.RESPONDING)
            self._scope.learn_from_response(exchange)
            if not self._scope.covers(exchange):
                flow.response.stream = not hold
                return
        self._expect_more(flight)
        length = content_length(flow.response)
        if has_events and flight.updates is not None:
            flow.response.stream = flight.response = Tee(KEPT_STREAM, flight.updates.poke)
        elif not hold and (length is None or length > BUFFERED):
            flow.response.stream = flight.response = Tee(KEPT_BODY)
        if flow.response.stream:
            # What a response names is known before the client can act on it.
            self._scope.learn_from_response(_snapshot(flight, State.RESPONDING))

    def write_now(self, flow: HTTPFlow) -> int:
        """Write a recorded exchange that is to be held, and give its id in the session; 0 when it has none."""
        flight = self._flights.get(flow.id)
        if flight is None or not flight.recorded:
            return 0
        if flow.response is not None and isinstance(flight.response, Body):
            flight.response = body_of(flow.response.raw_content)
        flight.is_timed = False
        self._update(flight)
        return flight.row

    def translated(self, flow: HTTPFlow, translations: Iterable[Translation]) -> None:
        """Note values that client and server see differently."""
        if flow.id in self._flights:
            self._flights[flow.id].translations.extend(translations)

    @harmless
    def response(self, flow: HTTPFlow, error: str = "") -> None:
        """Write the whole exchange as upstream answered it; `error` says why the client does not get the answer."""
        assert flow.response is not None
        flight = self._flights.pop(flow.id)
        if not flight.recorded:
            return
        _stop(flight)
        if isinstance(flight.response, Body):
            flight.response = body_of(flow.response.raw_content)
        exchange = _snapshot(flight, State.COMPLETE, error)
        self._scope.learn_from_response(exchange, lambda: content_of(exchange))
        self._journal.record(exchange)

    @harmless
    def end(self, flow: HTTPFlow, error: str) -> None:
        """Write an exchange that goes no further than here, and why."""
        flight = self._flights.pop(flow.id, None)
        if flight is not None:
            _stop(flight)
            if flight.recorded:
                self._journal.record(_snapshot(flight, State.FAILED, error))

    @harmless
    def error(self, flow: HTTPFlow) -> None:
        """Write how far the exchange got and what broke it."""
        flight = self._flights.pop(flow.id)
        _stop(flight)
        message, client_left = flow.error.msg if flow.error else "", not flow.client_conn.connected
        error = broken_sentence(message, asked=_has_ended(flow.request), client_left=client_left)
        exchange = _snapshot(flight, State.FAILED, error or "The connection broke.")
        if flight.recorded or self._scope.covers(exchange):
            self._journal.record(exchange)

    def late(self, since: float) -> list[HTTPFlow]:
        """Recorded requests older than `since` without an answer, each told once; none that waited in step mode."""
        late = [
            flight
            for flight in self._flights.values()
            if flight.recorded and flight.is_timed and not flight.flow.response
            if (flight.flow.request.timestamp_end or since) < since and not _waits_for_events(flight.flow)
        ]
        for flight in late:
            flight.is_timed = False
        return [flight.flow for flight in late]

    def add(self, exchange: Exchange) -> int:
        """Write an exchange that is no flow of its own, and give its id in the session."""
        return self._journal.record(exchange)

    @harmless
    def close(self) -> None:
        """Mark what is still open as cut off by the end of the proxy."""
        for flight in self._flights.values():
            _stop(flight)
            if flight.recorded:
                self._journal.record(_snapshot(flight, State.FAILED, _STOPPED))
        self._flights.clear()

    def _expect_more(self, flight: _Flight) -> None:
        flight.recorded = True
        if flight.updates is None:
            flight.updates = Coalesced(partial(self._update, flight), UPDATE_INTERVAL, delay=UNFINISHED_AFTER)
        flight.updates.poke()

    @harmless
    def _update(self, flight: _Flight) -> None:
        state = State.RESPONDING if flight.flow.response else State.REQUEST
        flight.row = self._journal.record(_snapshot(flight, state))


def _snapshot(flight: _Flight, state: State, error: str = "") -> Exchange:
    request, response = flight.request, flight.response
    return exchange_of(
        flight.flow,
        state,
        row=flight.row,
        request_body=request if isinstance(request, Body) else request.body(whole=_has_ended(flight.flow.request)),
        response_headers=flight.response_headers,
        response_body=response if isinstance(response, Body) else response.body(whole=state is State.COMPLETE),
        translations=tuple(flight.translations),
        error=error,
    )


def _waits_for_events(flow: HTTPFlow) -> bool:
    """Whether a server may rightly be silent until it has something to tell."""
    return flow.request.method == "GET" and "text/event-stream" in flow.request.headers.get("accept", "")


def _has_ended(message: Message) -> bool:
    return message.timestamp_end is not None


def _stop(flight: _Flight) -> None:
    if flight.updates is not None:
        flight.updates.cancel()
