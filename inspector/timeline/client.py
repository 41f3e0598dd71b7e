"""Who the client is, from what it says about itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from inspector.timeline.message import Kind, Message

META_CLIENT_INFO = "io.modelcontextprotocol/clientInfo"


@dataclass(frozen=True, slots=True)
class Client:
    """Name and version as the client states them, and its User-Agent at the MCP server; empty when unknown."""

    name: str = ""
    version: str = ""
    user_agent: str = ""

    @property
    def label(self) -> str:
        """The shortest true name for a title."""
        return " ".join(part for part in (self.name or self.user_agent or "client", self.version) if part)


def identify(messages: Iterable[Message]) -> Client:
    """Read `initialize`, the stateless revision's `_meta`, the registration and the User-Agent; the last word wins."""
    name, version, registered, agent = "", "", "", ""
    for message in messages:
        if message.kind is Kind.MCP:
            agent = agent or message.request_header("user-agent") or ""
            for sent in message.rpc_sent:
                params = sent.params
                info = params.get("clientInfo")
                if not info and "_meta" in params:
                    info = sent.meta.get(META_CLIENT_INFO)
                if isinstance(info, dict) and info.get("name"):
                    name, version = _text(info, "name"), _text(info, "version")
        elif message.kind is Kind.REGISTER and message.sent:
            registered = message.sent.text("client_name") or registered
    return Client(name or registered, version, agent)


def _text(info: Mapping[str, object], member: str) -> str:
    value = info.get(member)
    return value if isinstance(value, str) else ""
