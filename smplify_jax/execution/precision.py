"""Products of float32 numbers, exact to float32 on every device."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import jax

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def exact_products(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """`function`, run or traced so that no device rounds what it multiplies.

    By default JAX lets a GPU round both factors of a matrix product to ten bits (TF32): a millimetre on a body, and no end to a search
    whose steps gain less than that.
    """

    @wraps(function)
    def exactly(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        with jax.default_matmul_precision("highest"):
            return function(*args, **kwargs)

    return exactly
