"""Sorts exchanges into runs as they arrive: by the values that tie OAuth messages together, never by time alone."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from urllib.parse import parse_qsl

from inspector.protocol import jwt, pkce, urls
from inspector.protocol.documents import Document
from inspector.session.model import Exchange
from inspector.timeline.message import (
    WELL_KNOWN_RESOURCE,
    Kind,
    Message,
    settled,
    understand,
)
from inspector.timeline.run import JsonWebKeys, Run, keys_in
from inspector.timeline.steps import Loop

_ENDPOINT_MEMBERS = (
    "authorization_endpoint",
    "token_endpoint",
    "registration_endpoint",
    "jwks_uri",
    "introspection_endpoint",
    "userinfo_endpoint",
    "revocation_endpoint",
)
_STARTS = ("", "initialize", "server/discover")
_LONGEST_CYCLE = 6
_MOST_UNLINKED = 500


@dataclass
class _Ties:
    """The values by which a later message is known to belong to a run. Secrets only as fingerprints."""

    server_url: str = ""
    origins: set[str] = field(default_factory=set)
    metadata_urls: set[str] = field(default_factory=set)
    client_ids: set[str] = field(default_factory=set)
    states: set[str] = field(default_factory=set)
    code_challenges: set[str] = field(default_factory=set)
    secrets: set[str] = field(default_factory=set)
    user_agents: set[str] = field(default_factory=set)

    def knows(self, secret: str | None) -> bool:
        return secret is not None and jwt.fingerprint(secret) in self.secrets

    def remember(self, *secrets: str | None) -> None:
        self.secrets.update(jwt.fingerprint(secret) for secret in secrets if secret)


@dataclass
class _Draft:
    """A run under construction."""

    id: int
    ties: _Ties = field(default_factory=_Ties)
    messages: dict[int, Message] = field(default_factory=dict)
    loops: list[Loop] = field(default_factory=list)
    reached: int = 0  # the furthest of 3 (authorization asked for) and 4 (token issued)
    refused_since_token: bool = False
    view: Run | None = None

    def in_order(self) -> tuple[Message, ...]:
        return tuple(sorted(self.messages.values(), key=lambda m: (m.at, m.id)))

    @property
    def ended(self) -> bool:
        """Whether the sign-in is through: what begins a sign-in anew is then another attempt, unless it was refused."""
        return self.reached >= 4 and not self.refused_since_token


class Timeline:
    """All runs of a session, kept up to date exchange by exchange.

    Adding an exchange costs the same however long the session is; a run is derived anew only when it is asked for
    after a change.
    """

    def __init__(self, pinned_revision: str = "") -> None:
        """Start empty; `pinned_revision` is the revision of MCP the user wants levels taken from."""
        self._pinned = pinned_revision
        self._drafts: list[_Draft] = []
        self._owner: dict[int, _Draft] = {}
        self._unlinked: dict[int, Message] = {}
        self._key_sets: dict[int, Message] = {}
        self._keys: JsonWebKeys = ()
        self._mcp_urls: set[str] = set()
        self._named_metadata: set[str] = set()

    def add_all(self, exchanges: Iterable[Exchange]) -> None:
        """Add many exchanges in order."""
        for exchange in exchanges:
            self.add(exchange)

    def add(self, exchange: Exchange) -> None:
        """Add an exchange, or take its newer state when it was added before."""
        message = understand(exchange, self._mcp_urls, self._named_metadata)
        if message.kind is Kind.KEYS and message.good_document:
            self._key_sets[message.id] = message
            self._keys = keys_in(self._key_sets.values())
            for draft in self._drafts:
                draft.view = None
        home = self._owner.get(message.id) or self._find(message)
        if home is None:
            self._unlinked[message.id] = message
            if len(self._unlinked) > _MOST_UNLINKED:
                del self._unlinked[next(iter(self._unlinked))]
            return
        self._put(home, message)
        self._adopt(home)

    @property
    def runs(self) -> tuple[Run, ...]:
        """Every run so far, oldest first."""
        return tuple(self._view(draft) for draft in self._drafts)

    @property
    def unlinked(self) -> tuple[Message, ...]:
        """Messages of a sign-in that nothing ties to an MCP server."""
        return tuple(m for m in self._unlinked.values() if m.kind is not Kind.OTHER)

    def _view(self, draft: _Draft) -> Run:
        if draft.view is None:
            draft.view = Run(
                draft.id, draft.in_order(), draft.ties.server_url, self._keys, tuple(draft.loops), self._pinned
            )
        return draft.view

    def _put(self, draft: _Draft, message: Message) -> None:
        if message.kind is Kind.OTHER:
            message = Message(message.exchange, Kind.INTERACTION)
        draft.messages[message.id] = message
        draft.view = None
        self._unlinked.pop(message.id, None)
        self._owner[message.id] = draft
        _learn(draft, message)
        if message.kind is Kind.MCP:
            self._mcp_urls.add(message.url)
            named = (challenge.get("resource_metadata") for challenge in message.challenges)
            self._named_metadata.update(urls.without_query(url) for url in named if url)
        if settled(message.exchange):
            for folded in _fold(draft):
                del self._owner[folded]

    def _adopt(self, draft: _Draft) -> None:
        """Take in what arrived before anything tied it to this run, such as discovery ahead of the first request."""
        for message in list(self._unlinked.values()):
            if message.kind is not Kind.OTHER and _belongs(draft, message):
                self._put(draft, message)

    def _find(self, message: Message) -> _Draft | None:
        if message.kind is Kind.MCP:
            return self._find_for_mcp(message)
        draft = self._latest(lambda d: _tied(d, message))
        if draft is None:
            draft = self._latest(lambda d: _belongs(d, message))
            begins = message.kind in (Kind.RESOURCE_METADATA, Kind.REGISTER, Kind.AUTHORIZE)
            if begins and ((draft and draft.ended) or (draft is None and message.kind is Kind.RESOURCE_METADATA)):
                return self._open(draft.ties.server_url if draft else _server_of(message))
        if draft is None and message.kind is Kind.AUTHORIZE and (resource := message.query.get("resource")):
            return self._open(resource)
        return draft

    def _find_for_mcp(self, message: Message) -> _Draft:
        if token := message.bearer:
            draft = self._latest(lambda d: d.ties.knows(token)) or self._latest(lambda d: _at(d, message))
        else:
            agent = message.exchange.request_header("user-agent") or ""
            draft = self._latest(lambda d: _at(d, message) and agent in (d.ties.user_agents or {agent}))
            session = message.exchange.request_header("mcp-session-id")
            if draft and draft.reached >= 3 and not session and message.rpc_method in _STARTS:
                draft = None
        return draft or self._open(message.url)

    def _latest(self, fits: Callable[[_Draft], bool]) -> _Draft | None:
        return next((draft for draft in reversed(self._drafts) if fits(draft)), None)

    def _open(self, server_url: str) -> _Draft:
        draft = _Draft(len(self._drafts) + 1, _Ties(server_url))
        self._drafts.append(draft)
        return draft


def _at(draft: _Draft, message: Message) -> bool:
    return draft.ties.server_url == message.url or (
        not draft.ties.server_url and urls.origin(message.url) in draft.ties.origins
    )


def _tied(draft: _Draft, message: Message) -> bool:
    """Whether a value that only this run's parties know ties the message to it."""
    ties, params = draft.ties, message.form or message.query
    verifier = message.form.get("code_verifier")
    by_secret = any(ties.knows(params.get(name)) for name in ("code", "refresh_token", "token"))
    by_proof = verifier is not None and (
        pkce.s256(verifier) in ties.code_challenges or verifier in ties.code_challenges
    )
    by_state = params.get("state") in ties.states
    return by_secret or by_proof or by_state or ties.knows(message.bearer)


