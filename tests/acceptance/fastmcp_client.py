"""FastMCP's client as a program of its own: sign in with the browser, list the tools, call one.

Arguments: the MCP server's URL, and where the client has a metadata document the URL of that.
"""

import asyncio
import sys

from fastmcp import Client
from fastmcp.client.auth import OAuth


async def main(url: str, document: str | None = None) -> None:
    async with Client(url, auth=OAuth(client_metadata_url=document)) as client:
        await client.list_tools()
        await client.call_tool("get-user-info", {})


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
