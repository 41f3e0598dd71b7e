"""Opens a file the user named, or says in one sentence why that is not possible; makes private folders.

Standard library only: the recorder inside the proxy shares this module.
"""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from inspector.errors import UnreadableInput

ACCEPTED = "a session (.mcpauth), a HAR file or a mitmproxy flow file"
"""What can be opened, in words for an error message."""

type Progress = Callable[[float], None]
"""Told how much of a file has been read, from 0.0 to 1.0."""


def no_progress(done: float) -> None:
    """Tell nobody."""


def open_input(path: Path) -> BinaryIO:
    """Open a regular, non-empty file for reading.

    Raises UnreadableInput when it is missing, empty, a directory or a device, or may not be read.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise UnreadableInput(f"{path} is a directory; give {ACCEPTED}.")
        if not stat.S_ISREG(mode):
            raise UnreadableInput(f"{path} is not a regular file; save the recording to a file and give {ACCEPTED}.")
        if path.stat().st_size == 0:
            raise UnreadableInput(f"{path} is empty; give {ACCEPTED}.")
        return path.open("rb")
    except FileNotFoundError:
        raise UnreadableInput(f"{path} does not exist; give {ACCEPTED}.") from None
    except PermissionError:
        raise UnreadableInput(f"{path} may not be read by you; allow it, or give another recording.") from None
    except (OSError, ValueError) as error:
        # ValueError: a NUL character in the name.
        reason = error.strerror if isinstance(error, OSError) else error
        raise UnreadableInput(f"{path} cannot be opened ({reason}); give {ACCEPTED}.") from None


def make_private_folders(folder: Path) -> None:
    """Make a folder and those missing above it, each open to its owner alone."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)
