"""Write a file whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from smplify_jax.errors import InputError
from smplify_jax.files.locks import hold, is_abandoned, release

_UNFINISHED = re.compile(r"\..+\.[0-9a-f]{12}\.part", re.DOTALL)
"""How hidden files are called."""

_STALE_SECONDS = 600.0
"""Where there are no locks: no file is written for longer, so that what is older was left by a process that was killed."""

_REMEDIES = {
    errno.ENOSPC: "the disk is full; free some space or choose another folder",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another folder",
    errno.EACCES: "writing there is not permitted; choose another folder",
    errno.EPERM: "writing there is not permitted; choose another folder",
    errno.EROFS: "the disk is read-only; choose another folder",
    errno.ENOENT: "the folder does not exist; make it first",
    errno.ENOTDIR: "a part of the path is a file, not a folder; choose another folder",
    errno.EISDIR: "there is a folder of that name; choose another name",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for writing bytes that appears under its name only when it is complete.

    The bytes go to a hidden file in the same folder, which takes the name in one step when the `with` block ends; if
    the block raises, the hidden file goes and an older file of that name stays as it was.

    Args:
        path: The file to write; its folder must exist.
    Yields:
        A binary file open for writing.
    Raises:
        InputError: The file cannot be written, with the reason and what to do.
    """
    path = Path(path)
    with explained_write_errors(path):
        temporary, file, held = _open_unfinished(path)
        try:
            with file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            with suppress(OSError):
                temporary.unlink()
            release(held)


def _open_unfinished(path: Path) -> tuple[Path, BinaryIO, int | None]:
    """A new hidden file, and what holds its lock, by which `remove_unfinished` tells that its writer lives, until it has its name."""
    while True:
        temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}.part")
        file = temporary.open("xb")
        held = hold(file.fileno())
        # Somebody may have swept it away before it was locked.
        if temporary.exists():
            return temporary, file, held
        file.close()
        release(held)


def remove_unfinished(folder: str | os.PathLike[str]) -> None:
    """Remove from a folder the hidden files of `atomic_write` whose writers were killed; those that somebody is writing stay."""
    try:
        with os.scandir(folder) as found:
            entries = [entry for entry in found if _UNFINISHED.fullmatch(entry.name)]
    except OSError:
        return
    for entry in entries:
        with suppress(OSError):
            if entry.is_file(follow_symlinks=False) and is_abandoned(entry.path, _STALE_SECONDS, time.time()):
                os.unlink(entry.path)


@contextmanager
def explained_write_errors(path: str | os.PathLike[str]) -> Iterator[None]:
    """Tell why a file cannot be written, and what to do.

    Raises:
        InputError: in place of an OSError that the user can do something about.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _REMEDIES:
            raise
        raise InputError(f"{path}: cannot be written: {_REMEDIES[error.errno]}") from error
