"""Shows what really happens when an MCP client signs in to a protected MCP server."""
