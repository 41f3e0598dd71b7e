"""Registrations, redirect URIs and the authentication of clients."""

from base64 import b64encode

from inspector.rules.model import Party
from tests.cases.rows import (
    CLAUDE_CODE,
    COPILOT,
    INSPECTOR,
    MCP_REMOTE,
    OPENCODE,
    VSCODE,
    Changes,
    Section,
    refused,
    signs_in,
)

ROWS = Section()

SERVER = {"endpoint": "https://mcp.example.com/mcp", "issuer": "https://id.example.com"}
AUTHKIT = {"endpoint": "https://mcp.example.com/mcp", "issuer": "https://example.authkit.app"}
DOCUMENT = "https://claude.ai/oauth/claude-code-client-metadata"
NO_REDIRECT = {"until": "authorize", "drop": ["authorize.location"]}


def page(error: str, description: str = "") -> Changes:
    return {"authorize.status": 400, "authorize.json": {"error": error, "error_description": description}}


@ROWS.row(
    56,
    "microsoft/vscode#278512, github/copilot-cli#1951",
    Party.UNKNOWN,
    why="RFC 8252 lets the port of a loopback redirect vary, RFC 6749 does not: both sides have a case",
)
def port_is_not_the_registered_one() -> Changes:
    values = {"authorize.query.redirect_uri": "http://127.0.0.1:51245/", **page("invalid_request", "redirect_uri")}
    values |= {f"register.{part}.redirect_uris": ["http://127.0.0.1:33418/"] for part in ("sent", "json")}
    return signs_in(VSCODE, {**SERVER, **NO_REDIRECT, "set": values})


@ROWS.row(
    57,
    "anthropics/claude-code#90370",
    Party.UNKNOWN,
    why="the authorization server fetched the client's metadata document past the proxy",
)
def document_has_no_port() -> Changes:
    values = {"authorize.query.client_id": DOCUMENT, **page("invalid_request", "does not match CIMD redirect_uris")}
    return signs_in(CLAUDE_CODE, {**SERVER, **NO_REDIRECT, "drop_step": ["register"], "set": values})


@ROWS.row(59, "anthropics/claude-code#4760", Party.CLIENT, "authorize-client-unknown")
def mcp_remote_uses_its_cache() -> Changes:
    changes = {**SERVER, **NO_REDIRECT, "drop_step": ["register"], "set": page("invalid_client", "unknown client")}
    return signs_in(MCP_REMOTE, changes)


@ROWS.row(60, "pi-mcp-adapter#90", Party.CLIENT, "authorize-client-unknown")
def stored_registration_is_gone() -> Changes:
    values = {
        "authorize.header": {
            "location": f"{AUTHKIT['issuer']}/oauth2/error?error=application_not_found",
        }
    }
    return signs_in(OPENCODE, {**AUTHKIT, **NO_REDIRECT, "drop_step": ["register"], "set": values})


def _with_secret(**more: object) -> Changes:
    basic = b64encode(f"{COPILOT.client_id}:secret-1".encode()).decode()
    return {
        "as.json.token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "register.sent.token_endpoint_auth_method": "client_secret_basic",
        "register.json.client_secret": "secret-1",
        "register.json.token_endpoint_auth_method": "client_secret_basic",
        "token.request_header.authorization": f"Basic {basic}",
        **refused("token", "invalid_client", status=401),
        **more,
    }


@ROWS.row(62, "archestra-ai/archestra#7977", Party.AUTHORIZATION_SERVER, "as-rejects-own-auth-method")
def basic_is_advertised_and_refused() -> Changes:
    return signs_in(COPILOT, {**SERVER, "until": "token", "drop": ["token.form.client_id"], "set": _with_secret()})


@ROWS.row(62, "metatool-ai/metamcp#342", Party.AUTHORIZATION_SERVER, "as-rejects-own-auth-method")
def basic_is_refused_and_the_body_accepted() -> Changes:
    values = _with_secret(
        **{
            "second.form.client_id": COPILOT.client_id,
            "second.form.client_secret": "secret-1",
            "initialize.bearer": "second",
        }
    )
    values |= {"second.claim.client_id": COPILOT.client_id}
    copy = [{"step": "token", "name": "second", "after": "token"}]
    changes = {**SERVER, "copy": copy, "until": "initialize", "drop": ["token.form.client_id"], "set": values}
    return signs_in(COPILOT, changes)


@ROWS.row(
    64,
    "zed-industries/zed#60358, modelcontextprotocol/typescript-sdk#2831",
    Party.UNKNOWN,
    why="the client must stop here, and the authorization servers that say nothing do know PKCE",
)
def server_does_not_say_that_it_knows_pkce() -> Changes:
    cognito = {"endpoint": "https://mcp.example.com/mcp", "issuer": "https://cognito-idp.eu-west-1.amazonaws.com/pool"}
    return signs_in(INSPECTOR, {**cognito, "until": "as", "drop": ["as.json.code_challenge_methods_supported"]})
