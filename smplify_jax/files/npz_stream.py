"""Write .npy and .npz files whose arrays are larger than memory, block by block."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import IO

import numpy as np


@dataclass(frozen=True)
class StreamedArray:
    """An array that is made while it is written.

    Attributes:
        name: in the archive.
        shape: of the whole.
        dtype: of its numbers or texts.
        blocks: makes the rows, some at a time.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    blocks: Callable[[], Iterable[np.ndarray]]


def write_npz(file: IO[bytes], arrays: Sequence[StreamedArray]) -> None:
    """Write an archive as `numpy.savez` does, one array after the other."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for array in arrays:
            # A fixed date: equal content gives equal bytes.
            member = zipfile.ZipInfo(f"{array.name}.npy", (1980, 1, 1, 0, 0, 0))
            with archive.open(member, "w", force_zip64=True) as entry:
                write_npy(entry, array)


def write_npy(file: IO[bytes], array: StreamedArray) -> None:
    """Write one array as `numpy.save` does.

    Raises:
        ValueError: the blocks do not add up to the shape.
    """
    header = {"descr": np.lib.format.dtype_to_descr(array.dtype), "fortran_order": False, "shape": array.shape}
    np.lib.format.write_array_header_1_0(file, header)
    num_rows = 0
    for block in array.blocks():
        if block.shape[1:] != array.shape[1:]:
            raise ValueError(f"{array.name}: a block has rows of shape {block.shape[1:]}, expected {array.shape[1:]}")
        num_rows += len(block)
        file.write(np.ascontiguousarray(block, array.dtype).tobytes())
    if num_rows != array.shape[0]:
        raise ValueError(f"{array.name}: the blocks have {num_rows} rows, expected {array.shape[0]}")
