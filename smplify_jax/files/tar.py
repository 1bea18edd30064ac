"""Read tar files, compressed or not, with a bound on what they unpack to."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from smplify_jax.files.budget import Allowance
from smplify_jax.files.plain import open_plain, size_of


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


_UNPACKERS: dict[bytes, Callable[[BinaryIO], _Readable]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
}
"""How a packed file begins, and what unpacks it: by blocks, whereas tarfile's own streams unpack whatever a block holds."""

DAMAGE = (tarfile.TarError, OSError, EOFError, ValueError, RuntimeError, zlib.error, lzma.LZMAError)
"""What is raised on damaged bytes. tarfile reads long names by calling itself, so a thousand in a row are a RecursionError."""


class _Counted:
    """A stream that stops where its file asks for too much."""

    def __init__(self, stream: _Readable, allowance: Allowance) -> None:
        self._stream, self._allowance = stream, allowance

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._allowance.charge(len(data))
        return data


@contextmanager
def open_tar(path: str | os.PathLike[str]) -> Iterator[tuple[tarfile.TarFile, Allowance]]:
    """Open a tar to be read from its beginning to its end.

    Yields:
        The tar, and an allowance for what is made of its members.
    Raises:
        InputError: there is no such file, it is no plain file, or unpacks to more than it may ask for.
    """
    with open_plain(path, "a tar file") as file:
        stream = _Counted(_unpacked(file), Allowance(size_of(file), in_pieces=True))
        with tarfile.open(fileobj=cast(BinaryIO, stream), mode="r|") as archive:
            yield archive, Allowance(size_of(file))


def is_tar(path: Path) -> bool:
    """Whether a file begins with the header of a tar's member."""
    with suppress(*DAMAGE), open_plain(path) as file:
        block = _unpacked(file).read(tarfile.BLOCKSIZE)
        tarfile.TarInfo.frombuf(block, tarfile.ENCODING, "surrogateescape")
        return True
    return False


def _unpacked(file: BinaryIO) -> _Readable:
    start = file.read(6)
    file.seek(0)
    unpacker = next((unpacker for magic, unpacker in _UNPACKERS.items() if start.startswith(magic)), None)
    return file if unpacker is None else unpacker(file)
