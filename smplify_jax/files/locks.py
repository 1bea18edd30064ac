"""Locks on files that die with the process that holds them, where the system has such locks."""

from __future__ import annotations

import errno
import os
from contextlib import suppress

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


def lock(descriptor: int, *, is_shared: bool = False, waits: bool = False) -> bool:
    """Lock an open file, until this process closes it or ends.

    Args:
        descriptor: of the file. A descriptor duplicated from it holds the same lock.
        is_shared: others may have a shared lock, too.
        waits: until others have none.
    Returns:
        Whether it is locked; it is not if another process, or another `open` of this one, has a lock.
    Raises:
        OSError: there are no such locks here.
    """
    if fcntl is None:
        raise OSError(errno.ENOTSUP, "no locks on this system")
    how = fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX
    try:
        fcntl.flock(descriptor, how if waits else how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def hold(descriptor: int) -> int | None:
    """Lock an open file also beyond the closing of this descriptor of it.

    Returns:
        What `release` takes; None where there are no locks.
    """
    if fcntl is None:  # a second descriptor would keep the file from taking another name
        return None
    held = os.dup(descriptor)
    with suppress(OSError):
        lock(held, waits=True)
    return held


def release(held: int | None) -> None:
    """Let go of what `hold` holds."""
    if held is not None:
        os.close(held)


def is_abandoned(path: str, older_than: float, now: float) -> bool:
    """Whether nobody has a file locked; where there are no locks, whether it is older than so many seconds.

    Raises:
        OSError: the file cannot be opened, or is gone.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK if hasattr(os, "O_NONBLOCK") else os.O_RDONLY)
    try:
        return lock(descriptor)
    except OSError:
        return now - os.fstat(descriptor).st_mtime >= older_than
    finally:
        os.close(descriptor)
