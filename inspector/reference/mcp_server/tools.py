"""The MCP side of the server: the tools, spoken through the official SDK."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
)

from inspector.reference.mcp_server.user_api import UserUnavailable

CLAIMS = "inspector.reference.claims"
"""Key of the ASGI scope under which the authorization layer leaves the verified claims of the access token."""

SIGN_IN_SCOPE = "openid profile"
"""The least a client can sign in with."""

FULL_SCOPE = "openid profile email"
"""What every tool together needs."""

TOOL_SCOPES = {"get-user-info": "email", "get-workos-user": "email"}
"""The scope a tool needs beyond that of the sign-in."""

type FetchUser = Callable[[str], Awaitable[dict[str, Any]]]

_NO_ARGUMENTS = {"type": "object", "properties": {}, "additionalProperties": False}
_TOOLS = [
    Tool(
        name="get-user-info",
        description="Who is signed in, as the access token says it.",
        input_schema=_NO_ARGUMENTS,
    ),
    Tool(
        name="get-user-permissions",
        description="What the access token allows: its scope and its permissions.",
        input_schema=_NO_ARGUMENTS,
    ),
    Tool(
        name="get-workos-user",
        description="Who is signed in, as the authorization server's user API says it.",
        input_schema=_NO_ARGUMENTS,
    ),
]


def mcp_protocol(fetch_user: FetchUser) -> Server[Any]:
    """The SDK server with the reference tools, for every revision the SDK speaks.

    The low-level server is used because the high-level one installs a log handler on the root logger.
    """

    async def list_tools(
        context: ServerRequestContext[Any, Any], params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        return ListToolsResult(tools=_TOOLS)

    async def call_tool(context: ServerRequestContext[Any, Any], params: CallToolRequestParams) -> CallToolResult:
        assert context.request is not None  # only HTTP reaches this server
        return await _called(params.name, context.request.scope[CLAIMS], fetch_user)

    return Server("reference-mcp-server", version="1.0", on_list_tools=list_tools, on_call_tool=call_tool)


async def _called(tool: str, claims: dict[str, Any], fetch_user: FetchUser) -> CallToolResult:
    match tool:
        case "get-user-info":
            found = {name: claims.get(name) for name in ("sub", "org_id", "sid", "client_id", "iss", "aud")}
        case "get-user-permissions":
            found = {"scope": str(claims.get("scope", "")).split(), "permissions": claims.get("permissions", [])}
        case "get-workos-user":
            try:
                found = await fetch_user(claims["sub"])
            except UserUnavailable as problem:
                return CallToolResult(content=[TextContent(type="text", text=str(problem))], is_error=True)
        case _:
            raise MCPError(code=INVALID_PARAMS, message="There is no tool of this name.")
    return CallToolResult(content=[TextContent(type="text", text=json.dumps(found))], structured_content=found)
