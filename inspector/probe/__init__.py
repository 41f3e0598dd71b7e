"""Asks an MCP server and its authorization server what every client asks, before there is a client."""
