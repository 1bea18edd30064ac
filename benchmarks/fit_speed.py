"""Fits per second, compilation, and how both grow."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from itertools import count

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.draw import draw_keypoints
from benchmarks.timing import median_seconds, ready_fit, seconds
from smplify_jax.batching import padded_batches

GROWTH_BATCH = 64
"""People with whom the growth with keypoints, and the search in place of the network, are measured."""

FEWEST_PEOPLE = 64
"""Smaller batches are measured on several: one person more or less takes twice the steps of another."""

_NUM_REFERENCE_KERNELS = 200


def time_fits(layouts: Sequence[str], batches: Sequence[int], num_runs: int) -> dict[str, float]:
    """Fits per second, how many cores they keep busy, and how much longer a first call took that had to compile."""
    values: dict[str, float] = {}
    for layout in layouts:
        compiled: set[int] = set()
        for batch in batches:
            call = partial(_fit_in_turn, *draw_keypoints(layout, max(batch, FEWEST_PEOPLE)), layout, batch)
            first = seconds(call)
            work, wall = time.process_time(), time.perf_counter()
            later = median_seconds(call, num_runs)
            work, wall = time.process_time() - work, time.perf_counter() - wall
            values[f"fits_per_second/{layout}/{batch}"] = max(batch, FEWEST_PEOPLE) / later
            values[f"cores_busy/{layout}/{batch}"] = work / wall
            sizes = {len(rows) for rows, _ in padded_batches(batch)}
            if sizes - compiled:
                values[f"compile_s/{layout}/{batch}"] = first - later
            compiled |= sizes
    return values


def _fit_in_turn(keypoints: np.ndarray, focal_length: np.ndarray, layout: str, batch: int) -> None:
    """One batch after the other, each waited for."""
    for first in range(0, len(keypoints), batch):
        rows = slice(first, first + batch)
        ready_fit(keypoints[rows], focal_length[rows], layout, None)


def time_layouts(layouts: Sequence[str], num_runs: int) -> dict[str, float]:
    """Fits per second in each layout."""
    return {f"fits_per_second/{layout}/{GROWTH_BATCH}": _rate(layout, num_runs, None) for layout in layouts}


def time_starts(layout: str, num_runs: int) -> dict[str, float]:
    """Fits per second of the search."""
    return {f"fits_per_second_4_starts/{layout}/{GROWTH_BATCH}": _rate(layout, num_runs, num_starts=4)}


def _rate(layout: str, num_runs: int, num_starts: int | None) -> float:
    call = partial(ready_fit, *draw_keypoints(layout, GROWTH_BATCH), layout, num_starts)
    call()
    return GROWTH_BATCH / median_seconds(call, num_runs)


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
