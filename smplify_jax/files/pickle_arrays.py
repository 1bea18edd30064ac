"""Build numpy arrays and scipy sparse matrices from what a pickle says of them.

Nothing of numpy's own unpickling code runs: it believes the shape and type that a file claims.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Protocol

import numpy as np
import scipy.sparse

from smplify_jax.errors import InputError
from smplify_jax.files.pickle_nodes import DamagedPickleError, Node, Reference


class Values(Protocol):
    """What gives a builder the values of the items below its node (see `pickle_values.Resolver`)."""

    def resolve(self, item: object) -> object:
        """The value of a tree item."""
        ...

    def array(self, item: object) -> np.ndarray:
        """The value of a tree item that must be an array or a number."""
        ...

    def charge(self, num_bytes: int) -> None:
        """Count array bytes about to be made."""
        ...


Builder = Callable[[Node, Values], object]


def names_of(modules: str, names: str) -> list[str]:
    """Every name in every module, both given with spaces between."""
    return [f"{module}.{name}" for module in modules.split() for name in names.split()]


OBJECT_CLASSES = frozenset(names_of("__builtin__ builtins", "object"))
ARRAY_CLASSES = frozenset(
    names_of("numpy numpy.core.multiarray numpy._core.multiarray", "ndarray memmap")
    + names_of("numpy numpy.matrixlib.defmatrix numpy.core.defmatrix", "matrix")
)
_DTYPE_CODE = re.compile(r"b1|[iu][1248]|f[248]|[SU]\d{1,6}|O8?|\?")
_MAX_AXES = 32
LATIN_1_NAMES = ("latin1", "latin-1")


def _as_bytes(value: object) -> bytes:
    if isinstance(value, str):
        return value.encode("latin-1")
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    raise DamagedPickleError("array data is no byte string")


def shown(item: object) -> str:
    """A few words for messages about a part of the tree, which may be far too large to write out."""
    if isinstance(item, (str, Reference)):
        return "'" + "".join(letter if letter.isprintable() else "?" for letter in str(item)[:80]) + "'"
    return f"a {type(item).__name__}"


def unpack(values: object, num_values: int) -> tuple:
    """The arguments or state of a node, whose number must be right."""
    if not isinstance(values, tuple) or len(values) != num_values:
        raise DamagedPickleError(f"an object has not its {num_values} arguments")
    return values


def build_dtype(node: Node, values: Values) -> np.dtype:
    """Numpy's `dtype(code, align, copy)` and its state (version, byte order, subarray, names, fields, item size)."""
    code = values.resolve(node.args[0]) if node.args else None
    if isinstance(code, bytes):
        code = code.decode("latin-1")
    if not isinstance(code, str) or not _DTYPE_CODE.fullmatch(code):
        raise InputError(f"the pickle holds an array of type {shown(code)}, which is not numbers or text")
    if node.state is None:
        return np.dtype(code)
    if not isinstance(node.state, tuple) or len(node.state) < 5:
        raise DamagedPickleError("an array type is incomplete")
    _, byte_order, subarray, names, fields, *rest = node.state
    if (subarray, names, fields) != (None, None, None):
        raise InputError("the pickle holds an array of records, which is not numbers or text")
    if code in ("S0", "U0") and rest and isinstance(rest[0], int) and 0 < rest[0] < 10**6:
        return np.dtype(f"{code[0]}{rest[0] // (4 if code[0] == 'U' else 1)}")
    order = values.resolve(byte_order)
    order = order.decode("latin-1") if isinstance(order, bytes) else order
    if order not in ("<", ">", "|", "="):
        raise DamagedPickleError("a byte order is unknown")
    return np.dtype(code).newbyteorder(order)


def _as_dtype(item: object, values: Values) -> np.dtype:
    value = values.resolve(item)
    if not isinstance(value, np.dtype):
        raise DamagedPickleError("an array has no type")
    return value


def as_shape(item: object, values: Values) -> tuple[int, ...]:
    """A tree item as the shape of an array; DamagedPickleError if it is none."""
    value = values.resolve(item)
    if (
        not isinstance(value, tuple)
        or len(value) > _MAX_AXES
        or not all(isinstance(n, (int, np.integer)) and n >= 0 for n in value)
    ):
        raise DamagedPickleError("an array has no shape")
    return tuple(int(n) for n in value)


def array_from_bytes(data: bytes, dtype: np.dtype, shape: tuple[int, ...], order: str, values: Values) -> np.ndarray:
    """An array of numbers or text, in C or Fortran order, whose data must fill it."""
    if dtype.itemsize == 0 or math.prod(shape) * dtype.itemsize != len(data):
        raise DamagedPickleError("an array's data do not fill its shape")
    values.charge(len(data))
    flat = np.frombuffer(data, np.uint8 if dtype.kind == "b" else dtype)
    # Any byte may stand for a boolean, and numpy's are 0 and 1.
    flat = flat != 0 if dtype.kind == "b" else flat.astype(dtype.newbyteorder("="))
    if dtype.kind == "U" and flat.size and flat.view(np.uint32).max() > 0x10FFFF:
        raise DamagedPickleError("a text array holds no text")
    return flat.reshape(shape, order="F" if order == "F" else "C")


def build_array(node: Node, values: Values) -> np.ndarray:
    """Numpy's `_reconstruct(ndarray, (0,), b"b")` and its state (version, shape, dtype, is_fortran, data)."""
    check_is_name(node.args[0] if node.args else None, ARRAY_CLASSES)
    state = node.state if isinstance(node.state, tuple) and len(node.state) == 5 else (1, *unpack(node.state, 4))
    _, shape, dtype_item, is_fortran, data = state
    shape, dtype = as_shape(shape, values), _as_dtype(dtype_item, values)
    if dtype.kind == "O":
        return _object_array(data, shape, values)
    return array_from_bytes(_as_bytes(values.resolve(data)), dtype, shape, "F" if is_fortran else "C", values)


