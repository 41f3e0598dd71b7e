"""Where new session files are kept."""

import os
import secrets
from datetime import datetime
from pathlib import Path

from platformdirs import user_state_path

from inspector.session.files import make_private_folders
from inspector.session.schema import SUFFIX

HOME_VARIABLE = "MCP_AUTH_INSPECTOR_HOME"
"""Environment variable that names another folder than the user's state directory."""


def state_directory() -> Path:
    """The folder of everything this program keeps between runs; it need not exist yet."""
    named = os.environ.get(HOME_VARIABLE)
    return Path(named).expanduser().absolute() if named else user_state_path("mcp-auth-inspector", appauthor=False)


def session_directory() -> Path:
    """The folder of session files, made when missing and open to its owner alone."""
    folder = state_directory() / "sessions"
    make_private_folders(folder)
    folder.chmod(0o700)
    return folder


def new_session_path(now: datetime) -> Path:
    """A name for a new session, by the time it begins; nothing captured ever gets into a file name."""
    return session_directory() / f"{now:%Y-%m-%d-%H%M%S}-{secrets.token_hex(3)}{SUFFIX}"
