"""One exchange with its meaning: which part of the sign-in it is, and its parts parsed once."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from inspector.protocol import content, jsonrpc, urls
from inspector.protocol.challenge import Challenge, parse_challenges
from inspector.protocol.documents import Document
from inspector.protocol.params import Params
from inspector.session.model import Exchange, Headers, State


class Kind(StrEnum):
    """What an exchange is in the sign-in of an MCP client."""

    MCP = "mcp"
    RESOURCE_METADATA = "protected-resource-metadata"
    SERVER_METADATA = "authorization-server-metadata"
    KEYS = "jwks"
    REGISTER = "registration"
    CLIENT_METADATA = "client-id-metadata"  # the document that a client id is the URL of
    AUTHORIZE = "authorize"
    INTERACTION = "interaction"  # pages and hops of the authorization server between request and redirect
    CALLBACK = "callback"
    TOKEN = "token"  # noqa: S105 - the name of the endpoint
    INTROSPECT = "introspection"
    USERINFO = "userinfo"
    REVOKE = "revocation"
    PREFLIGHT = "cors-preflight"
    OTHER = "other"


_SAME_RUNTIME = {"undici": "node"}  # Node.js names either, by which of its two HTTP clients a program uses.
WELL_KNOWN_RESOURCE = "oauth-protected-resource"
WELL_KNOWN_SERVER = ("oauth-authorization-server", "openid-configuration")


@dataclass(frozen=True)
class Message:
    """An exchange, what it is, and lazily its parsed parts. Parsed values stand beside the raw ones, never instead."""

    exchange: Exchange
    kind: Kind

    def of_kind(self, kind: Kind) -> "Message":
        """The same exchange as something else; what was parsed already is not parsed again."""
        other = Message(self.exchange, kind)
        parsed = {name: value for name, value in vars(self).items() if name not in ("kind", "shape")}
        vars(other).update(parsed)
        return other

    @property
    def id(self) -> int:
        """The exchange's number."""
        return self.exchange.id

    @property
    def at(self) -> float:
        """When the request began, seconds since the epoch."""
        return self.exchange.started_at

    @cached_property
    def _request_fields(self) -> dict[str, str]:
        return _first_values(self.exchange.request_headers)

    @cached_property
    def _response_fields(self) -> dict[str, str]:
        return _first_values(self.exchange.response_headers)

    def request_header(self, name: str) -> str | None:
        """The first request header of that name, given in lower case; None when absent."""
        return self._request_fields.get(name)

    def response_header(self, name: str) -> str | None:
        """The first response header of that name, given in lower case; None when absent."""
        return self._response_fields.get(name)

    @cached_property
    def status(self) -> int | None:
        """The response status, None while there is none or its body is not whole.

        A stream of server-sent events is taken as far as it came. Of every other answer a part proves nothing: rules
        would call a document broken that is still on its way.
        """
        if self.exchange.state not in (State.RESPONDING, State.FAILED):
            return self.exchange.status
        streams = self.response_media_type == "text/event-stream"
        return self.exchange.status if streams else None

    @cached_property
    def url(self) -> str:
        """The request URL without query and fragment."""
        return urls.without_query(self.exchange.url)

    @cached_property
    def origin(self) -> str:
        """The origin of the request URL."""
        return urls.origin(self.exchange.url)

    @property
    def answered(self) -> bool:
        """Whether a response was seen."""
        return self.status is not None

    @cached_property
    def request_lost(self) -> bool:
        """Whether the request body was not kept whole or cannot be decoded."""
        return content.decoded(self.exchange.request_headers, self.exchange.request_body) is None

    @cached_property
    def query(self) -> Params:
        """The parameters in the URL."""
        return Params.parse(urls.query_of(self.exchange.url))

    @cached_property
    def form(self) -> Params:
        """The parameters of an urlencoded body."""
        if content.without_parameters(self.request_header("content-type")) != "application/x-www-form-urlencoded":
            return Params()
        return Params.parse(content.text(self.exchange.request_headers, self.exchange.request_body))

    @cached_property
    def request_json(self) -> object:
        """The request body as JSON, None when it is none."""
        return content.json_value(self.exchange.request_headers, self.exchange.request_body)

    @cached_property
    def sent(self) -> Document | None:
        """The request body as a JSON object."""
        return Document.of(self.request_json)

    @cached_property
    def params(self) -> Params:
        """What the request says: its form, or where a client got it wrong the strings of its JSON, or its query."""
        if self.form:
            return self.form
        if self.sent:
            return Params(tuple((name, value) for name, value in self.sent.raw.items() if isinstance(value, str)))
        return self.query

    @cached_property
    def client_id(self) -> str | None:
        """The client that the request names."""
        return self.params.get("client_id")

    @cached_property
    def resources(self) -> tuple[str, ...]:
        """Every resource that the request names (RFC 8707 section 2)."""
        return self.params.all("resource")

    @cached_property
    def document(self) -> Document | None:
        """The response body as a JSON object."""
        return Document.of(content.json_value(self.exchange.response_headers, self.exchange.response_body))

    @property
    def good_document(self) -> Document | None:
        """The response's JSON object when the status is 200."""
        return self.document if self.status == 200 else None

    @cached_property
    def challenges(self) -> tuple[Challenge, ...]:
        """Every WWW-Authenticate challenge of the response."""
        if "www-authenticate" not in self._response_fields:
            return ()
        return parse_challenges(self.exchange.response_header_all("www-authenticate"))

    @cached_property
    def bearer_challenge(self) -> Challenge | None:
        """The first Bearer challenge."""
        return (
            next((challenge for challenge in self.challenges if challenge.is_bearer), None) if self.challenges else None
        )

    @cached_property
    def user_agent(self) -> str:
        """The program that sends the request, as it names itself; empty when it does not."""
        return self.request_header("user-agent") or ""

    @cached_property
    def program(self) -> str:
        """The program that sends the request, under one name for programs of one runtime; empty when it names none."""
        named = self.request_header("user-agent") or ""
        return _SAME_RUNTIME.get(named, named)

    @cached_property
    def bearer(self) -> str | None:
        """The token of an `Authorization: Bearer` header (RFC 6750 section 2.1)."""
        scheme, _, token = (self.request_header("authorization") or "").partition(" ")
        return token.strip() or None if scheme.lower() in ("bearer", "dpop") else None

    @cached_property
    def rpc_sent(self) -> tuple[jsonrpc.RpcMessage, ...]:
        """The JSON-RPC objects the client sent."""
        return jsonrpc.rpc_messages(self.exchange.request_headers, self.exchange.request_body)

    @cached_property
    def rpc_received(self) -> tuple[jsonrpc.RpcMessage, ...]:
        """The JSON-RPC objects the server answered with, from JSON or an event stream."""
        return jsonrpc.rpc_messages(self.exchange.response_headers, self.exchange.response_body)

    @cached_property
    def rpc_method(self) -> str:
        """The method of the first JSON-RPC request in the body, empty when there is none."""
        for message in self.rpc_sent:
            if method := message.method:
                return method
        return ""

    @cached_property
    def shape(self) -> tuple[object, ...]:
        """What this exchange has in common with its repetitions."""
        grant_type = self.params.get("grant_type") if self.kind is Kind.TOKEN else None
        exchange = self.exchange
        return self.kind, exchange.method, self.url, self.status, self.rpc_method, self.bearer is None, grant_type

    @cached_property
    def is_page(self) -> bool:
        """Whether the answer is a page for people, which no endpoint for programs sends."""
        return self.response_media_type in ("text/html", "application/xhtml+xml")

    @cached_property
    def response_media_type(self) -> str:
        """The media type of the answer without parameters, lower case."""
        return content.without_parameters(self.response_header("content-type"))

    @property
    def pushed_as(self) -> str | None:
        """The `request_uri` that a pushed authorization request was answered with (RFC 9126 section 2.2)."""
        return self.document.text("request_uri") if self.kind is Kind.AUTHORIZE and self.document else None

    @property
    def location(self) -> str | None:
        """The redirect target of a 3xx answer."""
        redirected = self.status is not None and 300 <= self.status < 400
        return self.response_header("location") if redirected else None

    @property
    def oauth_error(self) -> str | None:
        """The `error` member of a JSON error answer (RFC 6749 section 5.2)."""
        return self.document.text("error") if self.document and (self.status or 0) >= 400 else None


