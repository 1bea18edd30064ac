"""Read .npz archives, executing nothing."""

from __future__ import annotations

import io
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.files.budget import Allowance, check_limit
from smplify_jax.files.plain import open_plain, size_of
from smplify_jax.files.safe_pickle import parse_pickle

DAMAGE = (
    ValueError,
    TypeError,
    OSError,
    EOFError,
    KeyError,
    MemoryError,
    OverflowError,
    NotImplementedError,
    RuntimeError,
    SyntaxError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
)
"""What the readers of zip, deflate and npy raise on damaged bytes."""

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How NumPy packs. Python unpacks the others without a bound on what it makes of one block."""

_LENGTH_BYTES = {1: 2, 2: 4, 3: 4}
"""How many bytes say how long a header is, by the version of the .npy."""

_MAX_HEADER_BYTES = 10_000
"""NumPy's own limit, which it looks at when it has read as much as the file asks for."""

_BLOCK_BYTES = 2**20
_MAX_AXES = 32
_KINDS = "biufcSUO"
"""Booleans, numbers, texts and pickled objects; no records, whose fields may lie anywhere, and no times."""


def load_npz(path: str | os.PathLike[str], names: Collection[str] | None = None) -> dict[str, object]:
    """Read the arrays of a .npz archive.

    Arrays of Python objects are pickles inside the archive, as `numpy.savez(**smpl)` makes of a sparse matrix; they are
    read by `safe_pickle`, and one that holds a single object becomes that object.

    Args:
        path: The archive, compressed or not.
        names: Read only these, as far as the archive has them; None reads all.
    Returns:
        Name to numpy array, or to what a pickle may hold.
    Raises:
        InputError: The file is missing, damaged or no archive, asks for more than the budget (`files.budget`) allows, or holds a
            pickle that is refused.
    """
    path = Path(path)
    try:
        with open_npz(path) as archive:
            members = {name: member for name, member in archive.members.items() if names is None or name in names}
            archive.charge(members)
            return {name: _read_array(archive, name, f"{path}, {name!r}") for name in members}
    except InputError:
        raise
    except DAMAGE as error:
        raise InputError(
            f"{path}: not a readable .npz archive ({error}); expected one written by numpy.savez: download it again"
        ) from None


def load_npy(path: str | os.PathLike[str]) -> np.ndarray:
    """Read the array of numbers or texts of a .npy file.

    Raises:
        InputError: The file is missing, damaged, holds Python objects, or another array than it says.
    """
    try:
        with open_plain(path) as file:
            shape, is_fortran, dtype = read_array_header(file)
            if dtype.hasobject:
                raise ValueError("it holds Python objects")
            num_bytes = math.prod(shape) * dtype.itemsize
            if num_bytes > size_of(file) - file.tell():
                raise ValueError("the array is shorter than it claims")
            return array_of(_filled(file, num_bytes), shape, dtype, is_fortran)
    except InputError:
        raise
    except DAMAGE as error:
        raise InputError(f"{path}: not a readable .npy array ({error}); expected one written by numpy.save") from None


class NpzArchive:
    """An open .npz, and the bytes that may be unpacked from it.

    Attributes:
        members: its arrays by name, without the ending `.npy`.
        names: of all that it holds.
        allowance: what may still be unpacked.
    """

    def __init__(self, path: Path, file: IO[bytes], num_file_bytes: int) -> None:
        """Read the table of contents."""
        self._path = path
        self._zip = zipfile.ZipFile(file)
        self.allowance = Allowance(num_file_bytes)
        check_limit(len(self._zip.infolist()), "num_members", f"{path}: the number of its arrays is")
        self.names = tuple(member.filename.removesuffix(".npy") for member in self._zip.infolist())
        self.members = {
            member.filename.removesuffix(".npy"): member
            for member in self._zip.infolist()
            if member.filename.endswith(".npy")
        }

    def charge(self, names: Collection[str]) -> None:
        """Count what these arrays unpack to.

        Raises:
            InputError: it is more than the file may ask for.
        """
        try:
            self.allowance.charge(sum(self.members[name].file_size for name in names))
        except InputError as error:
            raise InputError(f"{self._path}: {error}") from None

    def open(self, name: str) -> IO[bytes]:
        """The .npy of an array."""
        member = self.members[name]
        if member.compress_type not in _METHODS:
            raise NotImplementedError(f"{name!r} is packed by another method than NumPy's")
        return self._zip.open(member)


