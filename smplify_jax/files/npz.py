"""Read .npz archives, executing nothing."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import IO

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.files.safe_pickle import parse_pickle

MAX_UNPACKED_BYTES = 8 * 2**30
"""The largest SMPL-X archive unpacks to about a gigabyte; a file that claims more than this is a zip bomb."""

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
        InputError: The file is missing, damaged or no archive, unpacks to more than `MAX_UNPACKED_BYTES`, or holds a
            pickle that is refused.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            return _read_members(archive, path, names)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file; check the path") from None
    except DAMAGE as error:
        raise InputError(
            f"{path}: not a readable .npz archive ({error}); expected one written by numpy.savez: download it again"
        ) from None


def read_array_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether in Fortran's order, and type of the array whose .npy begins here; its data come next."""
    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read_header(file)


def _read_members(archive: zipfile.ZipFile, path: Path, names: Collection[str] | None) -> dict[str, object]:
    members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
    num_bytes = sum(member.file_size for member in members.values())
    if num_bytes > MAX_UNPACKED_BYTES:
        raise InputError(f"{path}: unpacks to {num_bytes} bytes; expected {MAX_UNPACKED_BYTES} at most")
    return {
        name: _read_array(archive, member, f"{path}, {name!r}")
        for name, member in members.items()
        if member.filename.endswith(".npy") and (names is None or name in names)
    }


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, source: str) -> object:
    with archive.open(member) as file:
        shape, _, dtype = read_array_header(file)
        if dtype.hasobject:
            value = parse_pickle(file.read(), source)
            return value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value
        if int(np.prod(shape, dtype=object)) * dtype.itemsize > member.file_size:
            raise ValueError("an array is shorter than it claims")
    with archive.open(member) as file:
        return np.lib.format.read_array(file, allow_pickle=False)