def understand(exchange: Exchange, mcp_urls: Collection[str] = (), metadata_urls: Collection[str] = ()) -> Message:
    """Say what an exchange is, from its content first.

    `mcp_urls` are endpoints already known to speak MCP, `metadata_urls` what challenges named as the location of
    protected resource metadata; both without query.
    """
    message = Message(exchange, Kind.OTHER)
    asked_by_name = exchange.method == "GET" and message.url in metadata_urls
    # Nobody else has seen it yet, so that it need not be made a second time.
    vars(message)["kind"] = Kind.RESOURCE_METADATA if asked_by_name else _kind(message, mcp_urls)
    return message


def _kind(message: Message, mcp_urls: Collection[str]) -> Kind:
    exchange = message.exchange
    path = urls.path_of(exchange.url)
    if exchange.method == "OPTIONS" and message.request_header("access-control-request-method"):
        return Kind.PREFLIGHT
    if "/.well-known/" in path:
        if f"/.well-known/{WELL_KNOWN_RESOURCE}" in path:
            return Kind.RESOURCE_METADATA
        if any(f"/.well-known/{suffix}" in path for suffix in WELL_KNOWN_SERVER):
            return Kind.SERVER_METADATA
    if _speaks_mcp(message, mcp_urls):
        return Kind.MCP
    if _asks_authorization(message, path):
        return Kind.AUTHORIZE
    if exchange.method == "POST":
        return _posted(message, path)
    if exchange.method == "GET":
        return _fetched(message, path)
    return Kind.OTHER


