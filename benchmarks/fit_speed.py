"""Fits per second, compilation, and how both grow."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from itertools import count

import jax
import jax.numpy as jnp

from benchmarks.draw import draw_keypoints
from benchmarks.timing import median_seconds, ready_fit, seconds
from smplify_jax.batching import padded_batches

GROWTH_BATCH = 64
"""People with whom the growth with keypoints is measured."""

NUM_STARTS = 4
"""Of the search in place of the network."""

_NUM_REFERENCE_KERNELS = 200


def time_fits(
    layouts: Sequence[str], batches: Sequence[int], num_runs: int, num_starts: int | None
) -> dict[str, float]:
    """Fits per second, how many cores they keep busy and, of every program that had to be compiled, how much longer its first call took."""
    values, compiled = {}, set()
    name = "fits_per_second" if num_starts is None else f"fits_per_second_{num_starts}_starts"
    for layout in layouts:
        for batch in batches:
            call = partial(ready_fit, *draw_keypoints(layout, batch), layout, num_starts)
            first = seconds(call)
            work, wall = time.process_time(), time.perf_counter()
            later = median_seconds(call, num_runs)
            work, wall = time.process_time() - work, time.perf_counter() - wall
            values[f"{name}/{layout}/{batch}"] = batch / later
            if num_starts is None:
                values[f"cores_busy/{layout}/{batch}"] = work / wall
            sizes = {(layout, len(rows)) for rows, _ in padded_batches(batch)}
            if num_starts is None and sizes - compiled:
                values[f"compile_s/{layout}/{batch}"] = first - later
            compiled |= sizes
    return values


def time_layouts(layouts: Sequence[str], num_runs: int) -> dict[str, float]:
    """Fits per second of `GROWTH_BATCH` people in each layout."""
    values = {}
    for layout in layouts:
        call = partial(ready_fit, *draw_keypoints(layout, GROWTH_BATCH), layout, None)
        call()
        values[f"fits_per_second/{layout}/{GROWTH_BATCH}"] = GROWTH_BATCH / median_seconds(call, num_runs)
    return values


def time_reference_compilation(num_runs: int) -> float:
    """Seconds to trace and compile a program that never changes: what compilation takes on this machine, whatever we do.

    Like a fit, it is many small kernels: each has a constant of its own, and a product in between keeps them from being fused.
    """
    number = count()

    def compile_anew() -> None:
        jax.jit(partial(_reference, first=next(number))).lower(jnp.ones((8, 8))).compile()

    compile_anew()
    return median_seconds(compile_anew, num_runs)


def _reference(x: jax.Array, first: int) -> jax.Array:
    """Another program for each `first`, or JAX would take the one it has."""
    for kernel in range(first, first + _NUM_REFERENCE_KERNELS):
        x = jnp.cumsum(jnp.sin(x * (1 + kernel)), axis=0) @ x / (2 + kernel)
    return x
