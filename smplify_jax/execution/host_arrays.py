"""Convert what callers give as numbers to NumPy arrays on the host: lists, arrays of any library, torch tensors."""

from __future__ import annotations

import numbers
import sys
from typing import Any

import numpy as np

from smplify_jax.errors import InputError


def host_array(value: Any, name: str) -> np.ndarray:
    """An argument as a NumPy array of real numbers.

    Args:
        value: a number, nested lists, an array, or a tensor on any device, including one that requires a gradient. None inside it becomes
            NaN, and so do the masked entries of a masked array.
        name: of the argument, for messages.
    Returns:
        An array of integers or floating-point numbers. It may share memory with `value`.

    Raises:
        InputError: rows of different lengths, values that are not real numbers, or a value that JAX is tracing.
    """
    if (
        type(value) is np.ndarray and value.dtype.kind in "iuf"
    ):  # the usual case: file readers call this for every person
        return value
    # Not imported here: reading keypoint files needs no JAX, which takes a second to import.
    if "jax" in sys.modules and isinstance(value, sys.modules["jax"].core.Tracer):
        raise InputError(
            f"{name} is being traced by jax.jit, vmap or grad, but fit needs concrete values: call fit outside of them, or call solve, "
            "which can be traced."
        )
    try:
        array = np.asarray(_without_tensors(value))
    except ValueError as error:
        if "inhomogeneous" not in str(error):
            raise _unusable(value, name) from error
        raise InputError(
            f"{name} is not a regular array: its rows have different lengths; give equally long rows."
        ) from error
    except Exception as error:  # whatever another library's arrays raise in their own __array__
        raise _unusable(value, name) from error
    if isinstance(value, np.ma.MaskedArray) and value.mask.any():
        array = np.where(np.ma.getmaskarray(value), np.nan, array)
    if array.dtype.kind == "V" and array.dtype.names is None:  # bfloat16 and its like, which NumPy does not know
        try:
            array = array.astype(np.float32)
        except (TypeError, ValueError) as error:
            raise _unusable(value, name) from error
    if array.dtype.kind == "O" and array.ndim and all(map(_is_number_or_none, array.ravel())):
        array = array.astype(np.float64)
    if array.dtype.kind not in "iuf":
        raise InputError(f"{name} has type {array.dtype}: expected real numbers.")
    return array


def _without_tensors(value: Any) -> Any:
    """Convert torch tensors to arrays, also inside lists."""
    if isinstance(value, (list, tuple)):
        return [_without_tensors(item) for item in value]
    if not (hasattr(value, "detach") and hasattr(value, "cpu")):
        return value
    tensor = value.detach().cpu()
    return (tensor.float() if "bfloat16" in str(tensor.dtype) else tensor).numpy()


def _is_number_or_none(item: Any) -> bool:
    return item is None or (isinstance(item, numbers.Real) and not isinstance(item, (bool, np.bool_)))


def _unusable(value: Any, name: str) -> InputError:
    return InputError(f"{name} is a {type(value).__name__} that cannot be read as an array: give an array of numbers.")
