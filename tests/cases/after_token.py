"""Scopes, errors, and what happens once the client has its token."""

from inspector.rules.model import Party
from tests.cases.rows import (
    CLAUDE,
    CLAUDE_CODE,
    INSPECTOR,
    VSCODE,
    Changes,
    Section,
    sent_back,
    signs_in,
)

ROWS = Section()

SERVER = {"endpoint": "https://mcp.example.com/mcp", "issuer": "https://id.example.com"}
AUTHKIT = {"endpoint": "https://mcp.example.com/mcp", "issuer": "https://example.authkit.app"}
ORIGIN = "http://localhost:6274"


@ROWS.row(65, "anthropics/claude-code#41610", Party.CLIENT)
def client_asks_for_a_scope_nobody_offers() -> Changes:
    values = {"as.json.scopes_supported": ["openid"], **sent_back("invalid_scope", "offline_access is not supported")}
    return signs_in(CLAUDE_CODE, {**SERVER, "until": "authorize", "set": values})


@ROWS.row(
    68,
    "anthropics/claude-code#89862",
    Party.UNKNOWN,
    why="a refresh without scope keeps the scopes (RFC 6749 section 6), and the token is opaque",
)
def refresh_without_scope_loses_access() -> Changes:
    opaque = {"token.json.access_token": "opaque-1", "refresh.json.access_token": "opaque-2"}
    return signs_in(CLAUDE_CODE, {**SERVER, "refuse": ["again"], "set": opaque})


@ROWS.row(69, "anthropics/claude-ai-mcp#620", Party.UNKNOWN, why="what the edge drops never reaches this side")
def token_is_never_seen_at_the_server() -> Changes:
    return signs_in(CLAUDE, {**AUTHKIT, "until": "keys"})


@ROWS.row(69, "anthropics/claude-ai-mcp#438", Party.EDGE, "edge-blocked")
def edge_answers_instead_of_the_server() -> Changes:
    blocked = {
        "initialize.status": 403,
        "initialize.header": {"server": "cloudflare", "cf-ray": "8a1b2c3d4e5f", "content-type": "text/html"},
        "initialize.body": "<!DOCTYPE html><title>Attention Required! | Cloudflare</title>",
    }
    return signs_in(CLAUDE, {**AUTHKIT, "until": "initialize", "set": blocked})


@ROWS.row(69, "anthropics/claude-ai-mcp#968", Party.EDGE, "edge-blocked")
def edge_answers_in_plain_text() -> Changes:
    blocked = {
        "initialize.status": 403,
        "initialize.header": {"server": "cloudflare", "cf-ray": "8a1b2c3d4e5f", "content-type": "text/plain"},
        "initialize.body": "Your request was blocked.",
    }
    return signs_in(CLAUDE, {**AUTHKIT, "until": "initialize", "set": blocked})


@ROWS.row(70, "anthropics/claude-ai-mcp#335", Party.UNKNOWN, why="a bare 403 can be the server's or the edge's")
def bare_403_after_the_token() -> Changes:
    bare = {"initialize.status": 403, "initialize.header": {"content-type": "text/plain"}, "initialize.body": ""}
    return signs_in(CLAUDE, {**AUTHKIT, "until": "initialize", "set": bare})


@ROWS.row(72, "anthropics/claude-ai-mcp#789, #680, #540, #815", Party.UNKNOWN, why="the token is never presented")
def token_is_never_presented() -> Changes:
    return signs_in(CLAUDE, {**SERVER, "until": "token"})


@ROWS.row(74, "vercel/mcp-handler#181", Party.MCP_SERVER, "unauthorized-status-not-401")
def expired_token_is_answered_403() -> Changes:
    return _late({"again.status": 403, "again.json": {"error": "forbidden"}})


@ROWS.row(74, "PrefectHQ/fastmcp#2461", Party.MCP_SERVER, "unauthorized-status-not-401")
def expired_token_is_answered_400() -> Changes:
    return _late({"again.status": 400, "again.json": {"error": "token expired"}})


@ROWS.row(74, "GitBookIO/gitbook#4280", Party.MCP_SERVER, "unauthorized-status-not-401")
def expired_token_is_answered_with_a_redirect() -> Changes:
    return _late({"again.status": 307, "again.header": {"location": "https://mcp.example.com/login"}})


@ROWS.row(74, "MediaWiki-MCP#443, ms-365#406", Party.MCP_SERVER)
def expired_token_is_answered_with_an_error_of_the_tool() -> Changes:
    failed = {"content": [{"type": "text", "text": "401 Unauthorized: token expired"}], "isError": True}
    return _late({"again.json": {"jsonrpc": "2.0", "id": 5, "result": failed}})


@ROWS.row(75, "getsentry/sentry-mcp#999, metatool-ai/metamcp#295", Party.AUTHORIZATION_SERVER)
def browser_client_is_refused_at_the_token_endpoint() -> Changes:
    values: Changes = {
        f"{step}.request_header.origin": ORIGIN for step in ("challenge", "prm", "as", "register", "token")
    }
    values |= {f"{step}.header.access-control-allow-origin": "*" for step in ("challenge", "prm", "as", "register")}
    values |= {
        "preflight.method": "OPTIONS",
        "preflight.request_header": {
            "origin": ORIGIN,
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type",
            "user-agent": INSPECTOR.agent,
        },
        "preflight.status": 405,
        "preflight.header": {},
        "preflight.body": "",
    }
    copy = [{"step": "token", "name": "preflight", "after": "authorize"}]
    drop = ["preflight.form", "preflight.claim", "preflight.json"]
    changes = {**SERVER, "copy": copy, "drop_step": ["token"], "until": "preflight", "drop": drop, "set": values}
    return signs_in(INSPECTOR, changes)


@ROWS.row(77, "PrefectHQ/fastmcp#4850", Party.UNKNOWN, why="the token is opaque, and the reason is in the server's log")
def server_refuses_its_own_token() -> Changes:
    own = {"endpoint": "https://mcp.example.com/mcp", "issuer": "https://mcp.example.com"}
    opaque = {"token.json.access_token": "opaque-1"}
    return signs_in(VSCODE, {**own, "until": "initialize", "refuse": ["initialize"], "set": opaque})


def _late(answer: Changes) -> Changes:
    """The last call comes after the token's end, without a refresh before it."""
    late = {"again.wait": 4000, "again.bearer": "token"}
    return signs_in(CLAUDE_CODE, {**SERVER, "drop_step": ["refresh"], "set": late | answer})
