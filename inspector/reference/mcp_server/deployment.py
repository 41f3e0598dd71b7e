"""What every part of the MCP server works on: where it is reached, whose tokens it takes, and how it behaves."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from inspector.reference.mcp_server.flaws import ServerFlaws
from inspector.reference.settings import Settings


@dataclass(frozen=True, slots=True)
class Application:
    """An OAuth client that the operator entered at the authorization server for this MCP server to use."""

    client_id: str
    secret: str


def loopback_alias(url: str) -> str:
    """The same place under the other name of this machine, which no comparer may take for the same."""
    return url.replace("//localhost", "//127.0.0.1")


@dataclass(frozen=True, slots=True)
class Deployment:
    """One MCP server. `current` is asked anew for each request, so that settings may change while it serves.

    `http` reaches the authorization server. With an `application` the server passes its clients' OAuth requests on
    under that client id; `api_key` opens the authorization server's user API.
    """

    current: Callable[[], Settings]
    mcp_url: str
    issuer: str
    http: httpx.AsyncClient
    api_key: str = ""
    application: Application | None = None

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.current()

    @property
    def flaws(self) -> ServerFlaws:
        """What is wrong on purpose."""
        return self.current().server_flaws

    @property
    def origin(self) -> str:
        """Scheme, host and port of the endpoint."""
        return self.mcp_url.removesuffix(self.path)

    @property
    def path(self) -> str:
        """Path of the endpoint, with a slash in front and none behind."""
        return urlsplit(self.mcp_url).path
