"""Says beforehand that a client goes around the proxy because the Node it is started with is too old."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

_PROGRAMS = frozenset({"node", "npx", "npm", "pnpm", "pnpx", "yarn", "mcp-remote"})
_FIRST = 24
"""The first major version of Node that takes `NODE_USE_ENV_PROXY`."""


def goes_around(command: Sequence[str]) -> str:
    """Why the requests of this command will not be seen, and what to do; empty where they will, or nobody can tell."""
    node = shutil.which("node")
    if "--enable-proxy" in command:  # what mcp-remote takes instead, with any Node
        return ""
    if not command or Path(command[0]).stem.lower() not in _PROGRAMS or node is None:
        return ""
    try:
        done = subprocess.run(  # noqa: S603 - the user's own node, with a fixed argument
            [node, "--version"], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    version = re.match(r"v(\d+)[\d.]*", done.stdout)
    if version is None or int(version[1]) >= _FIRST:
        return ""
    own = "give mcp-remote --enable-proxy, " if any("mcp-remote" in word for word in command) else ""
    return (
        f"Node {version[0][1:]} ignores proxy variables, so the client goes around the proxy and most of the sign-in "
        f"will not be seen: {own}take Node {_FIRST} or newer, or use mcp-auth-inspector gateway URL"
    )
