"""Fits per second with one JAX device per core, in a separate process, because JAX's devices must be chosen before its first use."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from functools import partial

import jax

from benchmarks.draw import draw_keypoints
from benchmarks.timing import NUM_PEOPLE, fit_in_turn, median_seconds
from smplify_jax import use_all_cores


def measure_all_cores(layout: str, batch: int, num_runs: int, num_starts: int | None = None) -> dict[str, float]:
    """Fits per second, and the number of busy cores; starting from the network, or from `num_starts` searched starts."""
    call = f"from benchmarks.all_cores import print_rates; print_rates({layout!r}, {batch}, {num_runs}, {num_starts})"
    output = subprocess.run([sys.executable, "-c", call], check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(output)


def print_rates(layout: str, batch: int, num_runs: int, num_starts: int | None) -> None:
    """Measure in this process, and print the result as JSON."""
    use_all_cores()
    people = draw_keypoints(layout, max(batch, NUM_PEOPLE))
    call = partial(fit_in_turn, *people, layout, batch, num_starts, jax.devices())
    call()
    cpu_start, start = time.process_time(), time.perf_counter()
    duration = median_seconds(call, num_runs)
    busy = (time.process_time() - cpu_start) / (time.perf_counter() - start)
    starts, size = "" if num_starts is None else f"_{num_starts}_starts", f"{layout}/{batch}"
    rate = len(people[0]) / duration
    print(json.dumps({f"all_cores_fits_per_second{starts}/{size}": rate, f"all_cores_busy{starts}/{size}": busy}))
