"""The endpoints that answer questions about a token, or revoke one."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from inspector.reference.authkit.access_tokens import live_claims
from inspector.reference.authkit.clients import authenticated_client
from inspector.reference.authkit.emulator import AuthKit
from inspector.reference.authkit.errors import NO_STORE, OAuthError
from inspector.reference.authkit.parameters import form_of


async def introspection(authkit: AuthKit, request: Request) -> Response:
    """`POST /oauth2/introspection` (RFC 7662) for access tokens.

    Raises:
        OAuthError: the asking client is not authenticated, or names no token.
    """
    form = await form_of(request)
    await authenticated_client(authkit, request, form)
    claims = live_claims(authkit, form.required("token"))
    return JSONResponse({"active": False} if claims is None else {"active": True} | claims, headers=NO_STORE)


async def revocation(authkit: AuthKit, request: Request) -> Response:
    """`POST /oauth2/revoke` (RFC 7009). A refresh token takes its whole session with it, an access token only itself.

    Raises:
        OAuthError: the client is not authenticated, names no token, or names another client's.
    """
    form = await form_of(request)
    client = await authenticated_client(authkit, request, form)
    token, store = form.required("token"), authkit.store
    grant, claims = store.refresh_tokens.get(token), live_claims(authkit, token)
    owner = grant.request.client.client_id if grant else claims and claims.get("client_id")
    if owner not in (None, client.client_id):
        raise OAuthError(400, "invalid_request", "The token was issued to another client.")
    if grant:
        store.revoked_sessions.add(grant.session_id)
    elif claims:
        store.revoked_tokens.add(claims["jti"])
    return Response(status_code=200, headers=NO_STORE)  # also for a token nobody knows: it is not valid either


async def userinfo(authkit: AuthKit, request: Request) -> Response:
    """`GET /oauth2/userinfo` (OpenID Connect Core section 5.3).

    Raises:
        OAuthError: 401 `unauthorized`, AuthKit's own code, without a live access token.
    """
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    claims = live_claims(authkit, bearer.strip()) if scheme.lower() == "bearer" else None
    user = authkit.store.user_by_id(claims.get("sub", "")) if claims is not None else None
    if user is None:
        raise OAuthError(401, "unauthorized")
    return JSONResponse({"sub": user.user_id, "email": user.email, "email_verified": True}, headers=NO_STORE)
