"""A minimal MCP server, an AuthKit emulator and scripted clients, on loopback only.

`pair.Reference` starts both servers, `settings.Settings` says how they behave, and `client.perform` runs
one of the clients described in `profiles/` against them or against any other MCP server.
"""
