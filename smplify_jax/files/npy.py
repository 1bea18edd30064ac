"""Read .npy arrays of numbers and text, executing nothing and believing nothing of what a file says of itself."""

from __future__ import annotations

import io
import math
import os
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, BinaryIO

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.files.budget import TimeIsUpError, check_time
from smplify_jax.files.plain import open_plain, size_of

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
    IndexError,
    AttributeError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
)
"""What the readers of zip, deflate and npy raise on damaged bytes."""

_LENGTH_BYTES = {1: 2, 2: 4, 3: 4}
"""How many bytes say how long a header is, by the version of the .npy."""

_MAX_HEADER_BYTES = 10_000
"""NumPy's own limit, which it looks at when it has read as much as the file asks for."""

_BLOCK_BYTES = 2**20
_MAX_AXES = 32
_KINDS = "biufcSUO"
"""Booleans, numbers, texts and pickled objects; no records, whose fields may lie anywhere, and no times."""


def load_npy(path: str | os.PathLike[str]) -> np.ndarray:
    """Read the array of numbers or texts of a .npy file.

    Raises:
        InputError: The file is missing, damaged, holds Python objects, or another array than it says.
    """
    with _explained(path), open_plain(path) as file:
        shape, is_fortran, dtype = _header_of_numbers(file)
        return array_of(filled(file, math.prod(shape) * dtype.itemsize), shape, dtype, is_fortran)


def map_npy(path: str | os.PathLike[str]) -> np.ndarray:
    """The array of a .npy file of numbers, left on the disk until it is looked at.

    Raises:
        InputError: as `load_npy`.
    """
    with _explained(path), open_plain(path) as file:
        shape, is_fortran, dtype = _header_of_numbers(file)
        if not math.prod(shape):
            return np.empty(shape, dtype)
        return np.memmap(file, dtype, "r", file.tell(), shape, "F" if is_fortran else "C")


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


def filled(file: IO[bytes], num_bytes: int) -> bytearray:
    """So many bytes in a buffer that an array may keep, without a second copy of them."""
    data = bytearray(num_bytes)
    view, num_read = memoryview(data), 0
    while num_read < num_bytes:
        check_time()
        block = file.read(min(_BLOCK_BYTES, num_bytes - num_read))
        if not block:
            raise ValueError("an array is shorter than it claims")
        view[num_read : num_read + len(block)] = block
        num_read += len(block)
    return data


def _header_of_numbers(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    shape, is_fortran, dtype = read_array_header(file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    if math.prod(shape) * dtype.itemsize > size_of(file) - file.tell():
        raise ValueError("the array is shorter than it claims")
    return shape, is_fortran, dtype


@contextmanager
def _explained(path: object) -> Iterator[None]:
    try:
        yield
    except TimeIsUpError as error:
        raise InputError(f"{path}: {error}") from None
    except InputError:
        raise
    except DAMAGE as error:
        raise InputError(f"{path}: not a readable .npy array ({error}); expected one written by numpy.save") from None
