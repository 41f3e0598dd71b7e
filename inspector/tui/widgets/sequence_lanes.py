"""Who takes part in a run, as the lanes of its sequence diagram, and between which of them a step goes."""

from dataclasses import dataclass
from enum import IntEnum

from inspector.protocol import urls
from inspector.rules.facts import has_workos_form
from inspector.timeline.message import Kind, Message
from inspector.timeline.run import Run
from inspector.timeline.steps import Step

_AUTHKIT_HOSTS = (".authkit.app", ".workos.com")
_IN_BROWSER = (Kind.AUTHORIZE, Kind.INTERACTION, Kind.CALLBACK)
_OF_SERVER = (Kind.MCP, Kind.RESOURCE_METADATA)


class Lane(IntEnum):
    """A party, in the order the lanes stand from left to right."""

    CLIENT = 0
    SERVER = 1
    AUTHORIZATION = 2
    BROWSER = 3


@dataclass(frozen=True, slots=True)
class Lanes:
    """The parties of one run. The names of the lanes are there in three lengths, for more and for less room."""

    names: tuple[str, ...] = ("Client", "MCP server", "Authorization server")
    short_names: tuple[str, ...] = ("Client", "MCP", "Auth server")
    shortest_names: tuple[str, ...] = ("Client", "MCP", "Auth")
    server_origin: str = ""
    authorization_origin: str = ""

    @classmethod
    def of(cls, run: Run) -> "Lanes":
        """Find out who takes part: a browser only where something of it was seen."""
        server = ("AuthKit", "AuthKit") if _is_authkit(run) else ("Authorization server", "Auth server")
        browser = ("Browser",) if any(_by_browser(m) for kind in _IN_BROWSER for m in run.of(kind)) else ()
        return cls(
            ("Client", "MCP server", server[0], *browser),
            ("Client", "MCP", server[1], *browser),
            ("Client", "MCP", "Auth", *browser),
            urls.origin(run.server_url) or "",
            urls.origin(run.issuer or "") or "",
        )

    @property
    def browser_seen(self) -> bool:
        """Whether the browser has a lane."""
        return len(self.names) > Lane.BROWSER

    def ends(self, step: Step, message: Message | None) -> tuple[Lane, Lane]:
        """Between which lanes a step goes: who asks, and who is asked."""
        if message is None:
            return (Lane.BROWSER if self.browser_seen else Lane.CLIENT), Lane.AUTHORIZATION
        asking = Lane.BROWSER if _by_browser(message) else Lane.CLIENT
        return asking, (Lane.CLIENT if step.kind is Kind.CALLBACK else self._asked(message))

    def _asked(self, message: Message) -> Lane:
        """Where the request went comes before what it asks for: a token request to the MCP server is just that."""
        if self.server_origin != self.authorization_origin:
            if message.origin == self.server_origin:
                return Lane.SERVER
            if message.origin == self.authorization_origin:
                return Lane.AUTHORIZATION
        return Lane.SERVER if message.kind in _OF_SERVER else Lane.AUTHORIZATION


def _by_browser(message: Message) -> bool:
    """Whether a browser sends this; a client that pushes its authorization request (RFC 9126) sends it itself."""
    return message.kind in _IN_BROWSER and not (message.kind is Kind.AUTHORIZE and message.exchange.method == "POST")


def _is_authkit(run: Run) -> bool:
    """Whether the authorization server is AuthKit: by its host, or behind another name by the client ids it gives."""
    host = urls.host_of(run.issuer or "")
    if f".{host}".endswith(_AUTHKIT_HOSTS):
        return True
    asked = [message.client_id or "" for kind in (Kind.AUTHORIZE, Kind.TOKEN) for message in run.of(kind)[:3]]
    return any(has_workos_form(client_id) for client_id in asked)
