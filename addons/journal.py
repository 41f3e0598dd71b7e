"""The session as the proxy writes it: a write that fails is counted and made known, and never disturbs the traffic."""

import logging
import sqlite3
import time
from collections.abc import Callable

from addons.facts import Facts
from inspector.session.model import Exchange
from inspector.session.writer import SessionWriter

logger = logging.getLogger(__name__)


class Journal:
    """Writes to the session and announces each change; `announce` gets the new change number.

    A disk may be full for a while: the first write that fails is said in the log, `facts` count all that do, and when
    there is room again an incident in the session says how many are missing.
    """

    def __init__(self, writer: SessionWriter, announce: Callable[[int], None], facts: Facts | None = None) -> None:
        self._writer = writer
        self._announce = announce
        self._facts = facts or Facts()
        self._lost_since = 0.0

    def record(self, exchange: Exchange) -> int:
        """Write an exchange and return its id in the session; what it was before when that is not possible."""
        try:
            written = self._writer.record(exchange)
        except sqlite3.Error as error:
            self._lose(error)
            return exchange.id
        self._announce(written.changed)
        if self._facts.unwritten:
            self._make_loss_known()
        return written.id

    def incident(self, kind: str, host: str, text: str, at: float) -> bool:
        """Write down something that belongs to no exchange; False when that is not possible."""
        try:
            written = self._writer.incident(kind, host, text, at)
        except sqlite3.Error as error:
            self._lose(error)
            return False
        self._announce(written.changed)
        return True

    def _lose(self, error: sqlite3.Error) -> None:
        if not self._facts.unwritten:
            self._lost_since = time.time()
            # SQLite's own text could quote what was to be written.
            reason = getattr(error, "sqlite_errorname", type(error).__name__)
            logger.error(
                f"inspector: The session cannot be written ({reason}); the traffic goes on unrecorded until it can."
            )
        self._facts.unwritten += 1

    def _make_loss_known(self) -> None:
        text = (
            f"The session could not be written {self._facts.unwritten} times, which is what a full disk does; "
            "exchanges of that time are missing or incomplete."
        )
        if self.incident("session", "", text, self._lost_since):
            self._facts.unwritten = 0
