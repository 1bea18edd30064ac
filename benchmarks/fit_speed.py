"""Fits per second and compilation times, by layout and batch size."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import count
from statistics import median

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.draw import draw_keypoints
from benchmarks.timing import NUM_PEOPLE, fit_in_turn, median_seconds, ready_fit, seconds
from smplify_jax.execution.batching import padded_batches

GROWTH_BATCH = 64
"""Batch size for measuring the growth with keypoints, and the search instead of the network."""

_NUM_REFERENCE_KERNELS = 200


def time_fits(layouts: Sequence[str], batches: Sequence[int], num_runs: int) -> dict[str, float]:
    """Fits per second, the number of busy cores, and the compilation time in a first call."""
    values: dict[str, float] = {}
    for layout in layouts:
        people_of: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        compiled: set[int] = set()
        for batch in batches:
            people = draw_keypoints(layout, max(batch, NUM_PEOPLE))
            one_call = partial(ready_fit, people[0][:batch], people[1][:batch], layout, None)
            first_seconds = seconds(one_call)
            sizes = {len(rows) for rows, _ in padded_batches(batch)}
            if sizes - compiled:
                values[f"compile_s/{layout}/{batch}"] = first_seconds - seconds(one_call)
            compiled |= sizes
            people_of[batch] = people
        values |= _time_in_turns(layout, people_of, num_runs)
    return values


def _time_in_turns(
    layout: str, people_of: Mapping[int, tuple[np.ndarray, np.ndarray]], num_runs: int
) -> dict[str, float]:
    """Fits per second and busy cores for batches of each size, measured in turns, so that the machine's fluctuations affect all alike."""
    took: dict[int, list[float]] = defaultdict(list)
    worked: dict[int, float] = defaultdict(float)
    for _ in range(num_runs):
        for batch, people in people_of.items():
            before = time.process_time()
            took[batch].append(seconds(partial(fit_in_turn, *people, layout, batch)))
            worked[batch] += time.process_time() - before
    rates = {f"fits_per_second/{layout}/{batch}": len(people_of[batch][0]) / median(took[batch]) for batch in people_of}
    return rates | {f"cores_busy/{layout}/{batch}": worked[batch] / sum(took[batch]) for batch in people_of}


def time_layouts(layouts: Sequence[str], num_runs: int) -> dict[str, float]:
    """Fits per second in each layout."""
    return {f"fits_per_second/{layout}/{GROWTH_BATCH}": _rate(layout, num_runs, None) for layout in layouts}


def time_starts(layout: str, num_runs: int) -> dict[str, float]:
    """Fits per second with searched starts."""
    return {f"fits_per_second_4_starts/{layout}/{GROWTH_BATCH}": _rate(layout, num_runs, num_starts=4)}


def _rate(layout: str, num_runs: int, num_starts: int | None) -> float:
    call = partial(fit_in_turn, *draw_keypoints(layout, NUM_PEOPLE), layout, GROWTH_BATCH, num_starts)
    call()
    return NUM_PEOPLE / median_seconds(call, num_runs)


def time_reference_compilation(num_runs: int) -> float:
    """Seconds to trace and compile a fixed reference program, as a measure of compilation speed on this machine.

    Like a fit, it consists of many small kernels: each has a different constant, and a product in between prevents fusion.
    """
    number = count()

    def compile_again() -> None:
        jax.jit(partial(_reference, first=next(number))).lower(jnp.ones((8, 8))).compile()

    compile_again()
    return median_seconds(compile_again, num_runs)


def _reference(x: jax.Array, first: int) -> jax.Array:
    """A different program for each `first`, so that JAX cannot reuse a compiled one."""
    for kernel in range(first, first + _NUM_REFERENCE_KERNELS):
        x = jnp.cumsum(jnp.sin(x * (1 + kernel)), axis=0) @ x / (2 + kernel)
    return x
