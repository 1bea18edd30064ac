"""How the large programs are compiled: for a first fit after seconds."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar, cast

import jax

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

_QUICKLY = {"xla_cpu_use_fusion_emitters": False, "xla_backend_optimization_level": 1}
"""Of a fit's some 600 small kernels, each costs 20 ms in XLA's newer emitters and LLVM's highest level. So they cost half of that, and the
fit is as fast (measured: docs/performance.md)."""


def jit(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """`jax.jit`, compiled quickly on CPU."""

    @wraps(function)
    def call(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        return compiled()(*args, **kwargs)

    @cache  # not before the first call: only then JAX chooses its device
    def compiled() -> Callable[_Arguments, _Result]:
        return cast(Callable[_Arguments, _Result], jax.jit(function, compiler_options=_options()))

    return call


@cache
def _options() -> dict[str, Any]:
    """Those of `_QUICKLY`, or none where XLA does not know them (any more)."""
    if jax.default_backend() != "cpu":
        return {}
    try:
        jax.jit(lambda: 0, compiler_options=_QUICKLY).lower().compile()
    except jax.errors.JaxRuntimeError:
        return {}
    return _QUICKLY
