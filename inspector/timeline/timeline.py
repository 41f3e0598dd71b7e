"""All runs of a session, kept up to date exchange by exchange."""

from collections.abc import Iterable
from itertools import chain

from inspector.session.model import Exchange, Source
from inspector.timeline.draft import Draft
from inspector.timeline.linking import Linker, drop_oldest
from inspector.timeline.message import Kind, Message
from inspector.timeline.run import JsonWebKeys, Run, keys_in

_MOST_KEY_SETS = 50

type Circle = tuple[Source, str]
"""What may be linked with each other: all that clients did, or one replay or probe by its label."""

_CLIENTS: Circle = (Source.CAPTURE, "")


class Timeline:
    """Links exchanges, and derives a run anew only when it is asked for after a change.

    What the inspector itself sent is never linked with what a client sent, whatever client id or token it shows.
    """

    def __init__(self, pinned_revision: str = "") -> None:
        """Start empty; `pinned_revision` is the revision of MCP the user wants levels taken from."""
        self._pinned = pinned_revision
        self._linkers: dict[Circle, Linker] = {}
        self._drafts: list[Draft] = []
        self._circles: list[Circle] = []
        self._views: dict[int, Run] = {}
        self._changed: set[int] = set()
        self._keys: dict[Circle, dict[str, JsonWebKeys]] = {}

    def add_all(self, exchanges: Iterable[Exchange]) -> None:
        """Add many exchanges in order."""
        for exchange in exchanges:
            self.add(exchange)

    def add(self, exchange: Exchange) -> None:
        """Add an exchange, or take its newer state when it was added before."""
        circle = _circle(exchange)
        message = (self._linkers.get(circle) or self._new_linker(circle)).add(exchange)
        if message.kind is Kind.KEYS:
            self._collect_keys(circle, message)

    @property
    def runs(self) -> tuple[Run, ...]:
        """Every run so far, oldest first."""
        return tuple(self._view(draft) for draft in self._drafts)

    def take_changed(self) -> tuple[Run, ...]:
        """The runs that are new or changed since this was last called, oldest first: few, however many there are."""
        changed = tuple(self._view(self._drafts[number - 1]) for number in sorted(self._changed))
        self._changed.clear()
        return changed

    @property
    def unlinked(self) -> tuple[Message, ...]:
        """Messages of a sign-in that nothing ties to an MCP server."""
        return tuple(chain.from_iterable(linker.unlinked for linker in self._linkers.values()))

    def _new_linker(self, circle: Circle) -> Linker:
        def open_draft(server_url: str) -> Draft:
            draft = Draft(len(self._drafts) + 1, server_url)
            self._drafts.append(draft)
            self._circles.append(circle)
            return draft

        self._linkers[circle] = Linker(open_draft, self._has_changed, replays=circle != _CLIENTS)
        return self._linkers[circle]

    def _view(self, draft: Draft) -> Run:
        if draft.id not in self._views:
            in_order = tuple(sorted(draft.messages.values(), key=lambda m: (m.at, m.id)))
            keys = self._known_keys(self._circles[draft.id - 1])
            self._views[draft.id] = Run(draft.id, in_order, draft.server_url, keys, tuple(draft.loops), self._pinned)
        return self._views[draft.id]

    def _known_keys(self, circle: Circle) -> JsonWebKeys:
        """The keys of the clients' authorization servers, and for a replay those of the servers it went to."""
        circles = (circle,) if circle == _CLIENTS else (circle, _CLIENTS)
        return tuple(chain.from_iterable(keys for each in circles for keys in self._keys.get(each, {}).values()))

    def _collect_keys(self, circle: Circle, message: Message) -> None:
        """Remember a key set that is new, and have the runs judged again whose tokens it may verify."""
        # What is fetched on the user's order in order to verify a client's token is for the client's run.
        circle = circle if circle[0] is Source.REPLAY else _CLIENTS
        known = self._keys.setdefault(circle, {})
        document = message.exchange.response_body.sha256
        if not message.good_document or document in known:
            return
        known[document] = keys_in((message,))
        drop_oldest(known, _MOST_KEY_SETS)
        for draft, own in zip(self._drafts, self._circles, strict=True):
            view = self._views.get(draft.id)
            if view and circle in (own, _CLIENTS) and view.may_be_verified_by(known[document]):
                self._has_changed(draft)

    def _has_changed(self, draft: Draft) -> None:
        self._views.pop(draft.id, None)
        self._changed.add(draft.id)


def _circle(exchange: Exchange) -> Circle:
    sent_by_us = exchange.source in (Source.REPLAY, Source.PROBE)
    return (exchange.source, exchange.listener) if sent_by_us else _CLIENTS