def _speaks_mcp(message: Message, mcp_urls: Collection[str]) -> bool:
    exchange = message.exchange
    if message.rpc_sent or message.request_header("mcp-session-id"):
        return True
    # A request answered with a challenge that names its metadata is one to a protected resource, whatever its body.
    if message.status == 401 and message.bearer_challenge and message.bearer_challenge.get("resource_metadata"):
        return True
    if message.url in mcp_urls:
        return True
    accepts_stream = "text/event-stream" in (message.request_header("accept") or "")
    return exchange.method == "GET" and accepts_stream and "?" not in exchange.url


def _asks_authorization(message: Message, path: str) -> bool:
    parameters = message.query if message.exchange.method == "GET" else message.form
    if "grant_type" in parameters:
        return False
    names_flow = "response_type" in parameters or "code_challenge" in parameters or "request_uri" in parameters
    if _last_segment(path) in ("authorize", "authorization", "auth"):
        return names_flow or "client_id" in parameters or "redirect_uri" in parameters
    # Login pages carry the client and where it wants to go, too; only a request for a code says how it wants it.
    return names_flow and "client_id" in parameters


def _posted(message: Message, path: str) -> Kind:
    last, sent = _last_segment(path), message.sent
    if "grant_type" in message.form or (sent and "grant_type" in sent) or "grant_type" in message.query:
        return Kind.TOKEN
    if sent and "redirect_uris" in sent:
        return Kind.REGISTER
    # The path decides here: pages of a sign-in post forms with a `token` of their own against forgery.
    if "revo" in last:
        return Kind.REVOKE
    if "introspect" in last:
        return Kind.INTROSPECT
    if last == "register" and message.form:
        return Kind.OTHER
    endings = {"token": Kind.TOKEN, "register": Kind.REGISTER, "userinfo": Kind.USERINFO}
    return endings.get(last, Kind.OTHER)


def _fetched(message: Message, path: str) -> Kind:
    last = _last_segment(path)
    if last.startswith("jwks") or (message.document and isinstance(message.document.raw.get("keys"), list)):
        return Kind.KEYS
    if last == "userinfo":
        return Kind.USERINFO
    if ("code" in message.query or "error" in message.query) and ("state" in message.query or "iss" in message.query):
        return Kind.CALLBACK
    return Kind.OTHER


def _last_segment(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _first_values(headers: Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in reversed(headers)}


def settled(exchange: Exchange) -> bool:
    """Whether nothing more is to come for this exchange."""
    return exchange.state in (State.COMPLETE, State.FAILED, State.RECORDED)
