"""Checked arrays out of files whose content may be anything."""

from __future__ import annotations

import numpy as np

from smplify_jax.errors import InputError


def checked_floats(value: object, shape: tuple[int, ...], what: str) -> np.ndarray:
    """A value as float64.

    Args:
        value: what the file holds.
        shape: that it must have; -1 stands for any length.
        what: it is, for the message.
    Raises:
        InputError: it is no array of numbers of that shape.
    """
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "biuf":
        raise InputError(f"{what}: found a {type(value).__name__}; expected an array of numbers.")
    fits = [want in (-1, have) for want, have in zip(shape, value.shape, strict=False)]
    if value.ndim != len(shape) or not all(fits):
        expected = ", ".join("any" if length == -1 else str(length) for length in shape)
        raise InputError(f"{what}: found shape {value.shape}; expected ({expected}).")
    return np.asarray(value, np.float64)