def _belongs(draft: _Draft, message: Message) -> bool:
    """Whether the message goes to a party of this run, for a client of this run where it names one."""
    ties = draft.ties
    client_id = (message.form or message.query).get("client_id")
    if client_id is not None and ties.client_ids:
        return client_id in ties.client_ids
    if message.url in ties.metadata_urls:
        return True
    if message.kind is Kind.OTHER:
        away = urls.origin(message.url) in ties.origins - {urls.origin(ties.server_url)}
        return away and draft.reached == 3
    return urls.origin(message.url) in ties.origins


def _server_of(message: Message) -> str:
    document = message.good_document
    named = document.text("resource") if document else None
    guessed = urls.well_known_target(message.url, WELL_KNOWN_RESOURCE) or ""
    return guessed if urls.path_of(guessed).strip("/") else named or guessed


def _learn(draft: _Draft, message: Message) -> None:
    ties = draft.ties
    ties.origins.add(urls.origin(message.url) if message.kind is not Kind.CALLBACK else "")
    ties.origins.discard("")
    match message.kind:
        case Kind.MCP:
            _learn_mcp(draft, message)
        case Kind.RESOURCE_METADATA if message.good_document:
            ties.server_url = ties.server_url or _server_of(message)
            ties.origins.update(
                filter(None, map(urls.origin, message.good_document.texts("authorization_servers") or ()))
            )
        case Kind.SERVER_METADATA if message.good_document:
            _learn_endpoints(ties, message.good_document)
        case Kind.REGISTER if message.document and (client_id := message.document.text("client_id")):
            ties.client_ids.add(client_id)
        case Kind.AUTHORIZE | Kind.INTERACTION:
            _learn_authorization(draft, message)
        case Kind.TOKEN:
            _learn_token(draft, message)
        case _:
            pass


