"""Where replays of a recording are written: into its own session, or where that cannot be into a new one."""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from inspector.session.importing import Recording, save_as_session
from inspector.session.location import new_session_path
from inspector.session.reader import Session


@dataclass(frozen=True, slots=True)
class Place:
    """The session that replays go to; `is_new` where it is a copy of the recording."""

    path: Path
    is_new: bool


def place_for(recording: Recording, *, may_write: bool = True) -> Place:
    """The session for replays of a recording.

    Another program's file, and a session that may not be written, are copied to a new session.

    Raises:
        InspectorError: that cannot be written either.
    """
    if may_write and isinstance(recording, Session) and os.access(recording.path, os.W_OK):
        return Place(recording.path, False)
    path = new_session_path(datetime.now().astimezone())
    save_as_session(recording, path)
    return Place(path, True)
