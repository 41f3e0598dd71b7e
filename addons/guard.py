"""Keeps a failure of the inspector away from the client's traffic, and captured values away from the log."""

import logging
from collections.abc import Callable
from functools import wraps
from types import TracebackType
from typing import Concatenate

logger = logging.getLogger(__name__)


def harmless[T, **P](hook: Callable[Concatenate[T, P], None]) -> Callable[Concatenate[T, P], bool]:
    """Turn an exception of a method into a line of the log, without its text; the result says whether it went well."""

    @wraps(hook)
    def guarded(self: T, /, *args: P.args, **kwargs: P.kwargs) -> bool:
        try:
            hook(self, *args, **kwargs)
        except Exception as error:
            log_failure(hook.__name__, error)
            return False
        return True

    return guarded


def log_failure(what: str, error: BaseException) -> None:
    """Log the kind and the place of an error; its text may quote what was captured."""
    at: TracebackType | None = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    place = f"{at.tb_frame.f_code.co_filename}:{at.tb_lineno}" if at is not None else "an unknown place"
    logger.error("inspector: %s failed with %s at %s; the traffic goes on.", what, type(error).__name__, place)
