"""The vocabulary of OAuth and MCP messages, parsed once and kept beside the raw values."""
