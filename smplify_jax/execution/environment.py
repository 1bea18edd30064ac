"""The process and the JAX flags that a fit needs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import jax
from jax import experimental

from smplify_jax.errors import InputError

# Older releases of JAX have it in jax.experimental.
_enable_x64 = getattr(jax if hasattr(jax, "enable_x64") else experimental, "enable_x64")  # noqa: B009

_has_forked_after_jax = False


@contextmanager
def usual_flags() -> Iterator[None]:
    """Run with JAX's default flags, whatever the caller has set for their own programs.

    A fit computes in float32. NaN marks unknown values in its results, and its search recognises steps to non-finite energies by their
    NaN. So `jax_enable_x64`, `jax_debug_nans` and similar flags must not apply inside it.
    """
    with _enable_x64(False), usual_flags_of_traces():
        yield


@contextmanager
def usual_flags_of_traces() -> Iterator[None]:
    """`usual_flags` for what the caller's own program traces, whose precision it chooses itself."""
    with (
        jax.debug_nans(False),
        jax.debug_infs(False),
        jax.numpy_dtype_promotion("standard"),
        jax.numpy_rank_promotion("allow"),
    ):
        yield


def check_process() -> None:
    """Check that this process can run JAX.

    Raises:
        InputError: it was forked from a process that had used JAX, so it would wait for JAX's threads, which it does not have.
    """
    if _has_forked_after_jax:
        raise InputError(
            "This process was forked from one that had used JAX and lacks JAX's threads, so a fit would hang: start processes with "
            'multiprocessing.get_context("spawn"), or use JAX in the forked ones only.'
        )


def _note_fork() -> None:
    global _has_forked_after_jax
    # JAX has no public way to ask without starting it. If this private one is gone, a fit in such a process hangs like any JAX program.
    is_initialized = getattr(sys.modules.get("jax._src.xla_bridge"), "backends_are_initialized", None)
    _has_forked_after_jax = _has_forked_after_jax or (is_initialized is not None and is_initialized())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)
