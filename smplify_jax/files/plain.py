"""Open plain files, and nothing else: a pipe would wait for ever, and `/dev/zero` never ends."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import BinaryIO

from smplify_jax.errors import InputError
from smplify_jax.files.budget import check_limit

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def open_plain(path: str | os.PathLike[str], expected: str = "a plain file") -> BinaryIO:
    """Open a plain file, or a link to one, for reading bytes.

    Args:
        path: the file.
        expected: what it should be, for the sentence.
    Raises:
        InputError: there is no such file, it is no plain file, or may not be read.
    """
    try:
        # Without waiting for whoever might write into a pipe; whether it is one is asked of what was opened, not of a name that may change.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        raise InputError(f"{_shown(path)}: there is no such file; check the path") from None
    except IsADirectoryError:
        raise InputError(f"{_shown(path)}: cannot be read: it is a folder; expected {expected}") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        # A socket cannot be opened at all.
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{_shown(path)}: cannot be read ({reason}); expected {expected}") from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "no plain file")
        raise InputError(f"{_shown(path)}: is {kind}; expected {expected}")
    return os.fdopen(descriptor, "rb")


@contextmanager
def opened_text(
    path: str | os.PathLike[str], newline: str | None = None, errors: str = "strict"
) -> Iterator[TextIOWrapper]:
    """A plain file as UTF-8 text, without the mark that some programs begin it with.

    Args:
        path: the file.
        newline: as in `open`.
        errors: as in `open`.
    Raises:
        InputError: as `open_plain`.
    """
    with open_plain(path) as file, TextIOWrapper(file, "utf-8-sig", errors, newline) as text:
        yield text


def read_plain(path: str | os.PathLike[str]) -> bytes:
    """All bytes of a plain file.

    Raises:
        InputError: it cannot be read, is empty, or larger than what is read whole.
    """
    with open_plain(path) as file:
        check_limit(size_of(file), "file_bytes", f"{_shown(path)}: more bytes than any model file has,")
        try:
            data = file.read()
        except OSError as error:
            raise InputError(f"{_shown(path)}: cannot be read ({error.strerror}); expected a readable file") from None
    if not data:
        raise InputError(f"{_shown(path)}: the file is empty; copy or download it again")
    return data


def size_of(file: BinaryIO) -> int:
    """Bytes of an open file."""
    return os.fstat(file.fileno()).st_size


def is_plain(path: str | os.PathLike[str]) -> bool:
    """Whether there is a plain file, or a link to one."""
    try:
        return os.path.isfile(path)
    except ValueError:  # a NUL in the name
        return False


def _shown(path: str | os.PathLike[str]) -> str:
    """A path on one line that can be printed: names of files may hold anything."""
    return "".join(letter if letter.isprintable() else "?" for letter in os.fspath(path))
