"""Every way in which the MCP server can be made to go wrong, as data; the defaults are what the specification asks."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class ServerFlaws:
    """One field for each thing that can be wrong in one way at a time, in the order a client meets them."""

    redirects_to_slash: bool = False
    missing_token_status: Literal[401, 403] = 401
    expired_token_status: Literal[401, 403] = 401
    challenge: Literal[
        "right",
        "absent",
        "without-metadata-url",
        "relative-url",
        "other-origin",
        "unterminated",
        "without-scope",
        "error-without-token",
        "unregistered-error",
        "without-error",
    ] = "right"
    cross_origin: Literal["allowed", "headers-hidden", "preflight-refused"] = "allowed"
    metadata: Literal[
        "both", "root-only", "unnamed-and-absent", "named-and-absent", "html", "unauthorized", "redirected"
    ] = "both"
    resource: Literal["endpoint", "trailing-slash", "origin", "loopback-alias", "other", "with-fragment", "missing"] = (
        "endpoint"
    )
    authorization_servers: Literal["issuer", "without-scheme", "itself", "none"] = "issuer"
    step_up: Literal["unneeded", "asked-for", "unexplained", "as-401"] = "unneeded"
    blocked_at_edge: bool = False
    expects_other_audience: bool = False
    accepts_expired: bool = False
    keys_never_refetched: bool = False
    token_checked_once: bool = False
