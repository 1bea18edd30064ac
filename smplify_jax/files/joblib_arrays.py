"""Arrays in the files of joblib, whose bytes lie between the opcodes of the pickle: VIBE, WHAM and 4D-Humans save so.

Where an array should be, the pickle builds a `NumpyArrayWrapper` that says its shape and type. Behind the opcode that does so, outside of
the pickle's own grammar, follow a byte that says how many others to skip, and then the array. An array of objects is a pickle of its own.
Source: joblib's documentation, "Persistence", and files that joblib 1.6 wrote; older ones skip no bytes.
"""

from __future__ import annotations

import io
import math
import zlib
from collections.abc import Callable

import numpy as np

from smplify_jax.files.budget import Allowance
from smplify_jax.files.pickle_arrays import (
    ARRAY_CLASSES,
    Values,
    array_from_bytes,
    as_shape,
    build_dtype,
    check_is_name,
    names_of,
)
from smplify_jax.files.pickle_nodes import DamagedPickleError, Node

WRAPPERS = frozenset(names_of("joblib.numpy_pickle sklearn.externals.joblib.numpy_pickle", "NumpyArrayWrapper"))


class _AsItIs:
    """Shapes and types are written in place: nothing of them needs to be resolved, and nothing is made yet."""

    def resolve(self, item: object) -> object:
        return item

    def array(self, item: object) -> np.ndarray:
        raise DamagedPickleError("an array's shape is an array")

    def charge(self, num_bytes: int) -> None:
        return


def read_attached(node: Node, stream: io.BytesIO, read_pickle: Callable[[], object]) -> None:
    """Read what follows an object's state outside of the pickle's grammar, if it is such an array.

    Args:
        node: the object that was given its state.
        stream: behind it.
        read_pickle: reads a pickle from there.

    Raises:
        DamagedPickleError: the file ends before.
    """
    if str(node.target) not in WRAPPERS:
        return
    shape, dtype, state = _about(node)
    if dtype.kind == "O":
        node.attached = read_pickle()
        return
    if state.get("numpy_array_alignment_bytes") is not None:
        num_skipped = stream.read(1)
        stream.read(num_skipped[0] if num_skipped else 0)
    num_bytes = math.prod(shape) * dtype.itemsize
    data = stream.read(num_bytes)
    if len(data) < num_bytes:
        raise DamagedPickleError("it ends too early")
    node.attached = data


def build_attached(node: Node, values: Values) -> object:
    """The array that was read behind its wrapper."""
    shape, dtype, state = _about(node)
    check_is_name(state.get("subclass"), ARRAY_CLASSES)
    if dtype.kind == "O":
        found = values.resolve(node.attached)
        if not isinstance(found, np.ndarray):
            raise DamagedPickleError("an array of objects is none")
        return found
    if not isinstance(node.attached, bytes):
        raise DamagedPickleError("an array has no data")
    order = state.get("order")
    return array_from_bytes(node.attached, dtype, shape, "F" if order == "F" else "C", values)


def _about(node: Node) -> tuple[tuple[int, ...], np.dtype, dict]:
    state = node.state
    if not isinstance(state, dict) or not isinstance(state.get("dtype"), Node):
        raise DamagedPickleError("an array has no type")
    return as_shape(state.get("shape"), _AsItIs()), build_dtype(state["dtype"], _AsItIs()), state


def is_zlib(data: bytes) -> bool:
    """Whether bytes begin as a stream of zlib does: no pickle does so."""
    return len(data) > 2 and data[0] == 0x78 and int.from_bytes(data[:2], "big") % 31 == 0


def unpacked(data: bytes, allowance: Allowance) -> bytes:
    """The bytes that zlib packed, as `joblib.dump(..., compress=3)` does.

    Raises:
        InputError: they are more than the file may ask for.
        DamagedPickleError: they are damaged.
    """
    unpacker = zlib.decompressobj()
    try:
        found = unpacker.decompress(data, allowance.limit + 1)
    except zlib.error as error:
        raise DamagedPickleError(f"{error}") from None
    allowance.charge(len(found))
    if not unpacker.eof:
        raise DamagedPickleError("it ends too early")
    return found
