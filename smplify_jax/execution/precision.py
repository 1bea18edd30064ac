"""Matrix products in full float32 precision on every device."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import jax

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def exact_products(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Run or trace `function` such that no device rounds the factors of a matrix product.

    By default JAX lets a GPU round both factors to ten bits (TF32). That moves a body by a millimetre, and a search whose steps gain less
    than the rounding error does not end.
    """

    @wraps(function)
    def exactly(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        with jax.default_matmul_precision("highest"):
            return function(*args, **kwargs)

    return exactly
