"""How the two reference servers behave: one frozen object, so that a story is told by the fields it changes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from inspector.errors import ReferenceFailure

MCP_URL = "$mcp_url"
"""Stands for the MCP server's own URL in the settings that name resources, because port 0 is known only later."""

_CLIENT_ID = re.compile(r"client_[0-9A-HJKMNP-TV-Z]{26}")


@dataclass(frozen=True, slots=True)
class Settings:
    """The switches of the emulator and of the MCP server; the defaults are those of a new AuthKit environment.

    `resource_indicators` are compared byte for byte, as AuthKit does. Lifetimes are in seconds.
    `allowed_token_audiences` is the workaround that lets the MCP server take tokens meant for another audience;
    `accept_any_audience` is the fault of not looking at the audience at all.

    Raises:
        ReferenceFailure: the values contradict each other.
    """

    resource_indicators: tuple[str, ...] = ()
    default_resource_indicator: str | None = None
    dcr: bool = False
    cimd: bool = False
    auto_approve: bool = False
    environment_client_id: str = "client_01K8ZQ3V7N5R2M9XWT4C6HBD0E"
    organization_id: str | None = None
    permissions: tuple[str, ...] = ()
    token_lifetime: int = 3600
    code_lifetime: int = 600
    allowed_token_audiences: tuple[str, ...] = ()
    accept_any_audience: bool = False

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


DEMO = Settings(resource_indicators=(MCP_URL,), dcr=True, auto_approve=True)
"""A well configured environment: the MCP server is a resource indicator, clients may register, nobody must click."""
