"""What every endpoint of the emulator works on: settings, issuer, memory and keys."""

from dataclasses import dataclass, field

from inspector.reference.authkit.signing import SigningKeys
from inspector.reference.authkit.store import Store
from inspector.reference.settings import Settings


@dataclass(slots=True)
class AuthKit:
    """One AuthKit environment. `settings` may be exchanged while it serves; `issuer` has no trailing slash."""

    issuer: str
    settings: Settings
    store: Store = field(default_factory=Store)
    keys: SigningKeys = field(default_factory=SigningKeys)
