"""FastMCP's client as a program of its own: sign in with the browser, list the tools, call one."""

import asyncio
import sys

from fastmcp import Client


async def main(url: str) -> None:
    async with Client(url, auth="oauth") as client:
        await client.list_tools()
        await client.call_tool("get-user-info", {})


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
