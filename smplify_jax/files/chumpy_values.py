"""Values of pickled chumpy expressions, without chumpy.

SMPL's own files hold chumpy arrays: plain ones (`chumpy.ch.Ch`, the array under "x"), or a node of an expression, such
as the first ten shape directions selected from three hundred, whose value is worked out from the nodes below.

Source: the operations of chumpy 0.70 (MIT licence), by their documented meaning as numpy functions.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse

from smplify_jax.files.pickle_arrays import Values
from smplify_jax.files.pickle_nodes import DamagedPickleError, Node


class Operands:
    """The attributes of one expression node, worked out on request: a file carries caches that need no value."""

    def __init__(self, node: Node, values: Values) -> None:
        """Take the node whose state holds the attributes."""
        if not isinstance(node.state, dict):
            raise DamagedPickleError("a chumpy array has no content")
        self._state = node.state
        self._values = values

    def array(self, name: str) -> np.ndarray:
        """An operand as chumpy sees it: float64, at least one axis."""
        if name not in self._state:
            raise DamagedPickleError(f"a chumpy array lacks its {name!r}")
        value = self._values.array(self._state[name])
        if value.dtype.kind not in "fiub":
            raise DamagedPickleError("a chumpy array holds no numbers")
        self.charge(value.size)
        return np.atleast_1d(value).astype(np.float64)

    def index(self, name: str) -> np.ndarray:
        """An array of whole numbers."""
        value = self._values.array(self._state.get(name))
        if value.dtype.kind not in "iu":
            raise DamagedPickleError("a chumpy selection has no indices")
        return value

    def matrix(self, name: str) -> object:
        """A dense or sparse matrix."""
        value = self._values.resolve(self._state.get(name))
        return value if scipy.sparse.issparse(value) else self._values.array(value)

    def setting(self, name: str, default: object = None) -> object:
        """A whole number, a tuple of them, or None."""
        value = self._values.resolve(self._state.get(name, default))
        if isinstance(value, np.ndarray):
            self.charge(value.size)
            value = value.tolist()
        parts = tuple(value) if isinstance(value, (list, tuple)) else (value,)
        self.charge(len(parts))
        if not all(part is None or isinstance(part, (int, np.integer)) for part in parts):
            raise DamagedPickleError(f"a chumpy array's {name!r} is no whole number")
        return parts if isinstance(value, (list, tuple)) else value

    def names(self, name: str) -> list[str]:
        """A list of attribute names."""
        value = self._values.resolve(self._state.get(name))
        if not isinstance(value, (list, tuple)) or not all(isinstance(part, str) for part in value):
            raise DamagedPickleError(f"a chumpy array's {name!r} is no list of names")
        self.charge(len(value))
        return list(value)

    def charge(self, num_numbers: int) -> None:
        """Count float64 numbers about to be made."""
        self._values.charge(8 * num_numbers)


def evaluate_chumpy(node: Node, values: Values) -> np.ndarray:
    """The value of a chumpy node.

    Args:
        node: What the pickle asks for; its class must be in `CHUMPY_OPERATIONS`.
        values: Gives the values of the nodes below, and counts the memory.
    Returns:
        A float64 array with at least one axis, as chumpy's own `.r`.
    """
    operands = Operands(node, values)
    with np.errstate(all="ignore"):  # a bad number is for the reader of the array to report
        value = np.atleast_1d(np.asarray(CHUMPY_OPERATIONS[str(node.target)](operands), np.float64))
    operands.charge(value.size)
    return value


_Operation = Callable[[Operands], object]


def _elementwise(function: Callable, *names: str) -> _Operation:
    def operation(operands: Operands) -> object:
        arrays = [operands.array(name) for name in names]
        shape = np.broadcast_shapes(*(array.shape for array in arrays))
        operands.charge(int(np.prod(shape, dtype=object)))
        return function(*arrays)

    return operation


def _reduction(function: Callable, name: str) -> _Operation:
    return lambda operands: function(operands.array(name), axis=operands.setting("axis"))


def _select(operands: Operands) -> object:
    index = operands.index("idxs")
    operands.charge(index.size)
    values = operands.array("a").ravel()[index]
    shape = operands.setting("preferred_shape")
    return values if shape is None else values.reshape(shape)  # pyright: ignore[reportArgumentType, reportCallIssue]


def _reshape(operands: Operands) -> object:
    return operands.array("a").reshape(operands.setting("newshape"))  # pyright: ignore[reportArgumentType, reportCallIssue]


def _transpose(operands: Operands) -> object:
    return np.transpose(operands.array("a"), operands.setting("axes"))  # pyright: ignore[reportArgumentType, reportCallIssue]


def _concatenate(operands: Operands) -> object:
    parts = [operands.array(name) for name in operands.names("dterms")]
    operands.charge(sum(part.size for part in parts))
    return np.concatenate(parts, axis=operands.setting("axis"))  # pyright: ignore[reportArgumentType, reportCallIssue]


def _at_least_nd(operands: Operands) -> object:
    functions = {1: np.atleast_1d, 2: np.atleast_2d, 3: np.atleast_3d}
    return functions[operands.setting("ndims")](operands.array("x"))  # pyright: ignore[reportArgumentType]


_PRODUCTS_PER_NUMBER = 64
"""Products that take about as long as writing a number."""


def _dot(operands: Operands) -> object:
    first, second = operands.array("a"), operands.array("b")
    num_inner = first.shape[-1]
    num_numbers = (first.size // num_inner) * (second.size // second.shape[-2 if second.ndim > 1 else -1])
    operands.charge(num_numbers + num_numbers * num_inner // _PRODUCTS_PER_NUMBER)
    return first.dot(second)


def _matrix_times_vector(operands: Operands) -> object:
    matrix, vector = operands.matrix("mtx"), operands.array("vec").ravel()
    operands.charge(matrix.shape[0])  # pyright: ignore[reportAttributeAccessIssue]
    return matrix.dot(vector)  # pyright: ignore[reportAttributeAccessIssue]


def _swap_axes(operands: Operands) -> object:
    return np.swapaxes(operands.array("a"), operands.setting("axis1"), operands.setting("axis2"))  # pyright: ignore


def _roll_axis(operands: Operands) -> object:
    return np.rollaxis(operands.array("a"), operands.setting("axis"), operands.setting("start", 0))  # pyright: ignore


CHUMPY_OPERATIONS: dict[str, _Operation] = {
    "chumpy.ch.Ch": lambda operands: operands.array("x"),
    "chumpy.Ch": lambda operands: operands.array("x"),
    "chumpy.ch.ChHandle": lambda operands: operands.array("x"),
    "chumpy.ch.MatVecMult": _matrix_times_vector,
    "chumpy.reordering.Select": _select,
    "chumpy.reordering.Reshape": _reshape,
    "chumpy.reordering.transpose": _transpose,
    "chumpy.reordering.swapaxes": _swap_axes,
    "chumpy.reordering.rollaxis": _roll_axis,
    "chumpy.reordering.Concatenate": _concatenate,
    "chumpy.reordering.AtleastNd": _at_least_nd,
    "chumpy.ch_ops.add": _elementwise(np.add, "a", "b"),
    "chumpy.ch_ops.subtract": _elementwise(np.subtract, "a", "b"),
    "chumpy.ch_ops.multiply": _elementwise(np.multiply, "a", "b"),
    "chumpy.ch_ops.divide": _elementwise(np.divide, "x1", "x2"),
    "chumpy.ch_ops.power": _elementwise(np.power, "x", "pow"),
    "chumpy.ch_ops.maximum": _elementwise(np.maximum, "a", "b"),
    "chumpy.ch_ops.minimum": _elementwise(np.minimum, "a", "b"),
    "chumpy.ch_ops.dot": _dot,
    "chumpy.ch_ops.sum": _reduction(np.sum, "x"),
    "chumpy.ch_ops.mean": _reduction(np.mean, "x"),
    "chumpy.ch_ops.negative": _elementwise(np.negative, "x"),
    "chumpy.ch_ops.absolute": _elementwise(np.absolute, "x"),
    "chumpy.ch_ops.sqrt": _elementwise(np.sqrt, "x"),
    "chumpy.ch_ops.square": _elementwise(np.square, "x"),
    "chumpy.ch_ops.exp": _elementwise(np.exp, "x"),
    "chumpy.ch_ops.log": _elementwise(np.log, "x"),
    "chumpy.ch_ops.reciprocal": _elementwise(np.reciprocal, "x"),
}
"""What each admitted chumpy class means; any other class is refused by name."""
