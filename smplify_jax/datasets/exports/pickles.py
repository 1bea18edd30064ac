"""Pickles of arrays that every NumPy reads.

NumPy 2 pickles arrays by a function that NumPy before 1.26 does not have, and the trainers that read these files pin older ones.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

_PROTOCOL = 4


def portable_pickle(value: object) -> bytes:
    """Pickle lists, dicts and arrays; arrays by `numpy.ndarray` and `numpy.array` alone, writable when read."""
    buffer = io.BytesIO()
    _Pickler(buffer, _PROTOCOL).dump(value)
    return buffer.getvalue()


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: Any) -> tuple[Callable[..., Any], tuple[Any, ...]] | Any:
        if not isinstance(obj, np.ndarray):
            return NotImplemented
        if obj.dtype.hasobject:
            return np.array, (obj.tolist(),)
        return np.ndarray, (obj.shape, obj.dtype.str, bytearray(np.ascontiguousarray(obj).tobytes()))
