"""The authorization endpoint and what a person sees there: sign-in with consent, or an error page."""

import html
import re
import secrets
import time
from collections.abc import Mapping
from functools import cache
from importlib import resources
from string import Template

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from inspector.reference.authkit.client_documents import PROBLEMS
from inspector.reference.authkit.clients import find
from inspector.reference.authkit.emulator import AuthKit
from inspector.reference.authkit.errors import OAuthError
from inspector.reference.authkit.identifiers import new_id
from inspector.reference.authkit.metadata import SCOPES, misspelt
from inspector.reference.authkit.parameters import Parameters, form_of
from inspector.reference.authkit.redirects import matches, with_parameters
from inspector.reference.authkit.store import AuthorizationRequest, Client, Code, Grant

DEMO_USER = "ada@example.com"
"""Who signs in when nobody is asked, and what the sign-in page proposes."""

_CHALLENGE = re.compile(r"[A-Za-z0-9._~-]{43}")  # base64url of SHA-256 (RFC 7636 section 4.2)
_PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
_ERRORS = PROBLEMS | {
    "application_not_found": "No application with this client ID exists in this environment.",
    "invalid_redirect_uri": "The redirect URI is not one the application has registered.",
    "sign_in_expired": "This sign-in was answered before, or the server was restarted. Start again in the application.",
}


async def authorize(authkit: AuthKit, request: Request) -> Response:
    """`GET /oauth2/authorize`: a page, or at once a code when `auto_approve` is set.

    A wrong client or redirect URI never reaches the client: the browser ends on an error page. Every other
    mistake is sent to the redirect URI (RFC 6749 section 4.1.2.1).
    """
    try:
        parameters = Parameters(request.scope["query_string"].decode("latin-1"))
        client = await find(authkit, parameters.required("client_id"))
        redirect_uri = parameters.one("redirect_uri")
    except OAuthError as error:
        return _to_error_page(error.error)
    flaws = authkit.settings.authkit_flaws
    if client is None or flaws.clients_forgotten:
        return _to_error_page("application_not_found")
    if redirect_uri is None and len(client.redirect_uris) == 1:
        redirect_uri = client.redirect_uris[0]
    lenient = authkit.settings.lenient
    is_registered = redirect_uri and any(matches(redirect_uri, registered) for registered in client.redirect_uris)
    if redirect_uri is None or not (is_registered or lenient):
        return _to_error_page("invalid_redirect_uri")
    try:
        asked = _validated(client, redirect_uri, parameters, lenient=lenient)
        if flaws.resource_refused_early and asked.resources:
            raise OAuthError(400, "invalid_target", "The resource is not a configured resource indicator.")
        if flaws.access_denied:
            raise OAuthError(400, "access_denied", "A policy does not allow this application.")
    except OAuthError as error:
        answer = {"error": error.error, "error_description": error.description}
        state = next(iter(parameters.all("state")), None)
        return _redirect(_response_url(authkit, redirect_uri, state, answer))
    if authkit.settings.auto_approve:
        return _redirect(_approval(authkit, asked, DEMO_USER))
    sign_in = secrets.token_urlsafe(24)
    authkit.store.sign_ins[sign_in] = asked
    return _consent_page(sign_in, asked)


def _validated(client: Client, redirect_uri: str, parameters: Parameters, *, lenient: bool) -> AuthorizationRequest:
    if parameters.required("response_type") != "code":
        raise OAuthError(400, "unsupported_response_type", "Only the response type code is supported.")
    challenge = parameters.one("code_challenge") or "" if lenient else parameters.required("code_challenge")
    if parameters.one("code_challenge_method") != "S256" and not lenient:
        raise OAuthError(400, "invalid_request", "The code_challenge_method must be S256.")
    if not (_CHALLENGE.fullmatch(challenge) or lenient):
        raise OAuthError(400, "invalid_request", "The code_challenge is not the base64url form of a SHA-256 hash.")
    asked_scope = (parameters.one("scope") or "openid profile email").split()
    return AuthorizationRequest(
        client=client,
        redirect_uri=redirect_uri,
        redirect_uri_sent=parameters.one("redirect_uri") is not None,
        state=parameters.one("state"),
        scope=tuple(dict.fromkeys(name for name in asked_scope if name in SCOPES)),
        resources=parameters.all("resource"),
        code_challenge=challenge,
    )


