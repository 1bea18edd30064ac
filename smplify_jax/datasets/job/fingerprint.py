"""What an input holds, in a line: the same wherever it lies, so that a job finds its input again after a move."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from smplify_jax.errors import InputError
from smplify_jax.files.images import IMAGE_SUFFIXES
from smplify_jax.files.plain import is_plain, open_plain

_BLOCK = 2**20
_NUM_OPENED = 64
"""Files of a folder whose content is looked at; of the others, name and size have to do: a folder may hold a million."""


def fingerprint(path: Path) -> str:
    """A hash of a file's size, beginning and end; of a folder's files, pictures and hidden ones left out, names and sizes, too.

    Beginning and end are a MiB each: an input may be terabytes. That the people of a job are those of its input is compared elsewhere,
    one by one.

    Raises:
        InputError: something cannot be read.
    """
    digest = hashlib.sha256()
    try:
        for number, (name, file) in enumerate(_files(path)):
            is_whole = is_plain(file)
            # Of a pipe, or a link to nothing, there is no more than its name; a reader rejects it, and goes on.
            size = file.stat().st_size if is_whole else 0
            digest.update(f"{name}\0{size}\0".encode(errors="surrogatepass"))
            if number < _NUM_OPENED and is_whole:
                with open_plain(file) as stream:
                    _add_ends(digest, stream, size)
    except OSError as error:
        raise InputError(f"{error.filename or path}: cannot be read ({error.strerror}).") from error
    return digest.hexdigest()


def _add_ends(digest: hashlib._Hash, stream: BinaryIO, size: int) -> None:
    digest.update(stream.read(_BLOCK))
    stream.seek(max(_BLOCK, size - _BLOCK))
    digest.update(stream.read(_BLOCK))


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    """Files by their names from the folder on, in the order of these; one file without its name: ids say that."""
    if not path.is_dir():
        yield "", path
        return
    for folder, subfolders, names in os.walk(path):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(names):
            file = Path(folder, name)
            if not name.startswith(".") and file.suffix.lower() not in IMAGE_SUFFIXES:
                yield file.relative_to(path).as_posix(), file
