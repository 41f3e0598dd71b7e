"""Clients: dynamic registration (RFC 7591), look-up by id, and authentication at the token endpoint."""

import base64
import json
import secrets
import time
from typing import Any
from urllib.parse import unquote_plus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from inspector.reference.authkit.client_documents import UnusableDocument, is_document_url
from inspector.reference.authkit.emulator import AuthKit
from inspector.reference.authkit.errors import NO_STORE, OAuthError
from inspector.reference.authkit.identifiers import new_id
from inspector.reference.authkit.metadata import AUTH_METHODS, GRANT_TYPES, SCOPES
from inspector.reference.authkit.parameters import Parameters, body_of, is_text
from inspector.reference.authkit.redirects import problem_with
from inspector.reference.authkit.store import Client


async def find(authkit: AuthKit, client_id: str) -> Client | None:
    """The client with this id; every endpoint that is given a client id asks here.

    Raises:
        UnusableDocument: the id is the URL of a metadata document that is no good.
    """
    settings = authkit.settings
    if settings.cimd and not settings.authkit_flaws.cimd_refused and is_document_url(client_id):
        return await authkit.documents.client(client_id, allow_loopback=settings.cimd_on_loopback)
    return authkit.store.clients.get(client_id)


async def register(authkit: AuthKit, request: Request) -> Response:
    """`POST /oauth2/register`: 404 while dynamic client registration is off, as in a new environment.

    Raises:
        OAuthError: the metadata cannot be accepted (RFC 7591 section 3.2.2).
    """
    flaw = authkit.settings.authkit_flaws.registration
    if not authkit.settings.dcr or flaw == "not-found":
        raise OAuthError(404, "not_found", "Dynamic client registration is not enabled.")
    metadata = _metadata_in(await body_of(request))
    auth_method = metadata.get("token_endpoint_auth_method", "client_secret_basic")
    if auth_method not in AUTH_METHODS:
        raise OAuthError(400, "invalid_client_metadata", "The token_endpoint_auth_method is not supported.")
    if flaw == "redirect-uri-refused":
        raise OAuthError(400, "invalid_redirect_uri", "The redirect URI is not one of a web application.")
    if flaw == "secret-forced":
        auth_method = "client_secret_basic"
    auth_method = authkit.settings.registered_auth_method or auth_method
    client = Client(
        client_id=new_id("client"),
        name=_text(metadata, "client_name"),
        redirect_uris=_redirect_uris(metadata),
        auth_method=auth_method,
        secret=None if auth_method == "none" else secrets.token_urlsafe(32),
    )
    scope = [name for name in _text(metadata, "scope").split() if name in SCOPES]
    authkit.store.clients[client.client_id] = client
    answer: dict[str, Any] = {
        "client_id": client.client_id,
        "client_id_issued_at": int(time.time()),
        "client_name": client.name,
        "redirect_uris": list(client.redirect_uris),
        "grant_types": list(GRANT_TYPES),
        "response_types": ["code"],
        "token_endpoint_auth_method": client.auth_method,
        "scope": " ".join(scope or SCOPES),
    }
    if client.secret is not None:
        answer |= {"client_secret": client.secret, "client_secret_expires_at": 0}
    return JSONResponse(answer, status_code=201, headers=NO_STORE | {"Access-Control-Allow-Origin": "*"})


def _metadata_in(body: bytes) -> dict[str, Any]:
    try:
        metadata = json.loads(body)
    except (ValueError, RecursionError):
        metadata = None
    if not isinstance(metadata, dict):
        raise OAuthError(400, "invalid_client_metadata", "The body is not a JSON object.")
    return metadata


def _text(metadata: dict[str, Any], name: str) -> str:
    value = metadata.get(name, "")
    if not is_text(value):
        raise OAuthError(400, "invalid_client_metadata", f"The {name} is not a string of Unicode characters.")
    return value


def _redirect_uris(metadata: dict[str, Any]) -> tuple[str, ...]:
    uris = metadata.get("redirect_uris")
    if not isinstance(uris, list) or not uris:
        raise OAuthError(400, "invalid_redirect_uri", "The redirect_uris are not a list with at least one URI.")
    for position, uri in enumerate(uris):
        problem = problem_with(uri) if isinstance(uri, str) else "is not a string"
        if problem:
            raise OAuthError(400, "invalid_redirect_uri", f"The redirect URI at position {position} {problem}.")
    return tuple(uris)


async def authenticated_client(authkit: AuthKit, request: Request, form: Parameters) -> Client:
    """The client that sent a token request, authenticated by exactly the method it registered.

    Raises:
        OAuthError: 401 `invalid_client` (RFC 6749 section 5.2).
    """
    authorization = request.headers.get("authorization", "")
    basic = authorization[6:] if authorization[:6].lower() == "basic " else None
    if basic is not None:
        method, (client_id, secret) = "client_secret_basic", _basic_credentials(basic)
        if form.one("client_id") not in (None, client_id):
            raise _invalid_client("The client_id of the form and of the Authorization header differ.", basic)
    else:
        client_id, secret = form.one("client_id"), form.one("client_secret")
        method = "none" if secret is None else "client_secret_post"
    if client_id is None:
        raise _invalid_client("Missing authorization header.", basic)
    try:
        client = await find(authkit, client_id)
    except UnusableDocument as problem:
        raise _invalid_client(problem.description, basic) from None
    if client is None:
        raise _invalid_client("The client is unknown.", basic)
    if authkit.settings.lenient:
        return client
    if client.auth_method != method:
        raise _invalid_client(f"The client must authenticate with {client.auth_method}.", basic)
    if not secrets.compare_digest((client.secret or "").encode(), (secret or "").encode()):
        raise _invalid_client("The client secret is wrong.", basic)
    return client


def _basic_credentials(encoded: str) -> tuple[str | None, str | None]:
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:  # not ASCII, not base64, or not UTF-8 inside
        return None, None
    return unquote_plus(client_id), unquote_plus(secret)


def _invalid_client(description: str, basic: str | None) -> OAuthError:
    headers = {} if basic is None else {"WWW-Authenticate": 'Basic realm="AuthKit"'}
    return OAuthError(401, "invalid_client", description, headers)
