"""The token endpoint."""

import base64
import hashlib
import secrets
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from inspector.reference.authkit.access_tokens import minted
from inspector.reference.authkit.audience import granted_audience
from inspector.reference.authkit.clients import authenticated_client
from inspector.reference.authkit.emulator import AuthKit
from inspector.reference.authkit.errors import NO_STORE, OAuthError
from inspector.reference.authkit.parameters import Parameters, form_of
from inspector.reference.authkit.store import Client, Grant


async def token(authkit: AuthKit, request: Request) -> Response:
    """`POST /oauth2/token` for the grants `authorization_code` and `refresh_token`.

    Raises:
        OAuthError: RFC 6749 section 5.2, or `invalid_target` of RFC 8707.
    """
    form = await form_of(request)
    client = await authenticated_client(authkit, request, form)
    settings, flaws = authkit.settings, authkit.settings.authkit_flaws
    match form.required("grant_type"):
        case "authorization_code":
            grant = _redeem_code(authkit, client, form)
            scope, audience = grant.request.scope, _audience(authkit, grant, form)
        case "refresh_token":
            grant = _redeem_refresh_token(authkit, client, form)
            scope, audience = _narrowed_scope(grant, form), _audience(authkit, grant, form)
            if flaws.refresh_drops_resource:
                audience = settings.environment_client_id
        case _:
            raise OAuthError(400, "unsupported_grant_type", "The grant type is not supported.")
    answer: dict[str, Any] = {
        "access_token": minted(authkit, grant, scope, audience),
        "token_type": "Bearer",
        "expires_in": settings.token_lifetime,
        "scope": " ".join(scope),
    }
    if "offline_access" in grant.request.scope and flaws.refresh_tokens != "none":
        kept = form.one("refresh_token") if flaws.refresh_tokens == "kept" else None
        answer["refresh_token"] = refresh_token = kept or secrets.token_urlsafe(32)
        authkit.store.refresh_tokens[refresh_token] = grant
    if flaws.token_type_missing:
        del answer["token_type"]
    return JSONResponse(answer, headers={} if flaws.cacheable else NO_STORE)


def _audience(authkit: AuthKit, grant: Grant, form: Parameters) -> str:
    """The audience for this grant and this token request; a refresh keeps the resource that was authorized."""
    asked = grant.request
    return granted_audience(authkit.settings, asked.resources, form.all("resource"), by_hand=asked.client.by_hand)


def _redeem_code(authkit: AuthKit, client: Client, form: Parameters) -> Grant:
    """The grant of a code, which is spent by the attempt. A second attempt ends the session (RFC 6749 4.1.2)."""
    store = authkit.store
    value = form.required("code")
    code = store.codes.get(value)
    if code is None:
        raise OAuthError(400, "invalid_grant", "The code is unknown.")
    if code.grant.request.client.client_id != client.client_id:
        raise OAuthError(400, "invalid_grant", "The code was issued to another client.")
    if value in store.spent:
        store.revoked_sessions.add(code.grant.session_id)
        raise OAuthError(400, "invalid_grant", "The code was used before.")
    store.spent.add(value)
    if code.expires_at <= time.time():
        raise OAuthError(400, "invalid_grant", "The code has expired.")
    asked = code.grant.request
    lenient = authkit.settings.lenient
    if asked.redirect_uri_sent and form.one("redirect_uri") != asked.redirect_uri and not lenient:
        raise OAuthError(400, "invalid_grant", "The redirect_uri differs from the one of the authorization request.")
    digest = hashlib.sha256((form.one("code_verifier") or "").encode()).digest()
    proven = base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == asked.code_challenge
    if not (proven or authkit.settings.authkit_flaws.pkce_unchecked or lenient):
        raise OAuthError(400, "invalid_grant", "The code_verifier does not match the code_challenge.")
    return code.grant


def _redeem_refresh_token(authkit: AuthKit, client: Client, form: Parameters) -> Grant:
    """The grant of a refresh token, which is rotated. Using a rotated one again ends the session (RFC 9700 4.14.2)."""
    store = authkit.store
    value = form.required("refresh_token")
    grant = store.refresh_tokens.get(value)
    if grant is None or grant.request.client.client_id != client.client_id:
        raise OAuthError(400, "invalid_grant", "The refresh token is unknown.")
    if value in store.spent:
        store.revoked_sessions.add(grant.session_id)
    if grant.session_id in store.revoked_sessions:
        raise OAuthError(400, "invalid_grant", "The refresh token was used before or its session has ended.")
    _audience(authkit, grant, form)  # a request refused for its resource must not cost the client its refresh token
    _narrowed_scope(grant, form)
    if authkit.settings.authkit_flaws.refresh_tokens != "kept":
        store.spent.add(value)
    return grant


def _narrowed_scope(grant: Grant, form: Parameters) -> tuple[str, ...]:
    asked = tuple((form.one("scope") or "").split()) or grant.request.scope
    if not set(asked) <= set(grant.request.scope):
        raise OAuthError(400, "invalid_scope", "The scope exceeds what was granted.")
    return asked


async def device_authorization(authkit: AuthKit, request: Request) -> Response:
    """`POST /oauth2/device_authorization`: advertised as AuthKit does, but no client here may use it (RFC 8628).

    Raises:
        OAuthError: always.
    """
    raise OAuthError(400, "unauthorized_client", "The device flow is not enabled for this client.")
