"""Where replays of a recording are written: into its own session, or where that cannot be into a new one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from inspector.replay.wire import Record
from inspector.session.importing import Recording, save_as_session
from inspector.session.location import new_session_path
from inspector.session.reader import Session
from inspector.session.writer import SessionWriter


@dataclass(frozen=True, slots=True)
class Kept:
    """The session that replays go to; `is_new` where it is a copy of the recording."""

    path: Path
    record: Record
    is_new: bool


@contextmanager
def kept(recording: Recording) -> Iterator[Kept]:
    """Keep replays of a recording for the time of a `with`.

    Another program's file, and a session that may not be written, are copied to a new session.

    Raises:
        InspectorError: neither can be written.
    """
    own = recording.path if isinstance(recording, Session) and os.access(recording.path, os.W_OK) else None
    path = own
    if path is None:
        path = new_session_path(datetime.now().astimezone())
        save_as_session(recording, path)
    with SessionWriter.append_to(path) as writer:
        yield Kept(path, writer.record, own is None)
