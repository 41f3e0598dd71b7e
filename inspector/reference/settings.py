"""How the two reference servers behave: one frozen object, so that a story is told by the fields it changes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from inspector.errors import ReferenceFailure
from inspector.protocol.revisions import REVISIONS
from inspector.reference.authkit.flaws import AuthKitFlaws
from inspector.reference.mcp_server.flaws import ServerFlaws

MCP_URL = "$mcp_url"
"""Stands for the MCP server's own URL in the settings that name resources, because port 0 is known only later."""

_CLIENT_ID = re.compile(r"client_[0-9A-HJKMNP-TV-Z]{26}")


@dataclass(frozen=True, slots=True)
class Settings:
    """The switches of the emulator and of the MCP server; the defaults are those of a new AuthKit environment.

    The emulator: `resource_indicators` are compared byte for byte, as AuthKit does. `cimd` takes the URL of a client
    ID metadata document for a client id; `cimd_on_loopback` also takes one of this machine, over http. `web_origins`
    are those whose scripts may read token responses. `registered_auth_method` is how every registered client has to
    authenticate, whatever it asked for. An emulator that is `lenient` is no AuthKit: it takes requests without a proof
    key, with a redirect URI that was not registered, and with any client authentication, and ignores `resource` where
    there is a default. Lifetimes are in seconds.

    The MCP server: `revision` is the newest one whose authorization rules it follows. `allowed_token_audiences` is the
    workaround that lets it take tokens meant for another audience; `accept_any_audience` is the fault of not looking at
    the audience at all. With `pre_registered_client` it is the authorization server for its clients, and passes their
    requests on under one client id of its own. Without `sessions` it gives none to clients of any revision, and without
    `api_key` it cannot ask for a user.

    Raises:
        ReferenceFailure: the values contradict each other.
    """

    resource_indicators: tuple[str, ...] = ()
    default_resource_indicator: str | None = None
    dcr: bool = False
    cimd: bool = False
    cimd_on_loopback: bool = False
    auto_approve: bool = False
    environment_client_id: str = "client_01K8ZQ3V7N5R2M9XWT4C6HBD0E"
    organization_id: str | None = None
    permissions: tuple[str, ...] = ()
    web_origins: tuple[str, ...] = ()
    registered_auth_method: str | None = None
    lenient: bool = False
    token_lifetime: int = 3600
    code_lifetime: int = 600

    revision: str = REVISIONS[-1]
    allowed_token_audiences: tuple[str, ...] = ()
    accept_any_audience: bool = False
    pre_registered_client: bool = False
    sessions: bool = True
    api_key: bool = True

    authkit_flaws: AuthKitFlaws = field(default_factory=AuthKitFlaws)
    server_flaws: ServerFlaws = field(default_factory=ServerFlaws)

    def __post_init__(self) -> None:
        default = self.default_resource_indicator
        if default is not None and default not in self.resource_indicators:
            raise ReferenceFailure(
                f"The default resource indicator {default!r} is not one of the resource indicators; add it to them."
            )
        if not _CLIENT_ID.fullmatch(self.environment_client_id):
            raise ReferenceFailure(
                f"The environment client id {self.environment_client_id!r} does not look like one of WorkOS; "
                "give 'client_' and 26 characters of Crockford's base 32."
            )
        if self.token_lifetime < 1 or self.code_lifetime < 1:
            raise ReferenceFailure("A token or code lifetime is below one second; give a positive number of seconds.")
        if self.revision not in REVISIONS:
            raise ReferenceFailure(f"There is no MCP revision {self.revision!r}; choose one of {', '.join(REVISIONS)}.")

    def for_server(self, mcp_url: str) -> "Settings":
        """These settings with `MCP_URL` replaced wherever a resource is named, also inside a longer string."""
        default = self.default_resource_indicator
        return replace(
            self,
            resource_indicators=tuple(uri.replace(MCP_URL, mcp_url) for uri in self.resource_indicators),
            default_resource_indicator=default and default.replace(MCP_URL, mcp_url),
            allowed_token_audiences=tuple(uri.replace(MCP_URL, mcp_url) for uri in self.allowed_token_audiences),
        )

    def with_environment(self, environment: Mapping[str, str]) -> "Settings":
        """These settings plus the comma-separated audiences of `MCP_ALLOWED_TOKEN_AUDIENCES`."""
        listed = environment.get("MCP_ALLOWED_TOKEN_AUDIENCES", "").split(",")
        audiences = tuple(audience for item in listed if (audience := item.strip()))
        return replace(self, allowed_token_audiences=self.allowed_token_audiences + audiences)


DEMO = Settings(resource_indicators=(MCP_URL,), dcr=True, cimd=True, cimd_on_loopback=True, auto_approve=True)
"""A well configured environment: the MCP server is a resource indicator, clients may register, nobody must click."""
