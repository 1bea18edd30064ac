"""The process and the JAX flags that a fit runs in."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import jax
from jax import experimental

from smplify_jax.errors import InputError

# Older releases of JAX have it among the experimental parts.
_enable_x64 = getattr(jax if hasattr(jax, "enable_x64") else experimental, "enable_x64")  # noqa: B009

_has_forked_after_jax = False


@contextmanager
def usual_flags() -> Iterator[None]:
    """JAX as it is by default, whatever the caller has set for their own programs.

    A fit computes in float32; NaN stands in its results for what is not known, and its search tells steps that lead out of the finite
    numbers by their NaN. So neither `jax_enable_x64` nor `jax_debug_nans` and its like may reach into it.
    """
    with (
        _enable_x64(False),
        jax.debug_nans(False),
        jax.debug_infs(False),
        jax.numpy_dtype_promotion("standard"),
        jax.numpy_rank_promotion("allow"),
    ):
        yield


def check_process() -> None:
    """See that this process can run JAX.

    Raises:
        InputError: it was forked off one in which JAX had been used, without JAX's threads, which it would wait for.
    """
    if _has_forked_after_jax:
        raise InputError(
            "This process was forked off one that had used JAX, whose threads it lacks, so a fit would hang: start processes with "
            'multiprocessing.get_context("spawn"), or use JAX in the forked ones only.'
        )


def _note_fork() -> None:
    global _has_forked_after_jax
    # JAX has no public way to ask without starting it; where this one is gone, a fit in such a process hangs as any of JAX's programs does.
    is_initialized = getattr(sys.modules.get("jax._src.xla_bridge"), "backends_are_initialized", None)
    _has_forked_after_jax = _has_forked_after_jax or (is_initialized is not None and is_initialized())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)
