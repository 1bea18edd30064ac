"""Write a file whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from smplify_jax.errors import InputError

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
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}.part")
    try:
        with explained_write_errors(path):
            with temporary.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink()


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
