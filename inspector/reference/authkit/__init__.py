"""An emulator of WorkOS AuthKit as an OAuth authorization server for MCP clients."""
