"""Arrays of an .npz with a row for each person, read a block of rows at a time however large the file is.

An .npz is a zip, which cannot be memory-mapped, and `numpy.load` reads an array whole. Its bytes can be streamed, though:
rows of a C-ordered array follow each other. Arrays of Python objects are pickles; they are read whole, executing nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.files.budget import budget, to_raise
from smplify_jax.files.npy import DAMAGE, array_of, read_array_header
from smplify_jax.files.npz import NpzArchive, load_npz, open_npz
from smplify_jax.keypoints.formats.reading import DamagedFileError

BLOCK_ROWS = 512
"""Rows read at a time: 49 keypoints of so many people are 600 kB."""

_BLOCK_BYTES = 2**24
"""Fewer rows where they are longer."""


@dataclass(frozen=True)
class NpzColumns:
    """The arrays of an .npz.

    Attributes:
        path: where it is.
        shapes: of each array that is none of Python objects, and in C order.
        dtypes: their types.
        whole: the other arrays that were asked for, in memory.
    """

    path: Path
    shapes: dict[str, tuple[int, ...]]
    dtypes: dict[str, np.dtype]
    whole: dict[str, np.ndarray]

    def shape(self, name: str) -> tuple[int, ...] | None:
        """Shape of an array; None where the file has none of that name."""
        return self.whole[name].shape if name in self.whole else self.shapes.get(name)

    def blocks(self, names: tuple[str, ...]) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
        """First row and arrays of some rows of these columns, block after block, all of the same number of rows.

        Raises:
            DamagedFileError: from the row on that cannot be read.
        """
        num_rows = (self.shape(names[0]) or (0,))[0]
        bytes_of_row = sum(
            math.prod(self.shapes[name][1:]) * self.dtypes[name].itemsize for name in names if name in self.shapes
        )
        block_rows = max(1, min(BLOCK_ROWS, _BLOCK_BYTES // max(1, bytes_of_row)))
        row = 0
        try:
            with open_npz(self.path) as archive:
                archive.charge([name for name in names if name not in self.whole])
                files = {name: self._opened(archive, name) for name in names if name not in self.whole}
                for row in range(0, num_rows, block_rows):
                    count = min(block_rows, num_rows - row)
                    yield (
                        row,
                        {
                            name: self._read(files[name], name, count)
                            if name in files
                            else self.whole[name][row : row + count]
                            for name in names
                        },
                    )
        except InputError:
            raise
        except DAMAGE as error:
            raise DamagedFileError(
                f"damaged or cut-off .npz ({error}); nothing after it is read", f"[{row}]"
            ) from error

    def _opened(self, archive: NpzArchive, name: str) -> IO[bytes]:
        file = archive.open(name)
        read_array_header(file)
        return file

    def _read(self, file: IO[bytes], name: str, count: int) -> np.ndarray:
        shape, dtype = (count, *self.shapes[name][1:]), self.dtypes[name]
        return array_of(file.read(math.prod(shape) * dtype.itemsize), shape, dtype)


def open_columns(path: Path, names: tuple[str, ...]) -> NpzColumns:
    """The arrays of these names, as far as the file has them.

    Raises:
        InputError: the file is no .npz, or one of the arrays is none.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    dtypes: dict[str, np.dtype] = {}
    whole: dict[str, np.ndarray] = {}
    try:
        with open_npz(path) as archive:
            for name in (name for name in names if name in archive.members):
                with archive.open(name) as file:
                    shape, is_fortran, dtype = read_array_header(file)
                if dtype.hasobject or (is_fortran and len(shape) > 1):
                    whole[name] = _whole(path, name)
                elif math.prod(shape[1:]) * dtype.itemsize > budget().row_bytes:
                    raise InputError(
                        f"'{path}': the array {name!r} has shape {shape}, which is no row for each person ({to_raise('row_bytes')})"
                    )
                else:
                    shapes[name], dtypes[name] = shape, dtype
    except InputError:
        raise
    except DAMAGE as error:
        raise InputError(f"'{path}' is no readable .npz ({error}); write it again") from error
    return NpzColumns(path, shapes, dtypes, whole)


def _whole(path: Path, name: str) -> np.ndarray:
    value = load_npz(path, {name})[name]
    if not isinstance(value, np.ndarray):
        raise InputError(f"'{path}': {name!r} is of type {type(value).__name__}; expected an array")
    return value


def text_of(value: object) -> str:
    """Text from an array of str, bytes (UTF-8) or objects of either.

    Raises:
        InputError: it is none.
    """
    try:
        text = value.decode() if isinstance(value, bytes) else value
    except UnicodeDecodeError as error:
        raise InputError("a text is not UTF-8") from error
    if not isinstance(text, str):
        raise InputError(f"a text is of type {type(value).__name__}")
    return str(text)
