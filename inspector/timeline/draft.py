"""A run under construction: who its parties are, and whether a message is for them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from inspector.protocol import urls
from inspector.protocol.documents import Document
from inspector.timeline.message import WELL_KNOWN_RESOURCE, Kind, Message
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
_MOST_NAMES = 500  # of a kind: a server may make up new ones without end
_MOST_RESOURCES = 10
_STRANGE, _UNDECIDED, _KNOWN = range(3)
_STARTS = ("", "initialize", "server/discover")
_FROM_CLIENT = (Kind.MCP, Kind.RESOURCE_METADATA, Kind.SERVER_METADATA, Kind.REGISTER, Kind.TOKEN)
_SIGN_IN = (Kind.CLIENT_METADATA, Kind.AUTHORIZE, Kind.INTERACTION, Kind.CALLBACK, Kind.TOKEN)
_METADATA = (Kind.RESOURCE_METADATA, Kind.SERVER_METADATA)


type Closeness = tuple[bool, bool, int, bool, bool, bool, bool, bool]


@dataclass
class Draft:
    """One attempt of one client at one MCP server, as far as it has been seen."""

    id: int
    server_url: str
    messages: dict[int, Message] = field(default_factory=dict)
    loops: list[Loop] = field(default_factory=list)
    origins: set[str] = field(default_factory=set)
    endpoints: set[str] = field(default_factory=set)
    named_urls: set[str] = field(default_factory=set)
    resources: set[str] = field(default_factory=set)
    client_ids: set[str] = field(default_factory=set)
    earlier_clients: set[str] = field(default_factory=set)
    asking_clients: set[str] = field(default_factory=set)
    redirect_uris: set[str] = field(default_factory=set)
    agents: set[str] = field(default_factory=set)
    server_agents: set[str] = field(default_factory=set)
    reached: int = 0  # the furthest of 3 (authorization asked for) and 4 (token issued)
    reached_at: float = 0.0
    refused_since_token: bool = False
    asked_since_refusal: bool = False
    used: bool = False
    earlier: "Draft | None" = None  # the attempt before, by the same client

    def __post_init__(self) -> None:
        """Know the server's origin from the beginning."""
        self._add_origin(self.server_url)

    @property
    def breadth(self) -> int:
        """How much is known of the parties; it grows when messages seen before may turn out to be for them."""
        return len(self.origins) + len(self.named_urls) + len(self.client_ids)

    def serves(self, message: Message) -> bool:
        """Whether a request goes to the run's MCP endpoint; until that was met, to any on the origin that is known."""
        if message.url == self.server_url or message.url in self.endpoints:
            return True
        if message.origin not in self.origins:
            return False
        guessed = not self.server_agents and not urls.path_of(self.server_url).strip("/")
        return guessed or urls.compare(self.server_url, message.url).same_identifier

    def used_by(self, message: Message) -> bool:
        """Whether the client that sends this has been seen at the MCP endpoint, or nobody has."""
        return not self.server_agents or message.program in self.server_agents

    def belongs(self, message: Message) -> bool:
        """Whether the message goes to a party of this run, for a client of this run where it names one."""
        return self.closeness(message) is not None

    def closeness(self, message: Message) -> Closeness | None:
        """How well a message fits, for a choice between runs; None when it does not belong to this run.

        What tells most comes first. A client id tells less than a resource, as one client may have the same at every
        server.
        """
        client, is_named = self._client_rank(message), self._is_named(message)
        addressed = message.url in self.named_urls or self.describes_client(message)
        if client == _STRANGE and not is_named:
            return None
        if not (client == _KNOWN or is_named or addressed or self._reaches(message)):
            return None
        if message.kind is Kind.RESOURCE_METADATA and not addressed:
            target = urls.well_known_target(message.url, WELL_KNOWN_RESOURCE) or ""
            addressed = urls.compare(self.server_url, target).same_identifier
        # Many clients name themselves at the MCP server only: no name is no resemblance.
        known_agent = _names_program(message) and message.program in self.agents
        # Of attempts that are alike, one that still has to ask is the one that asks.
        goes_on = not self.superseded_by(message)
        has_to = message.kind is not Kind.AUTHORIZE or not self.asked_since_refusal
        own = message.client_id in self.client_ids
        return client != _STRANGE, is_named, client, addressed, known_agent, goes_on, has_to, own

    def describes_client(self, message: Message) -> bool:
        """Whether this fetches the document that a client id of this run is the URL of (MCP 2025-11-25)."""
        fetched = message.kind in (Kind.OTHER, Kind.CLIENT_METADATA) and message.exchange.method == "GET"
        return fetched and message.exchange.url in self.client_ids

    def _reaches(self, message: Message) -> bool:
        """Whether the message goes to the origin of a party."""
        if message.origin not in self.origins:
            return False
        return message.kind is not Kind.OTHER or (self.reached == 3 and message.origin != urls.origin(self.server_url))

    def superseded_by(self, message: Message) -> bool:
        """Whether the message begins another attempt: it asks for what this run has already got, and comes later."""
        if self.reached < 3 or message.at < self.reached_at:
            return False
        match message.kind:
            case Kind.MCP:
                session = message.request_header("mcp-session-id")
                starts = not message.bearer and not session and message.rpc_method in _STARTS
                # A client that is signed in may look once more what the server asks for; it begins with a message.
                looks = message.exchange.method == "GET" and self.reached == 4 and not self.refused_since_token
                return starts and not looks and not self._redirected_to(message)
            case Kind.AUTHORIZE:
                return not self.refused_since_token
            case Kind.REGISTER:
                return self.reached == 4 and not self.refused_since_token
            case Kind.RESOURCE_METADATA:
                return message.program not in {"", *self.agents}
            case _:
                return False

    def _redirected_to(self, message: Message) -> bool:
        """Whether the message follows a redirect of the MCP endpoint, on which a client may lose its token."""
        last = next(reversed(self.messages.values()), None)
        if last is None or last.kind is not Kind.MCP or last.location is None:
            return False
        return urls.resolve(last.exchange.url, last.location) == message.exchange.url

    def may_be_meant_instead_of(self, other: "Draft", message: Message) -> bool:
        """Whether nothing tells which of two attempts asks again: of one client, at work at once, both refused."""
        return (
            (self.refused_since_token and other.refused_since_token)
            and (self._last_at > other.reached_at and other._last_at > self.reached_at)
            and self.closeness(message) == other.closeness(message)
        )

    @property
    def _last_at(self) -> float:
        return next(reversed(self.messages.values())).at if self.messages else 0.0

    def follow(self, earlier: "Draft") -> None:
        """Begin as another attempt at the same server: the parties are where they were."""
        self.earlier = earlier
        self.origins |= earlier.origins
        self.named_urls |= earlier.named_urls
        self.earlier_clients |= earlier.client_ids | earlier.earlier_clients

    def remembered(self, client_id: str) -> list[Message]:
        """What a client now asks for authorization with, and knows from the attempt before. Asked for once."""
        before = list(islice(self.earlier.messages.values(), _MOST_NAMES)) if self.earlier else []
        self.earlier = None
        found = {m.kind for m in self.messages.values() if m.good_document or registered(m)} if before else set()
        known = [m for m in before if m.kind not in found]
        registration = [m for m in known if client_id and client_id in (registered(m), _described(m))]
        return [m for m in known if m.kind in _METADATA and m.good_document] + registration

    def give_up_sign_in(self) -> list[Message]:
        """Let go of the sign-in, which turns out to be one for another server, and give its messages."""
        given = [message for message in self.messages.values() if message.kind in _SIGN_IN]
        self.client_ids -= self.asking_clients
        self.asking_clients.clear()
        self.reached, self.reached_at = 0, 0.0
        return given

    def learn(self, message: Message) -> None:
        """Take in what a message of this run says about the parties."""
        if message.kind in _FROM_CLIENT and message.program not in self.agents:
            _add(self.agents, message.program)
        match message.kind:
            case Kind.MCP:
                self._learn_server(message)
            case Kind.RESOURCE_METADATA:
                self._learn_resource(message)
            case Kind.SERVER_METADATA:
                self._add_origin(message.url)
                if document := message.good_document:
                    self._learn_endpoints(document)
            case Kind.REGISTER:
                self._add_origin(message.url)
                if client_id := registered(message):
                    _add(self.client_ids, client_id)
            case Kind.AUTHORIZE:
                self._learn_request(message)
            case Kind.TOKEN:
                self._learn_token(message)
            case _:
                pass

    def _learn_server(self, message: Message) -> None:
        if not self.server_agents:
            self.server_url = message.url
        if message.program not in self.server_agents:
            _add(self.server_agents, message.program)
        if message.origin not in self.origins:
            self._add_origin(message.url)
        if message.location:
            _add(self.endpoints, urls.without_query(urls.resolve(message.url, message.location)))
        if message.bearer:
            self.used = True
            self._reach(4, message.at)
            if message.answered:
                refused = message.status in (401, 403)
                self.asked_since_refusal = refused and self.refused_since_token and self.asked_since_refusal
                self.refused_since_token = refused
        for challenge in message.challenges:
            if named := challenge.get("resource_metadata"):
                _add(self.named_urls, urls.without_query(named))

    def _learn_resource(self, message: Message) -> None:
        if message.location:
            _add(self.named_urls, urls.without_query(urls.resolve(message.url, message.location)))
        if (document := message.good_document) is None:
            return
        if not self.server_agents and not urls.path_of(self.server_url).strip("/"):
            self.server_url = server_of(message)
        if resource := document.text("resource"):
            _add(self.resources, resource)
        for server in document.texts("authorization_servers") or ():
            self._add_origin(server)

    def _learn_request(self, message: Message) -> None:
        self._add_origin(message.url)
        self._reach(3, message.at)
        self.asked_since_refusal = True
        if client_id := message.params.get("client_id"):
            _add(self.client_ids, client_id)
            _add(self.asking_clients, client_id)
        if redirect_uri := message.params.get("redirect_uri"):
            _add(self.redirect_uris, urls.without_query(redirect_uri))

    def _learn_token(self, message: Message) -> None:
        self._add_origin(message.url)
        self._reach(3, message.at)
        if client_id := message.params.get("client_id"):
            _add(self.client_ids, client_id)
        if message.good_document:
            self._reach(4, message.at)
            self.refused_since_token = False

    def _reach(self, milestone: int, at: float) -> None:
        if milestone > self.reached:
            self.reached, self.reached_at = milestone, at

    def _client_rank(self, message: Message) -> int:
        client_id = message.client_id
        if client_id and (client_id in self.client_ids or client_id in self.earlier_clients):
            # A client ID metadata document is the same at every server, so that this may be any run of the client.
            return _UNDECIDED if "://" in client_id else _KNOWN
        return _STRANGE if client_id and self.client_ids else _UNDECIDED

    def _is_named(self, message: Message) -> bool:
        """Whether the message names this server, or a parent of it, as its resource."""
        named = message.resources[:_MOST_RESOURCES]
        return bool(named) and any(
            value in self.resources or urls.compare(self.server_url, value).covers for value in named
        )

    def _learn_endpoints(self, document: Document) -> None:
        for name in _ENDPOINT_MEMBERS:
            if url := document.text(name):
                _add(self.named_urls, urls.without_query(url))
                self._add_origin(url)

    def _add_origin(self, url: str) -> None:
        if origin := urls.origin(url):
            _add(self.origins, origin)


