"""Tables that pandas wrote to HDF5, read without pandas and executing nothing, as the lines that pandas would write to CSV.

pandas keeps a table in one of two forms. In its "table" form, columns are named by tuples that are pickled in attributes; they are read
as safely as any pickle here. In its "fixed" form, names are made of levels and codes, in arrays. Needs the package h5py.
Source: files written by pandas 3, and its documentation, "HDF5 (PyTables)".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.files.budget import Allowance, check_limit
from smplify_jax.files.safe_pickle import parse_pickle
from smplify_jax.keypoints.formats.reading import DamagedFileError

_BLOCK_ROWS = 512
_MAX_COLUMNS = 2**14
_MAX_LEVELS = 8
"""Parts of a name: DeepLabCut has four of a column, and three of a picture."""

_Names = list[tuple[str, ...]]
_Table = tuple[tuple[str, ...], _Names, _Names, Callable[[int, int], Any]]
"""Names of the columns' levels, of the columns and of the rows, and the numbers from one row to another."""


def lines_of_h5(path: Path) -> Iterator[tuple[int, list[Any]]]:
    """Number and cells of each line.

    There is a line for each level of the columns' names, its own name first; then each row, the parts of its name as text and its
    numbers as float.

    Raises:
        InputError: h5py is not installed, or the file has no table of numbers that pandas wrote.
        DamagedFileError: from the line on that cannot be read.
    """
    try:
        h5py = import_module("h5py")
    except ImportError as error:
        raise InputError(
            f"'{path}' is an HDF5 file, which needs h5py: install smplify-jax[hdf5], or write the table as CSV"
        ) from error
    number = 0
    try:
        with h5py.File(path, "r") as file:
            for number, cells in enumerate(_cells(path, file), 1):
                yield number, cells
    except InputError:
        raise
    except Exception as error:  # h5py raises a dozen unrelated types on damaged bytes
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise DamagedFileError(f"damaged HDF5 ({reason}); nothing after it is read", f"line {number + 1}") from error


def _cells(path: Path, file: Any) -> Iterator[list[Any]]:
    for name in file:
        _check_member(path, file, name)
    group = next((file[name] for name in file if "pandas_type" in file[name].attrs), None)
    if group is None:
        raise InputError(f"'{path}' has no table that pandas wrote; write it as CSV")
    for name in group:
        _check_member(path, group, name)
    if "table" in group:
        levels, columns, index, values = _table_form(path, group)
    elif "block0_values" in group:
        levels, columns, index, values = _fixed_form(group)
    else:
        raise InputError(f"'{path}' has no table of numbers; write it as CSV")
    num_rows, num_columns = len(index), len(columns)
    if num_columns > _MAX_COLUMNS or len({*map(len, columns), len(levels)}) != 1:
        raise InputError(f"'{path}' claims {num_rows} rows of {num_columns} columns; write the table as CSV")
    num_parts = len(index[0]) if index else 1
    for k, level in enumerate(levels):
        yield [level, *[""] * (num_parts - 1), *(column[k] for column in columns)]
    for first in range(0, num_rows, _BLOCK_ROWS):
        block = np.asarray(values(first, first + _BLOCK_ROWS), np.float64)
        for name, numbers in zip(index[first : first + _BLOCK_ROWS], block.tolist(), strict=True):
            yield [*name, *numbers]


def _table_form(path: Path, group: Any) -> _Table:
    table = group["table"]
    fields = [name for name in table.dtype.names if name.startswith("values_block_")]
    if "index" not in table.dtype.names or any(table.dtype[name].base.kind not in "iuf" for name in fields):
        raise InputError(f"'{path}' has a table of {table.dtype}, which are no numbers; write it as CSV")
    about: Any = parse_pickle(bytes(group.attrs["info"]), str(path))
    levels = about[1]["names"]  # whatever else it is raises, and is caught above
    columns: _Names = []
    for name in fields:
        of_block: Any = parse_pickle(bytes(table.attrs[f"{name}_kind"]), str(path))
        columns += [tuple(map(str, column)) for column in of_block]

    def values(first: int, last: int) -> np.ndarray:
        rows = table[first:last]
        return np.column_stack([rows[name] for name in fields])

    return tuple(map(str, levels)), columns, [(_text(name),) for name in table["index"]], values


def _fixed_form(group: Any) -> _Table:
    blocks = [f"block{k}" for k in range(int(group.attrs.get("nblocks", 1)))]
    num_levels = _num_levels(group, "block0_items")
    levels = tuple(_text(group[f"block0_items_level{k}"].attrs["name"]) for k in range(num_levels))
    columns = [name for block in blocks for name in _names(group, f"{block}_items")]

    def values(first: int, last: int) -> np.ndarray:
        return np.column_stack([group[f"{block}_values"][first:last] for block in blocks])

    return levels, columns, _names(group, "axis1"), values


def _names(group: Any, axis: str) -> _Names:
    """The names along an axis of the fixed form."""
    if _text(group.attrs[f"{axis}_variety"]) == "regular":
        return [(_text(name),) for name in group[axis][:]]
    parts = [[_text(level) for level in group[f"{axis}_level{k}"][:]] for k in range(_num_levels(group, axis))]
    codes = [group[f"{axis}_label{k}"][:].tolist() for k in range(len(parts))]
    return [tuple(part[code] for part, code in zip(parts, row, strict=True)) for row in zip(*codes, strict=True)]


def _num_levels(group: Any, axis: str) -> int:
    return min(int(group.attrs[f"{axis}_nlevels"]), _MAX_LEVELS)


def _check_member(path: Path, group: Any, name: str) -> None:
    """Refuse data that lies in other files, which HDF5 would open, and more than the file can hold."""
    is_elsewhere = type(group.get(name, getlink=True)).__name__ == "ExternalLink"
    found = None if is_elsewhere else group[name]
    if is_elsewhere or getattr(found, "is_virtual", False) or getattr(found, "external", None):
        raise InputError(f"'{path}' refers to other files; write the table as CSV")
    size, dtype = getattr(found, "size", None) or 0, getattr(found, "dtype", np.dtype(float))
    try:
        # HDF5 can claim any number of values that were never written, and unpacks a piece of any size at once.
        Allowance(path.stat().st_size).check(size * max(1, dtype.itemsize))
        check_limit(dtype.itemsize, "row_bytes", f"the bytes of one of {size} values in {name[:40]!r} are")
    except InputError as error:
        raise InputError(f"'{path}' is damaged: {error}") from None


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
