"""Fits per second, compilation, and how both grow."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from itertools import count

import jax
import jax.numpy as jnp

from benchmarks.draw import draw_keypoints
from benchmarks.timing import NUM_PEOPLE, fit_in_turn, median_seconds, ready_fit, seconds
from smplify_jax.batching import padded_batches

GROWTH_BATCH = 64
"""People a call with whom the growth with keypoints, and the search in place of the network, are measured."""

_NUM_REFERENCE_KERNELS = 200


def time_fits(layouts: Sequence[str], batches: Sequence[int], num_runs: int) -> dict[str, float]:
    """Fits per second, how many cores they keep busy, and how much longer a first call took that had to compile."""
    values: dict[str, float] = {}
    for layout in layouts:
        compiled: set[int] = set()
        for batch in batches:
            people = draw_keypoints(layout, max(batch, NUM_PEOPLE))
            one_call = partial(ready_fit, people[0][:batch], people[1][:batch], layout, None)
            first_seconds = seconds(one_call)
            sizes = {len(rows) for rows, _ in padded_batches(batch)}
            if sizes - compiled:
                values[f"compile_s/{layout}/{batch}"] = first_seconds - seconds(one_call)
            compiled |= sizes
            work, wall = time.process_time(), time.perf_counter()
            took = median_seconds(partial(fit_in_turn, *people, layout, batch), num_runs)
            work, wall = time.process_time() - work, time.perf_counter() - wall
            values[f"fits_per_second/{layout}/{batch}"] = len(people[0]) / took
            values[f"cores_busy/{layout}/{batch}"] = work / wall
    return values


def time_layouts(layouts: Sequence[str], num_runs: int) -> dict[str, float]:
    """Fits per second in each layout."""
    return {f"fits_per_second/{layout}/{GROWTH_BATCH}": _rate(layout, num_runs, None) for layout in layouts}


def time_starts(layout: str, num_runs: int) -> dict[str, float]:
    """Fits per second of the search."""
    return {f"fits_per_second_4_starts/{layout}/{GROWTH_BATCH}": _rate(layout, num_runs, num_starts=4)}


def _rate(layout: str, num_runs: int, num_starts: int | None) -> float:
    call = partial(fit_in_turn, *draw_keypoints(layout, NUM_PEOPLE), layout, GROWTH_BATCH, num_starts)
    call()
    return NUM_PEOPLE / median_seconds(call, num_runs)


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
