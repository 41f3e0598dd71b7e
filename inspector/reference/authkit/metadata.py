"""The emulator's two metadata documents and its key set."""

from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from inspector.reference.authkit.emulator import AuthKit
from inspector.reference.authkit.errors import OAuthError

SCOPES = ("email", "offline_access", "openid", "profile")
AUTH_METHODS = ("none", "client_secret_post", "client_secret_basic")
GRANT_TYPES = ("authorization_code", "refresh_token")

_HOME_PAGE = "<!doctype html><title>AuthKit emulator</title><p>Every path shows this page.</p>"
_READABLE_BY_ANY_SITE = {"Access-Control-Allow-Origin": "*"}


async def authorization_server(authkit: AuthKit, request: Request) -> Response:
    """`GET /.well-known/oauth-authorization-server` (RFC 8414): what is switched off is not advertised.

    Raises:
        OAuthError: 404, with the flaw of not publishing it.
    """
    issuer, flaws = authkit.issuer, authkit.settings.authkit_flaws
    if flaws.metadata == "html":
        return HTMLResponse(_HOME_PAGE)
    if flaws.metadata != "both":
        raise OAuthError(404, "not_found")
    document: dict[str, Any] = {
        "authorization_endpoint": f"{issuer}/oauth2/authorize",
        "code_challenge_methods_supported": ["S256"],
        "device_authorization_endpoint": f"{issuer}/oauth2/device_authorization",
        "grant_types_supported": list(GRANT_TYPES),
        "introspection_endpoint": f"{issuer}/oauth2/introspection",
        "issuer": stated_issuer(authkit),
        "jwks_uri": f"{issuer}/oauth2/jwks",
        "response_modes_supported": ["query"],
        "response_types_supported": ["code"],
        "scopes_supported": list(SCOPES),
        "token_endpoint": f"{issuer}/oauth2/token",
        "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
    }
    if flaws.pkce == "plain-only":
        document["code_challenge_methods_supported"] = ["plain"]
    elif flaws.pkce == "unadvertised":
        del document["code_challenge_methods_supported"]
    if flaws.metadata_incomplete:
        del document["token_endpoint"]
    if flaws.endpoint_insecure:
        document["introspection_endpoint"] = "http://introspection.example/"
    if flaws.response_iss != "omitted":
        document["authorization_response_iss_parameter_supported"] = True
    if authkit.settings.dcr:
        document["registration_endpoint"] = f"{issuer}/oauth2/register"
    if authkit.settings.cimd or flaws.cimd_refused:
        document["client_id_metadata_document_supported"] = True
    return JSONResponse(document, headers=_READABLE_BY_ANY_SITE)


async def openid_configuration(authkit: AuthKit, request: Request) -> Response:
    """`GET /.well-known/openid-configuration`: as AuthKit's, it says nothing of PKCE, registration or CIMD.

    Raises:
        OAuthError: 404, with the flaw of not publishing it.
    """
    issuer = authkit.issuer
    if authkit.settings.authkit_flaws.metadata == "html":
        return HTMLResponse(_HOME_PAGE)
    if authkit.settings.authkit_flaws.metadata == "none":
        raise OAuthError(404, "not_found")
    document = {
        "authorization_endpoint": f"{issuer}/oauth2/authorize",
        "grant_types_supported": list(GRANT_TYPES),
        "id_token_signing_alg_values_supported": ["RS256"],
        "introspection_endpoint": f"{issuer}/oauth2/introspection",
        "issuer": stated_issuer(authkit),
        "jwks_uri": f"{issuer}/oauth2/jwks",
        "response_modes_supported": ["query"],
        "response_types_supported": ["code"],
        "scopes_supported": list(SCOPES),
        "subject_types_supported": ["public"],
        "token_endpoint": f"{issuer}/oauth2/token",
        "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "userinfo_endpoint": f"{issuer}/oauth2/userinfo",
    }
    return JSONResponse(document, headers=_READABLE_BY_ANY_SITE)


def stated_issuer(authkit: AuthKit) -> str:
    """The issuer as the metadata documents spell it."""
    return misspelt(authkit.issuer, authkit.settings.authkit_flaws.issuer)


def misspelt(issuer: str, flaw: str) -> str:
    """An issuer as it is, with a slash too many, or that of somebody else."""
    return {"trailing-slash": issuer + "/", "other": "https://other-issuer.example"}.get(flaw, issuer)


async def key_set(authkit: AuthKit, request: Request) -> Response:
    """`GET /oauth2/jwks`."""
    return JSONResponse(authkit.keys.jwk_set(), headers=_READABLE_BY_ANY_SITE)
