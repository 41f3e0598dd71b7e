"""A FastMCP server behind FastMCP's own AuthKitProvider, on a free loopback port. Prints its URL and serves."""

import socket
import sys
from typing import Any

import uvicorn
from fastmcp import FastMCP
from fastmcp.server.auth.providers.workos import AuthKitProvider
from fastmcp.server.dependencies import get_access_token


def get_user_info() -> dict[str, Any]:
    """Who is signed in."""
    token = get_access_token()
    return dict(token.claims) if token else {}


def main(issuer: str) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    base_url = f"http://localhost:{listening.getsockname()[1]}"
    server = FastMCP("FastMCP", auth=AuthKitProvider(authkit_domain=issuer, base_url=base_url))
    server.tool(get_user_info, name="get-user-info")
    config = uvicorn.Config(server.http_app(), log_level="warning")
    print(f"{base_url}/mcp", flush=True)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main(sys.argv[1])
