"""The token endpoint, and the two endpoints that answer questions about a token."""

import base64
import hashlib
import secrets
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from inspector.reference.authkit.audience import audience
from inspector.reference.authkit.clients import authenticated_client
from inspector.reference.authkit.emulator import AuthKit
from inspector.reference.authkit.errors import NO_STORE, OAuthError
from inspector.reference.authkit.identifiers import new_id
from inspector.reference.authkit.parameters import Parameters, form_of
from inspector.reference.authkit.store import Client, Grant


async def token(authkit: AuthKit, request: Request) -> Response:
    """`POST /oauth2/token` for the grants `authorization_code` and `refresh_token`.

    Raises:
        OAuthError: RFC 6749 section 5.2, or `invalid_target` of RFC 8707.
    """
    form = await form_of(request)
    client = await authenticated_client(authkit, request, form)
    match form.required("grant_type"):
        case "authorization_code":
            grant = _redeem_code(authkit, client, form)
            scope = grant.request.scope
        case "refresh_token":
            grant = _redeem_refresh_token(authkit, client, form)
            scope = _narrowed_scope(grant, form)
        case _:
            raise OAuthError(400, "unsupported_grant_type", "The grant type is not supported.")
    lifetime = authkit.settings.token_lifetime
    answer: dict[str, Any] = {
        "access_token": _access_token(authkit, grant, scope, audience_of(authkit, grant, form)),
        "token_type": "Bearer",
        "expires_in": lifetime,
        "scope": " ".join(scope),
    }
    if "offline_access" in grant.request.scope:
        answer["refresh_token"] = refresh_token = secrets.token_urlsafe(32)
        authkit.store.refresh_tokens[refresh_token] = grant
    return JSONResponse(answer, headers=NO_STORE)


def audience_of(authkit: AuthKit, grant: Grant, form: Parameters) -> str:
    """The audience for this grant and this token request; a refresh keeps the resource that was authorized."""
    return audience(authkit.settings, grant.request.resources, form.all("resource"))


def _redeem_code(authkit: AuthKit, client: Client, form: Parameters) -> Grant:
    """The grant of a code, which is spent by the attempt. A second attempt ends the session (RFC 6749 4.1.2)."""
    store = authkit.store
    value = form.required("code")
    code = store.codes.get(value)
    if code is None:
        raise OAuthError(400, "invalid_grant", "The code is unknown.")
    if code.grant.request.client != client:
        raise OAuthError(400, "invalid_grant", "The code was issued to another client.")
    if value in store.spent:
        store.revoked_sessions.add(code.grant.session_id)
        raise OAuthError(400, "invalid_grant", "The code was used before.")
    store.spent.add(value)
    if code.expires_at <= time.time():
        raise OAuthError(400, "invalid_grant", "The code has expired.")
    asked = code.grant.request
    if asked.redirect_uri_sent and form.one("redirect_uri") != asked.redirect_uri:
        raise OAuthError(400, "invalid_grant", "The redirect_uri differs from the one of the authorization request.")
    digest = hashlib.sha256((form.one("code_verifier") or "").encode()).digest()
    if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked.code_challenge:
        raise OAuthError(400, "invalid_grant", "The code_verifier does not match the code_challenge.")
    return code.grant


def _redeem_refresh_token(authkit: AuthKit, client: Client, form: Parameters) -> Grant:
    """The grant of a refresh token, which is rotated. Using a rotated one again ends the session (RFC 9700 4.14.2)."""
    store = authkit.store
    value = form.required("refresh_token")
    grant = store.refresh_tokens.get(value)
    if grant is None or grant.request.client != client:
        raise OAuthError(400, "invalid_grant", "The refresh token is unknown.")
    if value in store.spent:
        store.revoked_sessions.add(grant.session_id)
    if grant.session_id in store.revoked_sessions:
        raise OAuthError(400, "invalid_grant", "The refresh token was used before or its session has ended.")
    audience_of(authkit, grant, form)  # a request refused for its resource must not cost the client its refresh token
    _narrowed_scope(grant, form)
    store.spent.add(value)
    return grant


def _narrowed_scope(grant: Grant, form: Parameters) -> tuple[str, ...]:
    asked = tuple((form.one("scope") or "").split()) or grant.request.scope
    if not set(asked) <= set(grant.request.scope):
        raise OAuthError(400, "invalid_scope", "The scope exceeds what was granted.")
    return asked


def _access_token(authkit: AuthKit, grant: Grant, scope: tuple[str, ...], token_audience: str) -> str:
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": authkit.issuer,
        "aud": token_audience,
        "sub": grant.user.user_id,
        "client_id": grant.request.client.client_id,
        "sid": grant.session_id,
        "jti": new_id("token"),
        "scope": " ".join(scope),
        "exp": now + authkit.settings.token_lifetime,
        "iat": now,
    }
    if authkit.settings.organization_id:
        claims["org_id"] = authkit.settings.organization_id
    if authkit.settings.permissions:
        claims["permissions"] = list(authkit.settings.permissions)
    return authkit.keys.sign(claims)


async def introspection(authkit: AuthKit, request: Request) -> Response:
    """`POST /oauth2/introspection` (RFC 7662) for access tokens.

    Raises:
        OAuthError: the asking client is not authenticated, or names no token.
    """
    form = await form_of(request)
    await authenticated_client(authkit, request, form)
    claims = _live_claims(authkit, form.required("token"))
    return JSONResponse({"active": False} if claims is None else {"active": True} | claims, headers=NO_STORE)


async def userinfo(authkit: AuthKit, request: Request) -> Response:
    """`GET /oauth2/userinfo` (OpenID Connect Core section 5.3).

    Raises:
        OAuthError: 401 `unauthorized`, AuthKit's own code, without a live access token.
    """
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    claims = _live_claims(authkit, bearer.strip()) if scheme.lower() == "bearer" else None
    user = authkit.store.user_by_id(claims.get("sub", "")) if claims is not None else None
    if user is None:
        raise OAuthError(401, "unauthorized")
    return JSONResponse({"sub": user.user_id, "email": user.email, "email_verified": True}, headers=NO_STORE)


def _live_claims(authkit: AuthKit, access_token: str) -> dict[str, Any] | None:
    claims = authkit.keys.claims(access_token, authkit.issuer)
    return None if claims is None or claims.get("sid") in authkit.store.revoked_sessions else claims


async def device_authorization(authkit: AuthKit, request: Request) -> Response:
    """`POST /oauth2/device_authorization`: advertised as AuthKit does, but no client here may use it (RFC 8628).

    Raises:
        OAuthError: always.
    """
    raise OAuthError(400, "unauthorized_client", "The device flow is not enabled for this client.")
