"""One attempt of one client at one MCP server, read-only, with the parts of the sign-in by name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from inspector.protocol import jwt, urls
from inspector.protocol.documents import Document
from inspector.session.model import Source
from inspector.session.undo import as_client_sent
from inspector.timeline.client import Client, identify
from inspector.timeline.flow import Authorization, TokenExchange, Use, request_key
from inspector.timeline.message import Kind, Message
from inspector.timeline.revision import Revision, infer
from inspector.timeline.steps import Loop, Step, build_steps

_NOT_FOUND = (jwt.Signature.UNKNOWN_KEY, jwt.Signature.INVALID)

type JsonWebKeys = tuple[Mapping[str, object], ...]


@dataclass(frozen=True, slots=True)
class ExpectedResource:
    """The identifier a token for this server must carry, and where that is known from."""

    value: str
    source: str
    assumed: bool


@dataclass(frozen=True)
class Run:
    """What rules, verdict and the screens read. Everything is derived from `messages`, in time order.

    `keys` are the JSON Web Keys captured so far in the session; `pinned_revision` is the user's choice, if any.
    """

    id: int
    messages: tuple[Message, ...]
    server_url: str = ""
    keys: JsonWebKeys = ()
    loops: tuple[Loop, ...] = ()
    pinned_revision: str = ""

    @property
    def source(self) -> Source:
        """Who sent the requests: a client, captured or imported, or the inspector itself as a replay or a probe."""
        return self.messages[0].exchange.source if self.messages else Source.CAPTURE

    @cached_property
    def patches(self) -> tuple[str, ...]:
        """Who changed what the client sent: names of wire patches, and `step` for the user's own edits."""
        changes = (change for message in self.messages for change in message.exchange.translations)
        return tuple(dict.fromkeys(change.by for change in changes if change.by and change.part.startswith("request.")))

    @cached_property
    def client_side(self) -> "Run":
        """The run as its client sent it; itself where nobody changed anything on the way."""
        if not self.patches:
            return self
        messages = tuple(Message(as_client_sent(message.exchange), message.kind) for message in self.messages)
        return replace(self, messages=messages)

    def of(self, *kinds: Kind) -> tuple[Message, ...]:
        """The messages of these kinds."""
        there = [kind for kind in kinds if kind in self._by_kind]
        if len(there) <= 1:
            return self._by_kind[there[0]] if there else ()
        return tuple(message for message in self.messages if message.kind in there)

    @cached_property
    def _by_kind(self) -> dict[Kind, tuple[Message, ...]]:
        found: dict[Kind, list[Message]] = {}
        for message in self.messages:
            found.setdefault(message.kind, []).append(message)
        return {kind: tuple(messages) for kind, messages in found.items()}

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The timeline rows."""
        return build_steps(self.messages, self.token_exchanges, self.loops)

    @cached_property
    def step_by_exchange(self) -> dict[int, int]:
        """The id of the timeline row that shows an exchange, by the exchange's id."""
        return {exchange: step.id for step in reversed(self.steps) for exchange in step.exchanges}

    @cached_property
    def _by_id(self) -> dict[int, Message]:
        return {message.id: message for message in self.messages}

    def message_of_step(self, step: Step) -> Message | None:
        """The message a timeline row is told by: of several probes the one that was answered; None when unseen."""
        found = [self._by_id[number] for number in step.exchanges if number in self._by_id]
        return next((m for m in found if m.status is not None and m.status < 400), found[-1] if found else None)

    def step_of(self, message: Message) -> int | None:
        """The id of the timeline row that shows this message."""
        return self.step_by_exchange.get(message.id)

    @cached_property
    def client(self) -> Client:
        """Who the client says it is."""
        return identify(self.messages)

    @cached_property
    def revision(self) -> Revision:
        """Which revision client and server follow, with the evidence."""
        return infer(self.messages, self.pinned_revision)

    @cached_property
    def without_token(self) -> tuple[Message, ...]:
        """Requests to the MCP endpoint without a token."""
        return tuple(m for m in self.of(Kind.MCP) if m.bearer is None)

    @cached_property
    def landmarks(self) -> tuple[Message, ...]:
        """Everything but the calls to the MCP endpoint that were not challenged: few, however long a run goes on."""
        return tuple(m for m in self.messages if m.kind is not Kind.MCP or m.challenges)

    @cached_property
    def challenged(self) -> tuple[Message, ...]:
        """Requests to the MCP endpoint that were answered with a challenge, readable or not."""
        return tuple(m for m in self.of(Kind.MCP) if m.response_header("www-authenticate") is not None)

    @cached_property
    def from_pages(self) -> tuple[Message, ...]:
        """Requests that a page in a browser sent to another origin: they have an Origin (Fetch standard)."""
        return tuple(m for m in self.messages if m.request_header("origin"))

    @cached_property
    def unauthorized(self) -> tuple[Message, ...]:
        """Requests to the MCP endpoint without a token that were answered 401."""
        return tuple(m for m in self.without_token if m.status == 401)

    @cached_property
    def refusals(self) -> tuple[Message, ...]:
        """Every 401 of the MCP endpoint, with or without a token."""
        return tuple(m for m in self.of(Kind.MCP) if m.status == 401)

    @cached_property
    def resource_metadata(self) -> Message | None:
        """The protected resource metadata the client worked with: the first good document (RFC 9728)."""
        return next((m for m in self.of(Kind.RESOURCE_METADATA) if m.good_document), None)

    @property
    def published_resource(self) -> str | None:
        """`resource` of the protected resource metadata."""
        document = self.resource_metadata.document if self.resource_metadata else None
        return (document.text("resource") or None) if document else None

    @cached_property
    def server_metadata(self) -> Message | None:
        """The authorization server metadata the client worked with (RFC 8414).

        The document whose endpoint was used wins over the first one read.
        """
        good = [m for m in self.of(Kind.SERVER_METADATA) if m.good_document]
        used = {m.url for m in self.of(Kind.AUTHORIZE, Kind.TOKEN)}
        return next((m for m in good if _endpoints(m.document) & used), good[0] if good else None)

    @property
    def issuer(self) -> str | None:
        """The authorization server's issuer identifier, as far as the capture shows it."""
        metadata = self.server_metadata.document if self.server_metadata else None
        if metadata and (issuer := metadata.text("issuer")):
            return issuer
        resource = self.resource_metadata.document if self.resource_metadata else None
        servers = resource.texts("authorization_servers") if resource else None
        if servers:
            return servers[0]
        endpoint = next(iter(self.of(Kind.AUTHORIZE, Kind.TOKEN)), None)
        return urls.origin(endpoint.url) if endpoint else None

    @cached_property
    def registration(self) -> Message | None:
        """The last registration that was answered with a client id (RFC 7591)."""
        done = [m for m in self.of(Kind.REGISTER) if m.document and m.document.text("client_id")]
        return done[-1] if done else None

    @cached_property
    def authorizations(self) -> tuple[Authorization, ...]:
        """Every authorization request; the recorder's copy and the browser's own are one, and so is what was pushed."""
        copies: dict[str, list[Message]] = {}
        pushed: dict[str | None, str] = {}
        for message in self.of(Kind.AUTHORIZE):
            key = pushed.get(message.params.get("request_uri")) or request_key(message)
            copies.setdefault(key, []).append(message)
            if message.pushed_as:
                pushed[message.pushed_as] = key
        requests = [next((m for m in same if m.answered), same[0]) for same in copies.values()]
        begun = [same[0].at for same in copies.values()] + [float("inf")]
        hops = self.of(Kind.INTERACTION, Kind.AUTHORIZE)
        return tuple(
            Authorization(request, tuple(m for m in hops if request.at <= m.at < following))
            for request, following in zip(requests, begun[1:], strict=True)
        )

    @cached_property
    def token_exchanges(self) -> tuple[TokenExchange, ...]:
        """Every token request, linked to the authorization it redeems and with the token's signature checked."""
        return tuple(self._token_exchange(message) for message in self.of(Kind.TOKEN))

    def _token_exchange(self, message: Message) -> TokenExchange:
        draft = TokenExchange(message)
        signature = jwt.verify(draft.access_token, self.keys) if draft.access_token else jwt.Signature.NOT_CHECKED
        return TokenExchange(message, self._authorization_of(draft), signature)

    def _authorization_of(self, exchange: TokenExchange) -> Authorization | None:
        """Link by code, then by proof key, then by being the only candidate; never by time alone."""
        if exchange.grant_type != "authorization_code":
            return None
        earlier = [a for a in reversed(self.authorizations) if a.request.at <= exchange.request.at]
        code = exchange.params.get("code")
        with_code = [a for a in earlier if code is not None and a.code == code]
        proven = [a for a in with_code or earlier if TokenExchange(exchange.request, a).verifier_matches]
        if proven or with_code:
            return (proven or with_code)[0]
        unanswered = [a for a in earlier if a.response is None]
        same_client = [a for a in unanswered if a.params.get("client_id") == exchange.params.get("client_id")]
        return same_client[0] if len(same_client) == 1 else None

    @cached_property
    def code_exchanges(self) -> tuple[TokenExchange, ...]:
        """Token requests that redeem an authorization code."""
        return tuple(t for t in self.token_exchanges if t.grant_type == "authorization_code")

    @cached_property
    def refreshes(self) -> tuple[TokenExchange, ...]:
        """Token requests that refresh."""
        return tuple(t for t in self.token_exchanges if t.refreshes)

    @cached_property
    def uses(self) -> tuple[Use, ...]:
        """Every request to the MCP endpoint that carries a token and was answered."""
        by_token = {t.access_token: t for t in self.token_exchanges if t.access_token}
        # A token that was stored before the recording is decoded and checked once, however often it is used.
        stored: dict[str, tuple[jwt.Jwt | None, jwt.Signature]] = {}
        found = []
        for message in self.of(Kind.MCP):
            if (token := message.bearer) and message.answered:
                if exchange := by_token.get(token):
                    found.append(Use(message, exchange, exchange.token, exchange.signature))
                    continue
                if token not in stored:
                    stored[token] = jwt.decode(token), jwt.verify(token, self.keys)
                found.append(Use(message, None, *stored[token]))
        return tuple(found)

    @cached_property
    def first_uses(self) -> tuple[Use, ...]:
        """The first use of each token, for what is the same at every use."""
        return _first_of_each(self.uses)

    @cached_property
    def first_protected_uses(self) -> tuple[Use, ...]:
        """The first use of each token that did what only an authorized client may."""
        return _first_of_each(use for use in self.uses if use.accepted_protected)

    @cached_property
    def late_uses(self) -> tuple[Use, ...]:
        """Uses of tokens that had expired."""
        ends = {use.request.bearer: use.token.number("exp") for use in self.first_uses if use.token}
        soonest = min((end for end in ends.values() if end is not None), default=None)
        if soonest is None or not self.uses or soonest >= self.uses[-1].request.at:
            return ()
        late = ((use, ends.get(use.request.bearer)) for use in self.uses)
        return tuple(use for use, end in late if end is not None and end < use.request.at)

    def may_be_verified_by(self, keys: JsonWebKeys) -> bool:
        """Whether what is known of a token's signature may be otherwise once these keys are known, too."""
        key_ids = [key.get("kid") for key in keys]
        checked = [(t.token, t.signature) for t in self.token_exchanges] + [(u.token, u.signature) for u in self.uses]
        return any(
            signature is jwt.Signature.NOT_CHECKED
            or (signature in _NOT_FOUND and token.header.get("kid") in (None, *key_ids))
            for token, signature in checked
            if token
        )

    @cached_property
    def expected_resource(self) -> ExpectedResource | None:
        """What a token for this server must name as its audience (MCP 2025-06-18, Token Handling)."""
        if published := self.published_resource:
            return ExpectedResource(published, "protected resource metadata", assumed=False)
        sent = [value for authorization in self.authorizations for value in authorization.resources]
        sent += [value for exchange in self.code_exchanges for value in exchange.resources]
        if sent:
            return ExpectedResource(sent[0], "the resource the client asked for", assumed=True)
        if self.server_url:
            return ExpectedResource(self.server_url, "the MCP endpoint's URL", assumed=True)
        return None

    @cached_property
    def offers_resource_metadata(self) -> bool:
        """Whether the server shows that it is a protected resource of 2025-06-18 or newer."""
        named = any(m.bearer_challenge and m.bearer_challenge.get("resource_metadata") for m in self.refusals)
        return named or self.resource_metadata is not None

    @property
    def complete(self) -> bool:
        """Whether the sign-in came to an end: a token was used and answered, or a party refused for good."""
        last_use = self.uses[-1] if self.uses else None
        refused = any(t.error for t in self.token_exchanges)
        return bool(last_use and (last_use.accepted or last_use.rejected)) or refused

    @property
    def last_at(self) -> float:
        """When the last message began or ended, seconds since the epoch."""
        return max((max(m.exchange.response_end, m.at) for m in self.messages), default=0.0)


def _first_of_each(uses: Iterable[Use]) -> tuple[Use, ...]:
    found: dict[str | None, Use] = {}
    for use in uses:
        found.setdefault(use.request.bearer, use)
    return tuple(found.values())


def keys_in(messages: Iterable[Message]) -> JsonWebKeys:
    """The JSON Web Keys of every captured key set (RFC 7517 section 5)."""
    found: list[Mapping[str, object]] = []
    for message in messages:
        keys = message.good_document.raw.get("keys") if message.good_document else None
        if isinstance(keys, list):
            found.extend(key for key in keys if isinstance(key, dict))
    return tuple(found)


def _endpoints(document: Document | None) -> set[str]:
    if document is None:
        return set()
    values = (document.text(name) for name in ("authorization_endpoint", "token_endpoint"))
    return {urls.without_query(value) for value in values if value}
