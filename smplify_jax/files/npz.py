"""Read .npz archives, executing nothing."""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.files.budget import Allowance, ReadingTime, TimeIsUpError, check_limit
from smplify_jax.files.npy import DAMAGE, array_of, filled, read_array_header
from smplify_jax.files.plain import open_plain, size_of
from smplify_jax.files.safe_pickle import parse_pickle

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How NumPy packs. Python unpacks the others without a bound on what it makes of one block."""


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
    with _explained(path), ReadingTime(path).running(), open_npz(Path(path)) as archive:
        return _read_arrays(archive, str(path), names)


def parse_npz(data: bytes, source: str) -> dict[str, object]:
    """Read an archive that is already in memory; as `load_npz`.

    Args:
        data: The archive.
        source: What to call it in messages.
    """
    with _explained(source):
        return _read_arrays(NpzArchive(Path(source), BytesIO(data), len(data)), source, None)


@contextmanager
def _explained(source: object) -> Iterator[None]:
    try:
        yield
    except TimeIsUpError as error:
        raise InputError(f"{source}: {error}") from None
    except InputError:
        raise
    except DAMAGE as error:
        raise InputError(
            f"{source}: not a readable .npz archive ({error}); expected one written by numpy.savez: download it again"
        ) from None


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


def _read_arrays(archive: NpzArchive, source: str, names: Collection[str] | None) -> dict[str, object]:
    members = [name for name in archive.members if names is None or name in names]
    archive.charge(members)
    return {name: _read_array(archive, name, f"{source}, {name!r}") for name in members}


def _read_array(archive: NpzArchive, name: str, source: str) -> object:
    with archive.open(name) as file:
        shape, is_fortran, dtype = read_array_header(file)
        if dtype.hasobject:
            value = parse_pickle(file.read(), source, archive.allowance)
            return value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value
        num_bytes = math.prod(shape) * dtype.itemsize
        if num_bytes > archive.members[name].file_size:
            raise ValueError("an array is shorter than it claims")
        data = filled(file, num_bytes)
        file.read(1)  # at its end, the archive compares the checksum
        return array_of(data, shape, dtype, is_fortran)
