"""Which revision of MCP each side follows, told from its behaviour and never from one header alone."""

from collections.abc import Iterable
from dataclasses import dataclass

from inspector.protocol.jsonrpc import RpcMessage
from inspector.protocol.revisions import DEFAULT_REVISION, REVISIONS
from inspector.timeline.message import Kind, Message

META_PROTOCOL_VERSION = "io.modelcontextprotocol/protocolVersion"
_WITH_METADATA = "2025-06-18"  # the first revision with protected resource metadata
_STATELESS_ERRORS = (-32020, -32021, -32022)  # header mismatch, missing capability, unsupported protocol version


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

    MCP-Protocol-Version on discovery requests is left out: it is a constant of the SDK. So is Mcp-Method: mcp-remote
    sends it under 2025-06-18.
    """
    client: list[tuple[str, str]] = []
    server: list[tuple[str, str]] = []
    negotiated = ""
    offers: list[str] = []
    for message in messages:
        if message.kind is not Kind.MCP:
            client += _client_signs(message)
            server += _server_signs(message)
            continue
        if message.rpc_method == "server/discover":
            client.append(("2026-07-28", "the client asks what the server can do without a handshake"))
        if message.challenges or message.rpc_received:
            server += _server_signs(message)
        negotiated = _negotiated(message) or negotiated
        if offered := _offered(message):
            offers.append(offered)
    spoken = negotiated or (offers[-1] if offers else "")
    profile = max((revision for revision, _ in client), default="")
    known = {negotiated, *offers} & {*REVISIONS}
    evidence = tuple(dict.fromkeys(text for _, text in (*client, *server)))
    if spoken:
        evidence = (f"protocol version {spoken} {'was negotiated' if negotiated else 'is offered'}", *evidence)
    client_revision = pinned or max({profile, *known}) or DEFAULT_REVISION
    # A server that has settled for an older revision follows that one, whatever else it understands.
    newest = max(negotiated, _WITH_METADATA) if negotiated in REVISIONS else REVISIONS[-1]
    shown = {revision for revision, _ in server if revision <= newest} | (known & {spoken})
    server_revision = pinned or max(shown, default=client_revision)
    return Revision(profile, spoken, client_revision, server_revision, not (pinned or profile or known), evidence)


def _client_signs(message: Message) -> list[tuple[str, str]]:
    match message.kind:
        case Kind.RESOURCE_METADATA:
            return [(_WITH_METADATA, "the client asks for protected resource metadata")]
        case Kind.SERVER_METADATA if "openid-configuration" in message.url:
            return [("2025-11-25", "the client asks for openid-configuration")]
        case Kind.AUTHORIZE if (message.params.get("client_id") or "").startswith("https://"):
            return [("2025-11-25", "the client id is a client ID metadata document URL")]
        case Kind.REGISTER if message.sent and "application_type" in message.sent:
            return [("2026-07-28", "the registration names an application_type")]
        case _:
            return []


def _server_signs(message: Message) -> list[tuple[str, str]]:
    if message.kind is Kind.MCP:
        if message.challenges and (challenge := message.bearer_challenge) and challenge.get("resource_metadata"):
            return [(_WITH_METADATA, "the server's challenge names protected resource metadata")]
        for answer in message.rpc_received:
            if _is_stateless(answer):
                return [("2026-07-28", "the server answers as the stateless revision does")]
    elif message.kind is Kind.RESOURCE_METADATA and message.good_document:
        return [(_WITH_METADATA, "the server publishes protected resource metadata")]
    return []


def _is_stateless(answer: RpcMessage) -> bool:
    if (error := answer.error) is not None and error.get("code") in _STATELESS_ERRORS:
        return True
    return (result := answer.result) is not None and "resultType" in result


def _negotiated(message: Message) -> str:
    for answer in message.rpc_received:
        version = result.get("protocolVersion") if (result := answer.result) else None
        if isinstance(version, str):
            return version
    if message.status is not None and 200 <= message.status < 300 and message.bearer:
        return message.request_header("mcp-protocol-version") or ""
    return ""


def _offered(message: Message) -> str:
    for sent in message.rpc_sent:
        params = sent.params
        version = params.get("protocolVersion")
        if not version and "_meta" in params:
            version = sent.meta.get(META_PROTOCOL_VERSION)
        if isinstance(version, str):
            return version
    return ""