@contextmanager
def open_npz(path: Path) -> Iterator[NpzArchive]:
    """Open an archive; whatever of `DAMAGE` is raised is for the caller to explain.

    Raises:
        InputError: it is no plain file that can be read, or has too many members.
    """
    with open_plain(path, "an .npz archive") as file:
        archive = NpzArchive(path, file, size_of(file))
        yield archive


def read_array_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether in Fortran's order, and type of the array whose .npy begins here; its data come next.

    Raises:
        ValueError: it is damaged, or of a type that is neither numbers nor text nor Python objects.
    """
    version = np.lib.format.read_magic(file)
    if version[0] not in _LENGTH_BYTES:
        raise ValueError(f"the version {version} of .npy is unknown")
    length = file.read(_LENGTH_BYTES[version[0]])
    num_bytes = int.from_bytes(length, "little")
    if num_bytes > _MAX_HEADER_BYTES:
        raise ValueError(f"an array's header has {num_bytes} bytes; expected at most {_MAX_HEADER_BYTES}")
    header = io.BytesIO(length + file.read(num_bytes))
    read_header = np.lib.format.read_array_header_1_0 if version[0] == 1 else np.lib.format.read_array_header_2_0
    shape, is_fortran, dtype = read_header(header)
    if dtype.kind not in _KINDS or dtype.fields or dtype.subdtype:
        raise ValueError(f"an array is of type {str(dtype)[:40]}, which is neither numbers nor text")
    if len(shape) > _MAX_AXES or not all(0 <= length < 2**48 for length in shape):
        raise ValueError("an array has a shape that none can have")
    if dtype.itemsize == 0 and math.prod(shape):
        raise ValueError("an array's entries have no bytes")
    return shape, is_fortran, dtype


def array_of(data: bytes | bytearray, shape: tuple[int, ...], dtype: np.dtype, is_fortran: bool = False) -> np.ndarray:
    """The array that bytes of a file are.

    Args:
        data: as many bytes as the shape has.
        shape: of the array.
        dtype: of its numbers or texts.
        is_fortran: whether the first axis changes fastest.
    Raises:
        ValueError: too few bytes, or texts that are none: any 32 bits may stand for a letter in a file, and NumPy believes them.
    """
    if len(data) < math.prod(shape) * dtype.itemsize:
        raise ValueError("an array is shorter than it claims")
    flat = (
        np.frombuffer(data, np.uint8 if dtype.kind == "b" else dtype, math.prod(shape)) if data else np.empty(0, dtype)
    )
    if dtype.kind == "b":
        flat = flat != 0  # any byte may stand for a boolean, and NumPy's are 0 and 1
    check_text(flat)
    return flat.reshape(shape, order="F" if is_fortran else "C")


def check_text(array: np.ndarray) -> None:
    """Refuse a text array with numbers that are no letters.

    Raises:
        ValueError: it has some.
    """
    if array.dtype.kind != "U" or not array.size:
        return
    letters = np.ascontiguousarray(array).reshape(-1).view(np.dtype(np.uint32).newbyteorder(array.dtype.byteorder))
    if letters.max() > 0x10FFFF:
        raise ValueError("a text array holds no text")


def _read_array(archive: NpzArchive, name: str, source: str) -> object:
    with archive.open(name) as file:
        shape, is_fortran, dtype = read_array_header(file)
        if dtype.hasobject:
            value = parse_pickle(file.read(), source, archive.allowance)
            return value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value
        num_bytes = math.prod(shape) * dtype.itemsize
        if num_bytes > archive.members[name].file_size:
            raise ValueError("an array is shorter than it claims")
        data = _filled(file, num_bytes)
        file.read(1)  # at its end, the archive compares the checksum
        return array_of(data, shape, dtype, is_fortran)


def _filled(file: IO[bytes], num_bytes: int) -> bytearray:
    """So many bytes in a buffer that an array may keep, without a second copy of them."""
    data = bytearray(num_bytes)
    view, num_read = memoryview(data), 0
    while num_read < num_bytes:
        block = file.read(min(_BLOCK_BYTES, num_bytes - num_read))
        if not block:
            raise ValueError("an array is shorter than it claims")
        view[num_read : num_read + len(block)] = block
        num_read += len(block)
    return data
