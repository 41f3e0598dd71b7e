"""Access tokens: mint them for a grant, and read back those that are still good."""

import secrets
import time
from typing import Any

from inspector.reference.authkit.emulator import AuthKit
from inspector.reference.authkit.identifiers import new_id
from inspector.reference.authkit.metadata import misspelt
from inspector.reference.authkit.store import Grant

_OTHER_RESOURCE = "https://other-resource.example/mcp"


def minted(authkit: AuthKit, grant: Grant, scope: tuple[str, ...], audience: str) -> str:
    """An access token for a grant, with the claims AuthKit gives it."""
    settings, flaws = authkit.settings, authkit.settings.authkit_flaws
    now = int(time.time()) + flaws.clock_offset
    claims: dict[str, Any] = {
        "iss": misspelt(authkit.issuer, flaws.claimed_issuer),
        "aud": audience,
        "sub": grant.user.user_id,
        "client_id": grant.request.client.client_id,
        "sid": grant.session_id,
        "jti": new_id("token"),
        "scope": " ".join(scope),
        "exp": now + settings.token_lifetime,
        "iat": now,
    }
    match flaws.audience:
        case "trailing-slash":
            claims["aud"] += "/"
        case "other":
            claims["aud"] = _OTHER_RESOURCE
        case "missing":
            del claims["aud"]
    if settings.organization_id:
        claims["org_id"] = settings.organization_id
    if settings.permissions:
        claims["permissions"] = list(settings.permissions)
    if flaws.opaque_tokens:
        token = secrets.token_urlsafe(32)
        authkit.store.opaque_tokens[token] = claims
        return token
    if flaws.signing_key == "new-each-time":
        authkit.keys.rotate()
    return authkit.keys.sign(claims, published=flaws.signing_key != "unpublished")


def live_claims(authkit: AuthKit, token: str) -> dict[str, Any] | None:
    """The claims of an access token of this environment that has neither expired nor been revoked."""
    store = authkit.store
    claims = store.opaque_tokens.get(token) or authkit.keys.claims(token, authkit.issuer)
    if claims is None or claims.get("exp", 0) <= time.time():
        return None
    revoked = claims.get("sid") in store.revoked_sessions or claims.get("jti") in store.revoked_tokens
    return None if revoked else claims
