"""Everything the emulator remembers, in memory: clients, users, pending sign-ins, codes and refresh tokens."""

import time
from dataclasses import dataclass, field
from typing import Any

from inspector.reference.authkit.identifiers import new_id


@dataclass(frozen=True, slots=True)
class Client:
    """A registered OAuth client. `secret` is None for a public client.

    `by_hand` marks one that the operator entered in the dashboard, to which the default resource does not apply.
    """

    client_id: str
    name: str
    redirect_uris: tuple[str, ...]
    auth_method: str
    secret: str | None = field(default=None, repr=False)
    by_hand: bool = False


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who signed in once."""

    user_id: str
    email: str
    created_at: float


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A valid authorization request. `resources` are the `resource` values in the order sent (RFC 8707)."""

    client: Client
    redirect_uri: str
    redirect_uri_sent: bool
    state: str | None
    scope: tuple[str, ...]
    resources: tuple[str, ...]
    code_challenge: str


@dataclass(frozen=True, slots=True)
class Grant:
    """What a user granted to a client, with the session all its tokens belong to."""

    request: AuthorizationRequest
    user: User
    session_id: str


@dataclass(frozen=True, slots=True)
class Code:
    """A grant waiting to be redeemed until `expires_at` (seconds since the epoch)."""

    grant: Grant
    expires_at: float


@dataclass(slots=True)
class Store:
    """The emulator's memory. Redeemed codes and rotated refresh tokens stay known, so that reuse is noticed.

    `revoked_tokens` are the `jti` of access tokens, `opaque_tokens` the claims behind those that are no JWT.
    """

    clients: dict[str, Client] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    sign_ins: dict[str, AuthorizationRequest] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    refresh_tokens: dict[str, Grant] = field(default_factory=dict)
    spent: set[str] = field(default_factory=set)
    revoked_sessions: set[str] = field(default_factory=set)
    revoked_tokens: set[str] = field(default_factory=set)
    opaque_tokens: dict[str, dict[str, Any]] = field(default_factory=dict)

    def user(self, email: str) -> User:
        """The user with this address, created on first sight."""
        address = email.casefold()
        if address not in self.users:
            self.users[address] = User(new_id("user"), address, time.time())
        return self.users[address]

    def user_by_id(self, user_id: str) -> User | None:
        """The user a token's `sub` names."""
        return next((user for user in self.users.values() if user.user_id == user_id), None)
