"""What every endpoint of the emulator works on: settings, issuer, memory and keys."""

import secrets
from dataclasses import dataclass, field

from inspector.reference.authkit.client_documents import ClientDocuments
from inspector.reference.authkit.identifiers import new_id
from inspector.reference.authkit.signing import SigningKeys
from inspector.reference.authkit.store import Client, Store
from inspector.reference.settings import Settings


@dataclass(slots=True)
class AuthKit:
    """One AuthKit environment. `settings` may be exchanged while it serves; `issuer` has no trailing slash.

    `api_key` opens the user API to the operator's own programs.
    """

    issuer: str
    settings: Settings
    store: Store = field(default_factory=Store)
    keys: SigningKeys = field(default_factory=SigningKeys)
    documents: ClientDocuments = field(default_factory=ClientDocuments)
    api_key: str = field(default_factory=lambda: "sk_test_" + secrets.token_urlsafe(24), repr=False)

    def add_application(self, name: str, redirect_uri: str) -> Client:
        """Enter a confidential client by hand, as an operator does in the dashboard."""
        client = Client(
            client_id=new_id("client"),
            name=name,
            redirect_uris=(redirect_uri,),
            auth_method="client_secret_post",
            secret=secrets.token_urlsafe(32),
            by_hand=True,
        )
        self.store.clients[client.client_id] = client
        return client
