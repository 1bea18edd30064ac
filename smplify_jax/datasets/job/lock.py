"""One process at a time for a job, or for each of its shards: a lock that dies with its process."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from smplify_jax.datasets.job.plan import Shard
from smplify_jax.errors import InputError
from smplify_jax.files.atomic import explained_write_errors
from smplify_jax.files.locks import lock

_WHOLE = ".smplify-job.lock"
_SHARD = ".smplify-job-{}-of-{}.lock"
"""Hidden files, which are there as long as somebody is at work."""

_PATIENCE_SECONDS = 1.0
"""Another process holds all shards' lock for a moment when it ends."""


@contextmanager
def job_lock(folder: Path, shard: Shard) -> Iterator[None]:
    """Make the folder of a job, and keep other processes from doing the same shard of it inside the `with` block, or the whole job.

    A folder that is new, and empty in the end, goes.

    Raises:
        InputError: another process is at work there, or the folder cannot be made.
    """
    is_new = not folder.exists()
    whole = shard.count == 1
    held = [
        _acquire(
            folder,
            _WHOLE,
            is_shared=not whole,
            whose="this job, or a shard of it" if whole else "the whole of this job",
        )
    ]
    try:
        if not whole:
            held.append(_acquire(folder, _SHARD.format(shard.index, shard.count), whose=f"shard {shard} of this job"))
        yield
    finally:
        for path, descriptor in reversed(held):
            _release(path, descriptor)
        if is_new:
            with suppress(OSError):
                folder.rmdir()


def remove_old_locks(folder: Path) -> None:
    """Remove the files by which shards that were killed had locked themselves."""
    for path in folder.glob(_SHARD.format("*", "*")):
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDWR)
            if lock(descriptor) and _is_at(descriptor, path):
                _release(path, descriptor)
            else:
                os.close(descriptor)


def _acquire(folder: Path, name: str, *, whose: str, is_shared: bool = False) -> tuple[Path, int]:
    path, deadline = folder / name, time.monotonic() + _PATIENCE_SECONDS
    while True:
        descriptor = _open(folder, path)
        if descriptor is None:
            continue
        try:
            is_ours = lock(descriptor, is_shared=is_shared)
        except OSError:
            return path, descriptor  # there are no locks here: all goes on without
        # Who held it before may have removed the file in the meantime, so that the next would lock another.
        if is_ours and _is_at(descriptor, path):
            return path, descriptor
        os.close(descriptor)
        if not is_ours:
            if time.monotonic() > deadline:
                raise InputError(f"{folder}: another process is doing {whose}; wait for it, or give another folder.")
            time.sleep(0.02)


def _open(folder: Path, path: Path) -> int | None:
    """Open or make the lock's file; None if the folder has gone since it was made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: is no folder for results ({error.strerror}); choose another one.") from error
    try:
        with explained_write_errors(folder):
            return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except InputError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _release(path: Path, descriptor: int) -> None:
    """Let go, and remove the file if nobody else has a lock on it."""
    with suppress(OSError):
        # Where there are no locks, the file says nothing.
        try:
            is_last = lock(descriptor)
        except OSError:
            is_last = True
        if is_last and _is_at(descriptor, path):
            path.unlink()
    os.close(descriptor)
