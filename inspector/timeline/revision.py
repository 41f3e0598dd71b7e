"""Which revision of MCP each side follows, told from its behaviour and never from one header alone."""

from collections.abc import Iterable
from dataclasses import dataclass

from inspector.protocol.revisions import DEFAULT_REVISION, REVISIONS
from inspector.timeline.message import Kind, Message

META_PROTOCOL_VERSION = "io.modelcontextprotocol/protocolVersion"


@dataclass(frozen=True, slots=True)
class Revision:
    """The authorization rules each side follows, what was negotiated, and what that is told from.

    `auth_profile` is how the client behaves when it signs in; `protocol_version` is what the MCP messages say. Both
    are empty when nothing tells. `client` and `server` are the revisions that levels are taken from.
    """

    auth_profile: str
    protocol_version: str
    client: str
    server: str
    assumed: bool
    evidence: tuple[str, ...]

    def for_party(self, party: str) -> str:
        """The revision that binds a party; the authorization server does not speak MCP and follows its client."""
        return self.server if party == "mcp-server" else self.client


def infer(messages: Iterable[Message], pinned: str = "") -> Revision:
    """Infer the revisions; a pinned one overrules everything.

    MCP-Protocol-Version on discovery requests is left out: it is a constant of the SDK.
    """
    client: list[tuple[str, str]] = []
    server: list[tuple[str, str]] = []
    negotiated = offered = ""
    for message in messages:
        client += _client_signs(message)
        if message.kind is Kind.RESOURCE_METADATA and message.good_document:
            server.append(("2025-06-18", "the server publishes protected resource metadata"))
        if message.kind is Kind.MCP:
            negotiated = _negotiated(message) or negotiated
            offered = _offered(message) or offered
    spoken = negotiated or offered
    profile = max((revision for revision, _ in client), default="")
    known = spoken if spoken in REVISIONS else ""
    evidence = tuple(dict.fromkeys(text for _, text in (*client, *server)))
    if spoken:
        evidence = (f"protocol version {spoken} {'was negotiated' if negotiated else 'is offered'}", *evidence)
    client_revision = pinned or max(profile, known) or DEFAULT_REVISION
    server_revision = pinned or max([revision for revision, _ in server] + [known], default="") or client_revision
    return Revision(profile, spoken, client_revision, server_revision, not (pinned or profile or known), evidence)


def _client_signs(message: Message) -> list[tuple[str, str]]:
    match message.kind:
        case Kind.RESOURCE_METADATA:
            return [("2025-06-18", "the client asks for protected resource metadata")]
        case Kind.SERVER_METADATA if "openid-configuration" in message.url:
            return [("2025-11-25", "the client asks for openid-configuration")]
        case Kind.AUTHORIZE if (message.query.get("client_id") or "").startswith("https://"):
            return [("2025-11-25", "the client id is a client ID metadata document URL")]
        case Kind.REGISTER if message.sent and "application_type" in message.sent:
            return [("2025-11-25", "the registration names an application_type")]
        case Kind.MCP if message.rpc_method == "server/discover" or message.exchange.request_header("mcp-method"):
            return [("2025-11-25", "the client sends requests of the stateless revision")]
        case _:
            return []


def _negotiated(message: Message) -> str:
    for answer in message.rpc_received:
        version = answer.result.get("protocolVersion") if answer.result else None
        if isinstance(version, str):
            return version
    if message.status is not None and 200 <= message.status < 300 and message.bearer:
        return message.exchange.request_header("mcp-protocol-version") or ""
    return ""


def _offered(message: Message) -> str:
    for sent in message.rpc_sent:
        version = sent.params.get("protocolVersion") or sent.meta.get(META_PROTOCOL_VERSION)
        if isinstance(version, str):
            return version
    return ""
