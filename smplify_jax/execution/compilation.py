"""How the large programs are compiled: for a first fit after seconds."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar, cast

import jax

from smplify_jax.execution.traces import flat, kept_trace, traces_folder

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

_QUICKLY: dict[str, Any] = {"xla_cpu_use_fusion_emitters": False, "xla_backend_optimization_level": 1}
"""Of a fit's some 500 small kernels, each costs 20 ms in XLA's newer emitters and LLVM's highest level. So they cost half of that, and the
fit is as fast (measured: docs/performance.md)."""


def jit(function: Callable[_Arguments, _Result], *, keeps_traces: bool = False) -> Callable[_Arguments, _Result]:
    """`jax.jit`, compiled quickly on CPU.

    Args:
        function: of arrays, and of trees of them, by position.
        keeps_traces: where JAX keeps compiled programs from one process to the next, keep the traced ones too (`traces.py`). Only for what
            runs on JAX's default device, and nothing but the arguments may decide what is traced.
    """
    compiled = cache(lambda: _quickly(function))  # not before the first call: only then JAX chooses its device
    known: dict[Any, Callable[..., _Result]] = {}

    @wraps(function)
    def call(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        folder = traces_folder() if keeps_traces else None
        if folder is None:
            return compiled()(*args, **kwargs)
        leaves, tree = jax.tree.flatten(args)
        what = (tree, tuple((leaf.shape, leaf.dtype) for leaf in leaves))
        if what not in known:
            known[what] = _quickly(kept_trace(folder, function, leaves, tree) or flat(function, tree))
        return known[what](*leaves)

    return call


def _quickly(function: Callable[..., _Result]) -> Callable[..., _Result]:
    """`jax.jit` with the options of `_QUICKLY` on CPU; without them where XLA does not know them (any more)."""
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
