"""Failures from public issue trackers as captures: who is to blame, and the changes to the good run that show it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from inspector.rules.model import Party

type Changes = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One failure. `cause` is the rule that must be named, empty where several names are right.

    `why` says in one line why a capture cannot name the party; the verdict must then be that it is unknown.
    """

    number: int
    links: str
    party: Party
    cause: str
    why: str
    changes: Callable[[], Changes]

    @property
    def name(self) -> str:
        """What the row is called in the output of a test."""
        return f"{self.number}-{self.changes.__name__}"


@dataclass(frozen=True)
class Client:
    """How a client introduces itself, and where it listens for the redirect."""

    name: str
    version: str
    agent: str
    redirect_uri: str = "http://127.0.0.1:33418/callback"
    client_id: str = "s6BhdRkqt3"


WARP = Client("Warp", "v0.2026.04.22", "warp/0.2026", "http://127.0.0.1:9277/oauth2callback")
CODEX = Client("codex-mcp-client", "0.113.0", "codex_cli_rs/0.113.0")
CLAUDE_CODE = Client("claude-code", "2.1.251", "claude-code/2.1.251", "http://localhost:3118/callback")
CLAUDE = Client("claude-ai", "0.1.0", "python-httpx/0.28.1", "https://claude.ai/api/mcp/auth_callback")
CURSOR = Client(
    "cursor-vscode", "1.7.0", "Cursor/1.7.0", "cursor://anysphere.cursor-retrieval/oauth/user-demo/callback"
)
VSCODE = Client("Visual Studio Code", "1.106.0", "Visual Studio Code/1.106.0", "http://127.0.0.1:33418")
COPILOT = Client("github-copilot-developer", "1.0.0", "copilot-cli/1.0.0")
CHATGPT = Client("openai-mcp", "1.0.0", "openai-mcp/1.0.0", "https://chatgpt.com/connector_platform_oauth_redirect")
MCP_REMOTE = Client("mcp-remote", "0.1.17", "node", "http://127.0.0.1:3335/oauth/callback")
N8N = Client("n8n", "2.2.0", "axios/1.12.0", "https://n8n.example.com/rest/oauth2-credential/callback")
OPENCODE = Client("opencode", "1.2.0", "opencode/1.2.0", "http://127.0.0.1:19876/mcp/oauth/callback")
OH_MY_PI = Client("oh-my-pi", "0.9.0", "Bun/1.3.0", "http://localhost:3000/callback")
INSPECTOR = Client("inspector-client", "0.17.0", "Mozilla/5.0", "http://localhost:6274/oauth/callback")

REFUSED: Changes = {"until": "initialize", "refuse": ["initialize"]}
BOTH_LEGS = ["authorize.query.resource", "token.form.resource"]

_CALLS = ("challenge", "initialize", "initialized", "list", "call", "again")
_DIRECT = (*_CALLS, "prm", "as", "register", "token", "keys", "refresh")


def signs_in(client: Client, changes: Mapping[str, Any]) -> Changes:
    """The good run as this client makes it, with the changes."""
    hello = {
        "protocolVersion": "2025-11-25",
        "clientInfo": {"name": client.name, "version": client.version},
        "capabilities": {},
    }
    values: Changes = {f"{step}.request_header.user-agent": client.agent for step in _DIRECT}
    values |= {f"{step}.sent.params": hello for step in ("challenge", "initialize")}
    values |= {
        "register.sent.client_name": client.name,
        "register.sent.redirect_uris": [client.redirect_uri],
        "register.json": {"client_id": client.client_id, "redirect_uris": [client.redirect_uri]},
        "authorize.query.redirect_uri": client.redirect_uri,
        "token.form.redirect_uri": client.redirect_uri,
        "token.claim.client_id": client.client_id,
    }
    values |= {f"{leg}.client_id": client.client_id for leg in ("authorize.query", "token.form", "refresh.form")}
    return {**changes, "set": values | changes.get("set", {})}


def refused(step: str, error: str, description: str = "", status: int = 400) -> Changes:
    """The values of a step that the authorization server refuses with an OAuth error."""
    answer = {"error": error} | ({"error_description": description} if description else {})
    return {f"{step}.status": status, f"{step}.json": answer}


def sent_back(error: str, description: str = "") -> Changes:
    """The values of an authorization request that is answered with an error for the client."""
    answer = {"error": error, "state": "state-1"} | ({"error_description": description} if description else {})
    return {"authorize.location": answer}


class Section(list[Row]):
    """The rows of one section, in order."""

    def row(
        self, number: int, links: str, party: Party, cause: str = "", why: str = ""
    ) -> Callable[[Callable[[], Changes]], Callable[[], Changes]]:
        """Declare the failure that the function below builds."""

        def declare(changes: Callable[[], Changes]) -> Callable[[], Changes]:
            self.append(Row(number, links, party, cause, why, changes))
            return changes

        return declare
