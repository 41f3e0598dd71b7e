"""Settings and policies of the authorization server, and what authorization server products cannot do."""

from urllib.parse import urlencode

import jwt

from inspector.rules.model import Party
from tests.cases.rows import (
    CHATGPT,
    CLAUDE,
    CLAUDE_CODE,
    CODEX,
    CURSOR,
    REFUSED,
    Changes,
    Section,
    refused,
    signs_in,
)

ROWS = Section()

AUTHKIT = {"endpoint": "https://mcp.example.com/mcp", "issuer": "https://example.authkit.app"}
HYDRA = {"endpoint": "https://mcp.example.com/mcp", "issuer": "https://hydra.example.com"}
SENTRY = {"endpoint": "https://mcp.sentry.dev/mcp", "issuer": "https://mcp.sentry.dev"}


@ROWS.row(18, "anthropics/claude-ai-mcp#271", Party.CONFIGURATION, "invalid-target")
def resource_missing_from_the_dashboard() -> Changes:
    return signs_in(CLAUDE, {**AUTHKIT, "until": "token", "set": refused("token", "invalid_target")})


@ROWS.row(20, "getsentry/sentry-mcp#836", Party.CONFIGURATION, "invalid-target")
def only_the_origin_is_a_known_resource() -> Changes:
    values = {
        "root.url": "https://mcp.sentry.dev/.well-known/oauth-protected-resource",
        "root.json.resource": "https://mcp.sentry.dev",
        **refused("token", "invalid_target"),
    }
    copy = [{"step": "prm", "name": "root", "after": "prm"}]
    return signs_in(CLAUDE_CODE, {**SENTRY, "copy": copy, "until": "token", "set": values})


@ROWS.row(22, "laravel/mcp#173, better-auth/better-auth#10946", Party.CONFIGURATION, "redirect-uri-custom-scheme")
def registration_takes_no_custom_scheme() -> Changes:
    refusal = refused("register", "invalid_redirect_uri", "redirect_uris must be https or loopback")
    return signs_in(CURSOR, {**HYDRA, "until": "register", "set": refusal})


@ROWS.row(23, "atlassian/atlassian-mcp-server#246", Party.AUTHORIZATION_SERVER)
def registered_loopback_redirect_is_refused() -> Changes:
    page = {
        "authorize.status": 400,
        "authorize.json": {
            "error": "unauthorized_client",
            "error_description": f"redirect_uri is not registered for client: {CODEX.redirect_uri}",
        },
    }
    return signs_in(CODEX, {**HYDRA, "until": "authorize", "drop": ["authorize.location"], "set": page})


@ROWS.row(
    25,
    "PrefectHQ/fastmcp#4659",
    Party.UNKNOWN,
    why="the key of the assertion cannot be checked: a wrong one looks the same as a wrong idea of the audience",
)
def client_assertion_for_the_advertised_endpoint_is_refused() -> Changes:
    # {"alg":"RS256"} and the claims iss, sub and aud, the latter the token endpoint as advertised.
    assertion = _assertion(CHATGPT.client_id, f"{HYDRA['issuer']}/oauth2/token")
    values = {
        "as.json.token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "register.json.token_endpoint_auth_method": "private_key_jwt",
        "token.form.client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "token.form.client_assertion": assertion,
        **refused("token", "invalid_client", status=401),
    }
    return signs_in(CHATGPT, {**HYDRA, "until": "token", "set": values})


@ROWS.row(
    26,
    "anthropics/claude-code#86233, anthropics/claude-code#82096",
    Party.UNKNOWN,
    why="one authorization server wants localhost, another 127.0.0.1: without its list nobody is wrong",
)
def redirect_is_refused_for_the_name_of_the_host() -> Changes:
    page = {
        "authorize.status": 400,
        "authorize.json": {"error": "redirect_uri_mismatch", "error_description": "redirect_uri must match"},
    }
    changes = {**HYDRA, "drop_step": ["register"], "until": "authorize", "drop": ["authorize.location"], "set": page}
    return signs_in(CLAUDE_CODE, changes)


@ROWS.row(27, "agentserver/agentserver#267", Party.AUTHORIZATION_SERVER, "aud-missing")
def hydra_leaves_the_audience_empty() -> Changes:
    return signs_in(CLAUDE_CODE, {**HYDRA, **REFUSED, "set": {"token.claim.aud": []}})


@ROWS.row(29, "n8n-io/n8n#30054, n8n-io/n8n#30558", Party.CONFIGURATION, "aud-mismatch")
def audience_is_a_constant() -> Changes:
    return signs_in(CODEX, {**HYDRA, **REFUSED, "set": {"token.claim.aud": "mcp-server-api"}})


@ROWS.row(30, "IBM/mcp-context-forge#4384", Party.CONFIGURATION, "aud-is-client-id")
def audience_is_always_the_client_id() -> Changes:
    return signs_in(CODEX, {**HYDRA, **REFUSED, "set": {"token.claim.aud": CODEX.client_id}})


@ROWS.row(
    32,
    "sooperset/mcp-atlassian#1137",
    Party.UNKNOWN,
    why="the request the MCP server makes at the authorization server behind it does not pass the proxy",
)
def server_hands_the_resource_on_to_the_one_behind() -> Changes:
    own = {"endpoint": "https://mcp.example.com/mcp", "issuer": "https://mcp.example.com"}
    behind = "https://auth.atlassian.com/authorize"
    query = {
        "client_id": "server-at-atlassian",
        "response_type": "code",
        "redirect_uri": "https://mcp.example.com/auth/callback",
        "code_challenge": "4d2nJ2Hk3pRz2yJ8m8tQZrR1p0a8w3h2Q7uK1c9Vb5E",
        "code_challenge_method": "S256",
        "state": "state-of-the-server",
        "resource": own["endpoint"],
    }
    values = {
        "hop.url": behind,
        "hop.query": query,
        "hop.location": {"code": "code-of-the-one-behind", "state": "state-of-the-server"},
        "authorize.header.location": f"{behind}?{urlencode(query)}",
    }
    copy = [{"step": "authorize", "name": "hop", "after": "authorize"}]
    drop_step = ["token", "keys", "initialize", "initialized", "list", "call", "refresh", "again"]
    changes = {**own, "copy": copy, "drop_step": drop_step, "drop": ["authorize.location"], "set": values}
    return signs_in(CLAUDE_CODE, changes)


def _assertion(client_id: str, audience: str) -> str:
    return jwt.encode({"iss": client_id, "sub": client_id, "aud": audience}, "a-secret-of-at-least-32-characters")