def _object_array(data: object, shape: tuple[int, ...], values: Values) -> np.ndarray:
    if not isinstance(data, list) or len(data) != math.prod(shape):
        raise DamagedPickleError("an array's data do not fill its shape")
    values.charge(8 * len(data))
    flat = np.empty(len(data), object)
    for index, item in enumerate(data):
        flat[index] = values.resolve(item)
    return flat.reshape(shape)


def build_array_from_buffer(node: Node, values: Values) -> np.ndarray:
    """Numpy's `_frombuffer(buffer, dtype, shape, order)` of protocol 5."""
    buffer, dtype_item, shape, order = unpack(node.args, 4)
    dtype = _as_dtype(dtype_item, values)
    order = order if isinstance(order, str) else "C"
    return array_from_bytes(_as_bytes(values.resolve(buffer)), dtype, as_shape(shape, values), order, values)


def build_number(node: Node, values: Values) -> np.generic:
    """Numpy's `scalar(dtype, data)`."""
    dtype_item, data = unpack(node.args, 2)
    dtype = _as_dtype(dtype_item, values)
    return array_from_bytes(_as_bytes(values.resolve(data)), dtype, (1,), "C", values)[0]


def check_is_name(item: object, names: frozenset[str]) -> None:
    """Refuse an argument that is not one of these names."""
    if not isinstance(item, Reference) or str(item) not in names:
        raise InputError(f"the pickle asks for an array of class {shown(item)}, which is not numpy's own")


def _sparse_state(node: Node) -> dict:
    if not isinstance(node.state, dict):
        raise DamagedPickleError("a sparse matrix has no content")
    return node.state


def _sparse_shape(state: dict, values: Values) -> tuple[int, int]:
    shape = as_shape(state.get("_shape", state.get("shape")), values)
    if len(shape) != 2 or max(shape) > 2**31:
        raise DamagedPickleError("a sparse matrix has no rows and columns")
    return shape[0], shape[1]


def _sparse_arrays(items: tuple[object, ...], values: Values) -> list[np.ndarray]:
    """The data and index arrays of a sparse matrix: flat, data of numbers, indices as int64."""
    data, *indices = (values.array(item) for item in items)
    values.charge(data.nbytes + 8 * sum(array.size for array in indices))
    if data.dtype.kind not in "fiub" or any(array.dtype.kind not in "iu" for array in indices):
        raise DamagedPickleError("a sparse matrix is not made of numbers")
    if any(array.ndim != 1 for array in (data, *indices)):
        raise DamagedPickleError("a sparse matrix is not made of flat arrays")
    return [data, *(array.astype(np.int64) for array in indices)]


def _check_indices(indices: np.ndarray, num_rows_or_columns: int) -> None:
    if indices.size and (indices.min() < 0 or indices.max() >= num_rows_or_columns):
        raise DamagedPickleError("a sparse matrix has entries outside its shape")


def check_compressed(data: np.ndarray, indices: np.ndarray, indptr: np.ndarray, num_lines: int, length: int) -> None:
    """Refuse a compressed matrix whose indices do not describe `num_lines` lines of `length` numbers.

    scipy's compiled loops take `indptr` and `indices` for addresses. Its own `check_format` looks at neither where
    `indptr[-1]` is zero or less, so a file could choose what memory is written; nothing of scipy's may run before this.

    Args:
        data: (E,) entries, line by line.
        indices: (E,) the place of each in its line.
        indptr: (num_lines + 1,) where each line's entries begin and end.
        num_lines: columns of a csc matrix, rows of a csr matrix.
        length: rows of a csc matrix, columns of a csr matrix.
    Raises:
        DamagedPickleError: they contradict each other.
    """
    if len(indptr) != num_lines + 1 or len(data) != len(indices):
        raise DamagedPickleError("a sparse matrix's arrays do not fit its shape")
    if indptr[0] != 0 or indptr[-1] != len(indices) or (indptr[1:] < indptr[:-1]).any():
        raise DamagedPickleError("a sparse matrix's lines do not follow each other")
    _check_indices(indices, length)


def _build_compressed(node: Node, values: Values, is_by_column: bool) -> object:
    state = _sparse_state(node)
    data, indices, indptr = _sparse_arrays(tuple(state.get(key) for key in ("data", "indices", "indptr")), values)
    shape = _sparse_shape(state, values)
    num_lines, length = shape[::-1] if is_by_column else shape
    check_compressed(data, indices, indptr, num_lines, length)
    make = scipy.sparse.csc_matrix if is_by_column else scipy.sparse.csr_matrix
    return make((data, indices, indptr), shape=shape)


def build_csc(node: Node, values: Values) -> object:
    """Build a csc matrix from the dict of its attributes."""
    return _build_compressed(node, values, is_by_column=True)


def build_csr(node: Node, values: Values) -> object:
    """Build a csr matrix from the dict of its attributes."""
    return _build_compressed(node, values, is_by_column=False)


def build_coordinates(node: Node, values: Values) -> object:
    """Build a coo matrix from the dict of its attributes."""
    state = _sparse_state(node)
    row, col = unpack(state["coords"], 2) if "coords" in state else (state.get("row"), state.get("col"))
    data, row, col = _sparse_arrays((state.get("data"), row, col), values)
    shape = _sparse_shape(state, values)
    if not len(data) == len(row) == len(col):
        raise DamagedPickleError("a sparse matrix's arrays do not fit each other")
    _check_indices(row, shape[0])
    _check_indices(col, shape[1])
    return scipy.sparse.coo_matrix((data, (row, col)), shape=shape)