async def consent(authkit: AuthKit, request: Request) -> Response:
    """`POST /oauth2/consent`: the answer to the sign-in page.

    Raises:
        OAuthError: the form is not one.
    """
    form = await form_of(request)
    sign_in = form.one("sign_in") or ""
    asked = authkit.store.sign_ins.get(sign_in)
    if asked is None:
        return _error_page("sign_in_expired", status=400)
    email = form.one("email") or ""
    allowed = form.one("decision") == "allow"
    if allowed and not re.fullmatch(r"[^@\s]+@[^@\s]+", email):
        return _consent_page(sign_in, asked, email, problem="Enter an email address, such as ada@example.com.")
    del authkit.store.sign_ins[sign_in]
    if allowed:
        return _redirect(_approval(authkit, asked, email), status=303)
    denial = {"error": "access_denied", "error_description": "The user refused."}
    return _redirect(_response_url(authkit, asked.redirect_uri, asked.state, denial), status=303)


async def error(authkit: AuthKit, request: Request) -> Response:
    """`GET /oauth2/error`: the page a person is left on. The status is 200, as measured at AuthKit."""
    return _error_page(request.query_params.get("error", "unknown_error"))


def _approval(authkit: AuthKit, asked: AuthorizationRequest, email: str) -> str:
    """The redirect URI with a fresh code and the client's `state`."""
    code = secrets.token_urlsafe(32)
    grant = Grant(asked, authkit.store.user(email), new_id("session"))
    authkit.store.codes[code] = Code(grant, time.time() + authkit.settings.code_lifetime)
    return _response_url(authkit, asked.redirect_uri, asked.state, {"code": code})


def _response_url(authkit: AuthKit, redirect_uri: str, state: str | None, answer: Mapping[str, str]) -> str:
    """The redirect URI with the authorization response. AuthKit sends no `iss` (RFC 9207)."""
    flaws = authkit.settings.authkit_flaws
    silent = flaws.response_iss in ("omitted", "promised")
    iss = None if silent else misspelt(authkit.issuer, flaws.response_iss)
    return with_parameters(redirect_uri, {**answer, "state": None if flaws.state_dropped else state, "iss": iss})


def _redirect(location: str, status: int = 302) -> Response:
    # Not RedirectResponse: it re-encodes the URL, and the client must get its own redirect URI back unchanged.
    return Response(status_code=status, headers={"Location": location, "Cache-Control": "no-store"})


def _to_error_page(code: str) -> Response:
    return RedirectResponse(with_parameters("/oauth2/error", {"error": code}), status_code=302)


def _consent_page(sign_in: str, asked: AuthorizationRequest, email: str = DEMO_USER, problem: str = "") -> Response:
    values = {
        "sign_in": sign_in,
        "client_name": asked.client.name or asked.client.client_id,
        "client_id": asked.client.client_id,
        "redirect_uri": asked.redirect_uri,
        "resource": " ".join(asked.resources) or "not named by the application",
        "scope": " ".join(asked.scope) or "none",
        "email": email,
        "problem": problem,
        "problem_hidden": "" if problem else "hidden",
        "email_invalid": "true" if problem else "false",
    }
    return _page("consent.html", values, 400 if problem else 200)


def _error_page(code: str, status: int = 200) -> Response:
    explanation = _ERRORS.get(code, "The sign-in cannot go on.")
    return _page("error.html", {"code": code, "explanation": explanation}, status)


def _page(name: str, values: Mapping[str, str], status: int) -> Response:
    escaped = {key: html.escape(value) for key, value in values.items()}
    return HTMLResponse(_template(name).substitute(escaped), status_code=status, headers=_PAGE_HEADERS)


@cache
def _template(name: str) -> Template:
    return Template(resources.files(__package__).joinpath(name).read_text("utf-8"))