def _learn_mcp(draft: _Draft, message: Message) -> None:
    ties = draft.ties
    if not ties.server_url or not urls.path_of(ties.server_url).strip("/"):
        ties.server_url = message.url
    ties.user_agents.add(message.exchange.request_header("user-agent") or "")
    ties.remember(message.bearer)
    if message.bearer:
        draft.reached = 4
        if message.answered:
            draft.refused_since_token = message.status in (401, 403)
    for challenge in message.challenges:
        if named := challenge.get("resource_metadata"):
            ties.metadata_urls.add(urls.without_query(named))


def _learn_endpoints(ties: _Ties, document: Document) -> None:
    for name in _ENDPOINT_MEMBERS:
        if endpoint := document.text(name):
            ties.metadata_urls.add(urls.without_query(endpoint))
            ties.origins.add(urls.origin(endpoint))
    ties.origins.discard("")


def _learn_authorization(draft: _Draft, message: Message) -> None:
    ties = draft.ties
    if message.kind is Kind.AUTHORIZE:
        draft.reached = max(draft.reached, 3)
        for name, known in (
            ("client_id", ties.client_ids),
            ("state", ties.states),
            ("code_challenge", ties.code_challenges),
        ):
            if value := message.query.get(name):
                known.add(value)
    if target := message.location:
        ties.remember(dict(parse_qsl(urls.query_of(target))).get("code"))


def _learn_token(draft: _Draft, message: Message) -> None:
    draft.reached = max(draft.reached, 3)
    draft.ties.remember(message.form.get("code"), message.form.get("refresh_token"))
    if client_id := message.form.get("client_id"):
        draft.ties.client_ids.add(client_id)
    if answer := message.good_document:
        draft.reached = 4
        draft.refused_since_token = False
        draft.ties.remember(*(answer.text(name) for name in ("access_token", "refresh_token", "id_token")))


def _fold(draft: _Draft) -> list[int]:
    """Drop the middle turn of a cycle that was gone through three times in a row and ends in refusals.

    A client that never gives up makes a hundred requests a second: the first turn, the last and the count tell all.
    """
    recent = list(islice(reversed(draft.messages.values()), 3 * _LONGEST_CYCLE))
    done = [m for m in reversed(recent) if settled(m.exchange)]
    for length in range(1, _LONGEST_CYCLE + 1):
        turns = [done[-length * (n + 1) : len(done) - length * n] for n in range(3)]
        if len(done) < 3 * length or not any(m.status == 401 for m in turns[0]):
            continue
        if _shape(turns[0]) == _shape(turns[1]) == _shape(turns[2]):
            folded = [m.id for m in turns[1]]
            for exchange_id in folded:
                del draft.messages[exchange_id]
            last = tuple(m.id for m in turns[0])
            before = next((loop for loop in draft.loops if set(loop.last) & {m.id for m in turns[1]}), None)
            if before:
                draft.loops.remove(before)
            draft.loops.append(Loop(last, (before.turns if before else 2) + 1))
            return folded
    return []


def _shape(turn: list[Message]) -> list[tuple[object, ...]]:
    return [(m.kind, m.exchange.method, m.url, m.status, m.rpc_method, m.bearer is None) for m in turn]
