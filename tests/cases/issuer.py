"""Issuers that are not the same string everywhere."""

from inspector.rules.model import Party
from tests.cases.rows import (
    CLAUDE_CODE,
    CODEX,
    COPILOT,
    OPENCODE,
    REFUSED,
    Changes,
    Section,
    signs_in,
)

ROWS = Section()

HOST = "https://budget.example.com"
EMBEDDED = {"endpoint": f"{HOST}/mcp", "issuer": f"{HOST}/api/v1/auth"}
SERVER = {"endpoint": "https://mcp.example.com/mcp", "issuer": "https://id.example.com"}


@ROWS.row(47, "letehaha/budget-tracker#551", Party.AUTHORIZATION_SERVER, "as-metadata-issuer-mismatch")
def metadata_states_the_bare_origin() -> Changes:
    return signs_in(CLAUDE_CODE, {**EMBEDDED, "until": "as", "set": {"as.json.issuer": HOST}})


@ROWS.row(49, "github/copilot-cli#4606", Party.UNKNOWN, why="a slash after a bare origin: both sides have a case")
def issuer_lacks_the_slash_of_the_list() -> Changes:
    google = {"endpoint": "https://workspace.example.com/mcp", "issuer": "https://accounts.google.com"}
    listed = {"prm.json.authorization_servers": ["https://accounts.google.com/"]}
    return signs_in(COPILOT, {**google, "until": "as", "set": listed})


@ROWS.row(50, "coder/xum#3734", Party.UNKNOWN, why="what the client compares the issuer with is not on the wire")
def client_compares_the_issuer_with_the_endpoint() -> Changes:
    gitlab = {"endpoint": "https://gitlab.example.com/api/v4/mcp", "issuer": "https://gitlab.example.com"}
    return signs_in(OPENCODE, {**gitlab, "until": "as"})


@ROWS.row(51, "openai/codex#38944", Party.AUTHORIZATION_SERVER, "iss-mismatch")
def response_names_the_host_of_the_endpoint() -> Changes:
    values = {
        "as.json.authorization_response_iss_parameter_supported": True,
        "as.json.authorization_endpoint": "https://login.example.com/oauth2/authorize",
        "authorize.url": "https://login.example.com/oauth2/authorize",
        "authorize.location.iss": "https://login.example.com",
    }
    return signs_in(CODEX, {**SERVER, "until": "authorize", "set": values})


@ROWS.row(53, "PrefectHQ/fastmcp#4908", Party.CONFIGURATION, "token-iss-mismatch")
def tokens_are_of_the_project_and_not_of_the_server() -> Changes:
    descope = {"endpoint": "https://mcp.example.com/mcp", "issuer": "https://api.descope.com/v1/apps/agentic/P2/MS1"}
    return signs_in(CLAUDE_CODE, {**descope, **REFUSED, "set": {"token.claim.iss": "https://api.descope.com/P2"}})


@ROWS.row(54, "PackRat#2612", Party.MCP_SERVER, "fresh-token-rejected")
def server_verifies_with_the_wrong_issuer() -> Changes:
    own = {"endpoint": "https://packrat.example.com/mcp", "issuer": "https://packrat.example.com/api/auth"}
    return signs_in(CLAUDE_CODE, {**own, **REFUSED})