def closest(drafts: Iterable[Draft], message: Message) -> Draft | None:
    """The run that a message fits best, the first of equals; None when it belongs to none of them."""
    best: tuple[Closeness, Draft] | None = None
    most = _utmost(message)
    for draft in drafts:
        found = draft.closeness(message)
        if found is not None and (best is None or found > best[0]):
            best = found, draft
            if found >= most:
                break
    return best[1] if best else None


def _utmost(message: Message) -> Closeness:
    """No run can be closer to a message than this: it may name nothing that would tell."""
    rank = _KNOWN if message.client_id and "://" not in message.client_id else _UNDECIDED
    return True, bool(message.resources), rank, True, _names_program(message), True, True, bool(message.client_id)


def _names_program(message: Message) -> bool:
    return message.kind in _FROM_CLIENT and bool(message.program)


def _add(names: set[str], name: str) -> None:
    if len(names) < _MOST_NAMES:
        names.add(name)


def server_of(message: Message) -> str:
    """The MCP endpoint that a request for protected resource metadata is about, as far as it tells."""
    asked = urls.well_known_target(message.url, WELL_KNOWN_RESOURCE) or ""
    named = message.good_document.text("resource") if message.good_document else None
    at_root = not urls.path_of(asked).strip("/")
    return named if named and at_root and urls.same_origin(named, message.url) else asked


def registered(message: Message) -> str | None:
    """The client id that a registration was answered with."""
    return message.document.text("client_id") if message.kind is Kind.REGISTER and message.document else None


def _described(message: Message) -> str | None:
    """The client id whose metadata document this is."""
    return message.exchange.url if message.kind is Kind.CLIENT_METADATA else None
