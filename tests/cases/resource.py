"""`resource` left out, or not the one the MCP server publishes."""

from inspector.rules.model import Party
from tests.cases.rows import (
    BOTH_LEGS,
    CLAUDE,
    CLAUDE_CODE,
    CODEX,
    N8N,
    OH_MY_PI,
    OPENCODE,
    REFUSED,
    WARP,
    Changes,
    Section,
    refused,
    sent_back,
    signs_in,
)

ROWS = Section()

ATLASSIAN = {"endpoint": "https://mcp.atlassian.com/v1/mcp", "issuer": "https://auth.atlassian.com"}
KEYCLOAK = {"endpoint": "https://mcp.example.com/mcp", "issuer": "https://id.example.com/realms/mcp"}
ENVIRONMENT = "client_01HZENVAUTHKIT0000000000AB"


@ROWS.row(1, "warpdotdev/warp#9462", Party.CLIENT, "resource-missing-authorize")
def warp_at_an_authorization_server_that_demands_resource() -> Changes:
    page = {"authorize.status": 400, "authorize.body": "invalid_request", "authorize.header.content-type": "text/plain"}
    drop = [*BOTH_LEGS, "authorize.location"]
    return signs_in(WARP, {**ATLASSIAN, "until": "authorize", "drop": drop, "set": page})


@ROWS.row(2, "warpdotdev/warp#9462", Party.CLIENT, "resource-missing-authorize")
def warp_at_authkit() -> Changes:
    return signs_in(WARP, {**REFUSED, "drop": BOTH_LEGS, "set": {"token.claim.aud": ENVIRONMENT}})


@ROWS.row(3, "openai/codex#24890", Party.CLIENT, "resource-missing-authorize")
def codex_gets_a_token_for_itself() -> Changes:
    return signs_in(CODEX, {**KEYCLOAK, **REFUSED, "drop": BOTH_LEGS, "set": {"token.claim.aud": CODEX.client_id}})


@ROWS.row(4, "openai/codex#12589, openai/codex#12762", Party.CLIENT, "resource-missing-authorize")
def codex_is_refused_for_want_of_a_resource() -> Changes:
    refusal = sent_back("invalid_target", "resource is required")
    return signs_in(CODEX, {**KEYCLOAK, "until": "authorize", "drop": BOTH_LEGS, "set": refusal})


@ROWS.row(4, "openai/codex#12589, openai/codex#12762", Party.CLIENT, "resource-missing-token")
def codex_with_the_resource_added_by_hand() -> Changes:
    refusal = refused("token", "invalid_request", "resource is required")
    return signs_in(CODEX, {**KEYCLOAK, "until": "token", "drop": ["token.form.resource"], "set": refusal})


@ROWS.row(6, "openai/codex#33403", Party.CLIENT, "resource-missing-refresh")
def codex_refreshes_without_resource() -> Changes:
    default = {"refresh.claim.aud": "https://id.example.com/default"}
    drop = ["refresh.form.resource"]
    return signs_in(CODEX, {**KEYCLOAK, "refuse": ["again"], "drop": drop, "set": default})


@ROWS.row(7, "anthropics/claude-code#90497", Party.CLIENT, "resource-missing-authorize")
def claude_code_at_keycloak() -> Changes:
    return signs_in(CLAUDE_CODE, {**KEYCLOAK, **REFUSED, "drop": BOTH_LEGS, "set": {"token.claim.aud": "mcp-client"}})


@ROWS.row(8, "n8n-io/n8n#30733", Party.CLIENT, "resource-missing-authorize")
def n8n_discards_the_published_resource() -> Changes:
    return signs_in(N8N, {**KEYCLOAK, **REFUSED, "drop": [*BOTH_LEGS, "token.claim.aud"]})


@ROWS.row(9, "anomalyco/opencode#34592", Party.UNKNOWN, why="the refresh names the resource and the token is opaque")
def opencode_is_refused_after_a_refresh() -> Changes:
    opaque = {"token.json.access_token": "opaque-1", "refresh.json.access_token": "opaque-2"}
    return signs_in(OPENCODE, {**ATLASSIAN, "refuse": ["again"], "set": opaque})


@ROWS.row(11, "openai/codex#34467, openai/codex#28830", Party.CLIENT, "resource-repeated")
def codex_sends_two_resources() -> Changes:
    twice = ["https://mcp.example.com/mcp", "https://mcp.example.com"]
    refusal = sent_back("invalid_request", "expected string, received array")
    return signs_in(CODEX, {**KEYCLOAK, "until": "authorize", "set": {"authorize.query.resource": twice, **refusal}})


@ROWS.row(13, "anthropics/claude-code#52871", Party.CLIENT, "resource-less-specific")
def claude_code_sends_the_origin() -> Changes:
    origin = dict.fromkeys(["authorize.query.resource", "token.form.resource"], "https://mcp.example.com")
    refusal = refused("token", "invalid_target")
    return signs_in(CLAUDE_CODE, {**KEYCLOAK, "until": "token", "set": origin | refusal})


@ROWS.row(14, "can1357/oh-my-pi#10299", Party.CLIENT)
def oh_my_pi_takes_the_resource_of_the_endpoint_url() -> Changes:
    issuer = KEYCLOAK["issuer"]
    values = {
        "as.json.authorization_endpoint": f"{issuer}/oauth2/authorize?resource=https%3A%2F%2Fid.example.com",
        "authorize.query.resource": "https://id.example.com",
        **refused("token", "invalid_target", "resource indicator is missing, or unknown"),
    }
    return signs_in(OH_MY_PI, {**KEYCLOAK, "until": "token", "set": values})


@ROWS.row(
    15,
    "openai/codex#37387",
    Party.UNKNOWN,
    why="that the client stopped by itself looks like a user who went away; its comparison is not on the wire",
)
def codex_compares_with_the_query_of_its_url() -> Changes:
    return signs_in(CODEX, {**KEYCLOAK, "until": "prm", "set": {"challenge.url": "https://mcp.example.com/mcp?team=a"}})


@ROWS.row(
    16, "anthropics/claude-ai-mcp#478", Party.UNKNOWN, why="the browser leg, which would show the resource, is missing"
)
def claude_ends_at_the_root_of_the_server() -> Changes:
    return signs_in(CLAUDE, {**KEYCLOAK, "until": "register"})
