"""Which leg of a sign-in a request belongs to, as far as one must know to stop or to change it on the way."""

import json
from enum import StrEnum
from urllib.parse import parse_qs, urlsplit

from mitmproxy.http import HTTPFlow, Request

from addons.scope import is_authorization_server_metadata, is_protected_resource_metadata

FORM = "application/x-www-form-urlencoded"

_SMALL = 64 * 1024
"""Bytes of a body that is looked into; registrations and token requests are far smaller."""


class Leg(StrEnum):
    """The values are what users write before a colon, and what a user interface is told."""

    RESOURCE_METADATA = "resource-metadata"
    SERVER_METADATA = "server-metadata"
    REGISTER = "register"
    AUTHORIZE = "authorize"
    TOKEN = "token"  # noqa: S105 - the name of the endpoint
    REFRESH = "refresh"
    MCP = "mcp"
    OTHER = "other"


SIGN_IN = frozenset(Leg) - {Leg.MCP, Leg.OTHER}
"""The legs on which a client gets its token."""


def leg_of(request: Request) -> Leg:
    """The leg of a request whose body has been read."""
    path = request.path
    if is_protected_resource_metadata(path):
        return Leg.RESOURCE_METADATA
    if is_authorization_server_metadata(path):
        return Leg.SERVER_METADATA
    if request.method == "OPTIONS":
        return Leg.OTHER
    if request.method == "POST" and is_form(request):
        return _leg_of_parameters(_text(request))
    if request.method == "GET" and "?" in path:
        leg = leg_of_query(urlsplit(path).query)
        if leg is not Leg.OTHER:
            return leg
    if request.method == "POST":
        document = _json(request)
        if isinstance(document, dict) and "redirect_uris" in document:
            return Leg.REGISTER
        first = document[0] if isinstance(document, list) and document else document
        if isinstance(first, dict) and first.get("jsonrpc") == "2.0":
            return Leg.MCP
    speaks_mcp = "mcp-session-id" in request.headers or "text/event-stream" in request.headers.get("accept", "")
    return Leg.MCP if speaks_mcp else Leg.OTHER


def leg_of_query(query: str) -> Leg:
    """The leg of a GET by its query alone: an authorization request or nothing of interest."""
    leg = _leg_of_parameters(query)
    return leg if leg is Leg.AUTHORIZE else Leg.OTHER


def uses_a_token(flow: HTTPFlow) -> bool:
    """Whether a client has got a token, or gets on with the one it has."""
    if flow.response is None or flow.response.status_code >= 400:
        return False
    bears_one = flow.request.headers.get("authorization", "")[:7].lower() == "bearer "
    return bears_one or leg_of(flow.request) in (Leg.TOKEN, Leg.REFRESH)


def is_form(request: Request) -> bool:
    """Whether the body is one of form-encoded parameters."""
    return media_type(request.headers.get("content-type", "")) == FORM


def media_type(content_type: str) -> str:
    """A media type without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def _leg_of_parameters(encoded: str) -> Leg:
    names = parse_qs(encoded, keep_blank_values=True)
    if "grant_type" in names:
        return Leg.REFRESH if names["grant_type"] == ["refresh_token"] else Leg.TOKEN
    asks_for_code = "response_type" in names or "code_challenge" in names or "request_uri" in names
    return Leg.AUTHORIZE if asks_for_code and "client_id" in names else Leg.OTHER


def _text(request: Request) -> str:
    content = request.get_content(strict=False) or b""
    return content.decode("latin-1") if len(content) <= _SMALL else ""


def _json(request: Request) -> object:
    content = request.get_content(strict=False) or b""
    try:
        return json.loads(content) if content else None
    except (ValueError, RecursionError):
        return None
