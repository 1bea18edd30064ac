"""How the large programs are compiled: quickly, so that the first fit takes seconds."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar, cast

import jax

from smplify_jax.execution.traces import flat, kept_trace, traces_folder

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

_QUICKLY: dict[str, Any] = {"xla_cpu_use_fusion_emitters": False, "xla_backend_optimization_level": 1}
"""A fit has about 500 small kernels, each of which takes 20 ms to compile with XLA's newer emitters and LLVM's highest optimisation level.
These options halve that, and the fit is as fast (measured: docs/performance.md)."""


def jit(function: Callable[_Arguments, _Result], *, keeps_traces: bool = False) -> Callable[_Arguments, _Result]:
    """`jax.jit` that compiles quickly on CPU.

    Args:
        function: of arrays and trees of arrays, by position.
        keeps_traces: if JAX caches compiled programs on disk, cache the traced ones too (`traces.py`). Only for functions that run on JAX's
            default device and whose trace depends on nothing but the arguments.
    """
    compiled = cache(lambda: _quickly(function))  # not before the first call, because JAX chooses its device only then
    programs: dict[Any, Callable[..., _Result]] = {}

    @wraps(function)
    def call(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        folder = traces_folder() if keeps_traces else None
        if folder is None:
            return compiled()(*args, **kwargs)
        leaves, tree = jax.tree.flatten(args)
        signature = (tree, tuple((leaf.shape, leaf.dtype) for leaf in leaves))
        if signature not in programs:
            programs[signature] = _quickly(kept_trace(folder, function, leaves, tree) or flat(function, tree))
        return programs[signature](*leaves)

    return call


def _quickly(function: Callable[..., _Result]) -> Callable[..., _Result]:
    """`jax.jit` with the options `_QUICKLY` on CPU; without them if this version of XLA does not know them."""
    if jax.default_backend() != "cpu":
        return jax.jit(function)
    program = jax.jit(function, compiler_options=_QUICKLY)

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> _Result:
        nonlocal program
        try:
            return program(*args, **kwargs)
        except jax.errors.JaxRuntimeError as error:
            if not any(option in str(error) for option in _QUICKLY):
                raise
        program = jax.jit(function)
        return program(*args, **kwargs)

    return cast(Callable[..., _Result], call)
