"""A small MCP server protected the way the MCP authorization specification asks for."""
