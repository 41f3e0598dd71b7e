"""Waits for the end of another process."""

import asyncio
import os

_LOOK_EVERY = 1.0
"""Seconds between two looks, where the system cannot tell by itself."""


async def wait_for_end_of(pid: int) -> None:
    """Return when no process of that id runs any more."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    except (AttributeError, OSError):  # only Linux has it
        while True:
            if not _runs(pid):
                return
            await asyncio.sleep(_LOOK_EVERY)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
