"""Sorts exchanges into runs as they arrive: by the values that tie OAuth messages together, never by time alone."""

from collections.abc import Callable, Iterable
from itertools import islice, takewhile

from inspector.protocol import urls
from inspector.session.model import Exchange
from inspector.timeline.draft import Draft, closest, registered, server_of
from inspector.timeline.folding import fold
from inspector.timeline.message import Kind, Message, settled, understand
from inspector.timeline.ties import Tie, asks, holds, leads_to, names, shown, taught

_MOST_RECENT = 50
_MOST_TIES = 20_000
_MOST_UNLINKED = 500
_MOST_URLS = 1000
_PRELUDE = (Kind.MCP, Kind.RESOURCE_METADATA, Kind.SERVER_METADATA, Kind.REGISTER, Kind.KEYS, Kind.PREFLIGHT)


class Linker:
    """Sorts exchanges that may be for each other into drafts of runs.

    Adding an exchange costs the same however many there are. A run is recognised by what only its parties know; by
    their addresses only while it is among the latest.
    """

    def __init__(self, open_draft: Callable[[str], Draft], changed: Callable[[Draft], None], *, replays: bool) -> None:
        """`open_draft` begins a run at a server, `changed` is told of every run that changes.

        `replays` says that the exchanges are not a client's own but recorded ones that were sent once more.
        """
        self._open_draft = open_draft
        self._has_changed = changed
        self._replays = replays
        self._drafts: list[Draft] = []
        self._owner: dict[int, Draft] = {}
        self._ties: dict[Tie, Draft] = {}
        self._unlinked: dict[int, Message] = {}
        self._unclaimed: dict[Tie, int] = {}
        self._widened: list[Draft] = []
        self._mcp_urls: set[str] = set()
        self._metadata_urls: set[str] = set()

    def add(self, exchange: Exchange) -> Message:
        """Add an exchange, or take its newer state when it was added before. Gives back what it is."""
        message = understand(exchange, self._mcp_urls, self._metadata_urls)
        before = self._owner.get(message.id)
        home = self._home(message, before)
        if before and home is not before:
            self._take_out(before, message.id)
        if home:
            if self._unclaimed and message.kind is Kind.MCP:
                self._claim(home, message)
            if message.kind is Kind.TOKEN:
                self._bring_authorization(home, message)
            self._put(home, message)
            while self._widened:
                self._reconsider(self._widened.pop())
        else:
            self._unlinked[message.id] = message
            drop_oldest(self._unlinked, _MOST_UNLINKED)
            if message.kind is Kind.TOKEN:
                self._unclaimed.update(dict.fromkeys(taught(message), message.id))
                drop_oldest(self._unclaimed, _MOST_UNLINKED)
        return message

    def _claim(self, draft: Draft, use: Message) -> None:
        """Take in the token request that got this token: its issuer was unknown while discovery was cached."""
        for tie in shown(use):
            got = self._unlinked.get(self._unclaimed.pop(tie, 0))
            if got:
                self._put(draft, got)

    def _bring_authorization(self, draft: Draft, token_request: Message) -> None:
        """Take in the authorization that gave the code, where the proof of it is another attempt's of this client."""
        code = token_request.params.get("code")
        other = self._ties.get(holds(code)) if code else None
        if code is None or other is None or other is draft or other.reached == 4:
            return
        for request in [m for m in other.messages.values() if m.kind is Kind.AUTHORIZE and code in (m.location or "")]:
            self._move(request, other, draft)

    @property
    def unlinked(self) -> tuple[Message, ...]:
        """Messages of a sign-in that nothing ties to an MCP server."""
        return tuple(m for m in self._unlinked.values() if m.kind is not Kind.OTHER)

    # Where a message belongs.

    def _home(self, message: Message, before: Draft | None) -> Draft | None:
        """The run of a message: the tied one, the one it was put into when less was known, or the one that fits."""
        if tied := self._tied(message):
            return self._of_server(tied, message) if message.kind is Kind.MCP else tied
        if before and before.messages[message.id].kind is self._as_seen(before, message).kind:
            return before
        return self._find_server(message) if message.kind is Kind.MCP else self._find_parties(message)

    def _tied(self, message: Message) -> Draft | None:
        for tie in shown(message):
            if tied := self._ties.get(tie):
                return tied
        return None

    def _find_server(self, message: Message) -> Draft:
        fitting = (d for d in self._recent() if d.serves(message) and d.used_by(message))
        latest = next(fitting, None)
        if latest is None or (self._replays and message.bearer and latest.reached == 4):
            # A token that no replay was issued was not got in the sign-in that was performed last.
            return self._open(message.url)
        return self._begin_again(latest) if latest.superseded_by(message) else latest

    def _of_server(self, draft: Draft, message: Message) -> Draft:
        """The run of a token's use. Where a token is used first is the server it was fetched for.

        Until then nothing tells apart two servers behind one authorization server when the client names no resource.
        """
        if draft.used or draft.serves(message):
            return draft
        waiting = next((d for d in self._recent() if d.serves(message) and d.reached < 3), None)
        if waiting is None:
            return draft
        for given in draft.give_up_sign_in():
            self._move(given, draft, waiting)
        return waiting

    def _find_parties(self, message: Message) -> Draft | None:
        if fitting := closest(self._recent(), message):
            is_copy = message.kind is Kind.AUTHORIZE and asks(message) in self._ties
            over = fitting.superseded_by(message) or self._is_anybodys(message, fitting)
            return self._begin_again(fitting) if over and not is_copy else fitting
        if message.kind is Kind.RESOURCE_METADATA:
            return self._open(server_of(message))
        if message.kind is Kind.AUTHORIZE and (resource := message.params.get("resource")):
            return self._open(resource)
        return None

    def _is_anybodys(self, message: Message, fitting: Draft) -> bool:
        """Whether an authorization request may as well be another client's: then it is a run of its own."""
        if message.kind is not Kind.AUTHORIZE:
            return False
        return any(draft.may_be_meant_instead_of(fitting, message) for draft in self._recent() if draft is not fitting)

    def _recent(self) -> Iterable[Draft]:
        return islice(reversed(self._drafts), _MOST_RECENT)

    def _open(self, server_url: str) -> Draft:
        draft = self._open_draft(server_url)
        self._drafts.append(draft)
        self._has_changed(draft)
        return draft

    def _begin_again(self, draft: Draft) -> Draft:
        """Open a run for a new attempt, and hand over the discovery that was made for it."""
        again = self._open(draft.server_url)
        again.follow(draft)
        latest = islice(reversed(draft.messages.values()), _MOST_RECENT)
        prelude = list(takewhile(lambda m: m.kind in _PRELUDE and not m.bearer, latest))
        for earlier in reversed(prelude):
            self._move(earlier, draft, again)
        return again

    # What follows from a message that has found its run.

    def _put(self, draft: Draft, message: Message) -> None:
        message = self._as_seen(draft, message)
        known = draft.breadth + len(self._mcp_urls) + len(self._metadata_urls)
        if message.kind is Kind.AUTHORIZE:
            self._recall(draft, message.params.get("client_id") or "")
        draft.messages[message.id] = message
        draft.learn(message)
        self._owner[message.id] = draft
        self._unlinked.pop(message.id, None)
        self._has_changed(draft)
        for tie in taught(message):
            self._ties[tie] = draft
        drop_oldest(self._ties, _MOST_TIES)
        self._learn_urls(message)
        if settled(message.exchange):
            for folded in fold(draft.messages, draft.loops):
                self._owner.pop(folded, None)
        if draft.breadth + len(self._mcp_urls) + len(self._metadata_urls) > known:
            self._widened.append(draft)

    def _recall(self, draft: Draft, client_id: str) -> None:
        """Add what the client asks with: its registration, wherever that was put, and what it knows from before."""
        registrar = self._ties.get(names(client_id), draft)
        if registrar is not draft and client_id not in registrar.asking_clients:
            registrar.client_ids.discard(client_id)
            for message in [m for m in registrar.messages.values() if registered(m) == client_id]:
                self._move(message, registrar, draft)
        for message in draft.remembered(client_id):
            draft.messages[message.id] = message
            draft.learn(message)

    def _move(self, message: Message, origin: Draft, target: Draft) -> None:
        self._take_out(origin, message.id)
        self._put(target, message)

    def _as_seen(self, draft: Draft, message: Message) -> Message:
        """The message with the kind that it has in this run, where that depends on the rest of the run."""
        if draft.describes_client(message):
            return message.of_kind(Kind.CLIENT_METADATA)
        is_hop = message.kind is Kind.OTHER
        if message.kind is Kind.CALLBACK and draft.redirect_uris:
            # Authorization servers have callbacks of their own, for the identity providers behind them.
            is_hop = message.url not in draft.redirect_uris
        if message.kind is Kind.AUTHORIZE:
            is_hop = asks(message) not in self._ties and leads_to(message.exchange.url) in self._ties
        return message.of_kind(Kind.INTERACTION) if is_hop else message

    def _learn_urls(self, message: Message) -> None:
        """Remember addresses whose use can be told from nothing else."""
        if message.kind is Kind.MCP:
            self._mcp_urls.add(message.url)
            for challenge in message.challenges:
                self._learn_metadata_url(challenge.get("resource_metadata"))
        elif message.kind is Kind.RESOURCE_METADATA and message.location:
            self._learn_metadata_url(urls.resolve(message.url, message.location))

    def _learn_metadata_url(self, url: str | None) -> None:
        if url and len(self._metadata_urls) < _MOST_URLS:
            self._metadata_urls.add(urls.without_query(url))

    def _reconsider(self, draft: Draft) -> None:
        """Take in what arrived before it could be told what it is, or that it is for this run's parties."""
        for aside in list(self._unlinked.values()):
            known = aside.url in self._mcp_urls or aside.url in self._metadata_urls or draft.describes_client(aside)
            if aside.kind is Kind.OTHER and not known:
                continue
            message = understand(aside.exchange, self._mcp_urls, self._metadata_urls)
            home = draft if draft.belongs(message) else None
            if message.kind is Kind.MCP:
                home = self._home(message, None)
            if home:
                self._put(home, message)

    def _take_out(self, draft: Draft, exchange_id: int) -> None:
        del draft.messages[exchange_id]
        self._owner.pop(exchange_id, None)
        self._has_changed(draft)


def drop_oldest[Key, Value](values: dict[Key, Value], most: int) -> None:
    """Forget what was put in first until no more than `most` are left."""
    while len(values) > most:
        del values[next(iter(values))]
