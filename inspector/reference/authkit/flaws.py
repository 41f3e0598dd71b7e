"""Every way in which the emulator can be made to go wrong, as data; the defaults are AuthKit as it is."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class AuthKitFlaws:
    """One field for each thing that can be wrong in one way at a time, in the order a client meets them."""

    metadata: Literal["both", "openid-only", "none", "html"] = "both"
    metadata_incomplete: bool = False
    issuer: Literal["right", "trailing-slash", "other"] = "right"
    pkce: Literal["advertised", "unadvertised", "plain-only"] = "advertised"
    endpoint_insecure: bool = False
    response_iss: Literal["omitted", "right", "trailing-slash", "other", "promised"] = "omitted"
    registration: Literal["works", "not-found", "redirect-uri-refused", "secret-forced"] = "works"
    cimd_refused: bool = False
    clients_forgotten: bool = False
    resource_refused_early: bool = False
    access_denied: bool = False
    state_dropped: bool = False
    pkce_unchecked: bool = False
    opaque_tokens: bool = False
    claimed_issuer: Literal["right", "trailing-slash", "other"] = "right"
    audience: Literal["right", "trailing-slash", "other", "missing"] = "right"
    clock_offset: int = 0  # seconds
    signing_key: Literal["published", "unpublished", "new-each-time"] = "published"
    token_type_missing: bool = False
    cacheable: bool = False
    refresh_tokens: Literal["rotated", "kept", "none"] = "rotated"
    refresh_drops_resource: bool = False
