"""The challenge, protected resource metadata and what clients make of them."""

from inspector.rules.model import Party
from tests.cases.rows import (
    CLAUDE,
    CLAUDE_CODE,
    CURSOR,
    MCP_REMOTE,
    VSCODE,
    Changes,
    Section,
    signs_in,
)

ROWS = Section()

HOST = "https://mcp.example.com"
SERVER = {"endpoint": f"{HOST}/mcp", "issuer": "https://id.example.com"}
NOT_FOUND = {"status": 404, "body": "Not found"}


@ROWS.row(34, "mesh-mcp#20, Mnexa-AI/e2a#635", Party.MCP_SERVER, "prm-resource-invalid-uri")
def server_behind_tls_publishes_http() -> Changes:
    return signs_in(CLAUDE_CODE, {**SERVER, "until": "prm", "set": {"prm.json.resource": "http://mcp.example.com/mcp"}})


@ROWS.row(35, "microsoft/vscode#259251", Party.CONFIGURATION, "endpoint-url-trailing-slash")
def vscode_is_configured_with_a_slash() -> Changes:
    slash = {"challenge.url": f"{HOST}/mcp/"}
    return signs_in(VSCODE, {**SERVER, "until": "prm", "set": slash})


@ROWS.row(37, "stripe/ai#341", Party.CONFIGURATION, "endpoint-url-trailing-slash")
def extension_is_configured_with_a_slash() -> Changes:
    slash = {"challenge.url": f"{HOST}/"}
    return signs_in(CLAUDE, {**SERVER, "endpoint": HOST, "until": "prm", "set": slash})


@ROWS.row(38, "n8n-io/n8n#34571, lightdash/lightdash#26726", Party.MCP_SERVER, "www-authenticate-missing")
def refusal_says_nothing() -> Changes:
    values = {"challenge.header": {}, "prm.status": 404, "prm.json": {}, "as.status": 404, "as.json": {}}
    values |= {
        "root.url": f"{HOST}/.well-known/oauth-protected-resource",
        "as.url": f"{HOST}/.well-known/oauth-authorization-server",
    }
    copy = [{"step": "prm", "name": "root", "after": "prm"}]
    return signs_in(CLAUDE_CODE, {**SERVER, "copy": copy, "until": "as", "set": values | {"root.status": 404}})


@ROWS.row(40, "anthropics/claude-code#85563, openai/codex#42427", Party.CLIENT, "client-ignores-resource-metadata-url")
def client_guesses_where_the_metadata_is() -> Changes:
    values = {
        "challenge.header": {"www-authenticate": f'Bearer resource_metadata="{HOST}/meta/resource.json"'},
        "prm.status": 404,
        "prm.json": {},
        "as.url": f"{HOST}/.well-known/oauth-authorization-server",
        "as.status": 404,
        "as.json": {},
    }
    return signs_in(MCP_REMOTE, {**SERVER, "until": "as", "set": values})


@ROWS.row(41, "anthropics/claude-code#95270", Party.CLIENT, "as-discovery-order")
def client_asks_for_server_metadata_at_the_wrong_place() -> Changes:
    server = {"endpoint": f"{HOST}/mcp", "issuer": "https://id.example.com/github"}
    values = {"as.url": "https://id.example.com/.well-known/oauth-authorization-server", "as.status": 404}
    return signs_in(CLAUDE_CODE, {**server, "until": "as", "set": values | {"as.json": {}}})


@ROWS.row(42, "anthropics/claude-ai-mcp#341", Party.CLIENT, "client-ignores-authorization-servers")
def client_authorizes_at_the_mcp_host() -> Changes:
    values = {"authorize.url": f"{HOST}/authorize", "authorize.status": 404, "authorize.body": "Not found"}
    drop = ["authorize.location"]
    return signs_in(CLAUDE, {**SERVER, "drop_step": ["as"], "until": "authorize", "drop": drop, "set": values})


@ROWS.row(44, "elastic/docs-builder#2804", Party.MCP_SERVER)
def challenge_names_an_internal_host() -> Changes:
    internal = "http://internal-alb-1.eu-west-1.elb.amazonaws.com/.well-known/oauth-protected-resource/mcp"
    values = {
        "challenge.header": {"www-authenticate": f'Bearer resource_metadata="{internal}"'},
        "prm.url": internal,
    }
    return signs_in(CLAUDE_CODE, {**SERVER, "until": "prm", "drop": ["prm.status", "prm.json"], "set": values})


@ROWS.row(
    45,
    "gamedevpl/gamedevpl#483",
    Party.UNKNOWN,
    why="whether a browser opened is not in the capture, and the metadata was found at the second place",
)
def cursor_registers_and_stops() -> Changes:
    values = {
        "path.status": 404,
        "challenge.header": {"www-authenticate": "Bearer"},
        "prm.url": f"{HOST}/.well-known/oauth-protected-resource",
    }
    copy = [{"step": "prm", "name": "path", "after": "challenge"}]
    return signs_in(CURSOR, {**SERVER, "copy": copy, "until": "register", "set": values})
