"""`python -m inspector`, the same as the command `mcp-auth-inspector`."""

from inspector.cli.main import main

main()
